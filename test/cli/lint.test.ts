/** `tenantry schema lint` and what versions are warned of, as programs. */
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { VersionDialect } from '../../src/schema/version-dialects.ts'
import { checksumOf, writeVersion } from '../../src/schema/version-files.ts'
import { testDirectory } from '../support/directories.ts'
import { startUp, tenantry, type Ended } from './tenantry.ts'

let directory = ''
const lint = (...args: string[]): Promise<Ended> =>
  tenantry(['schema', 'lint', ...args], {
    cwd: directory,
    env: { XDG_CACHE_HOME: path.join(directory, 'cache') },
  })

async function version(
  folder: string,
  versionId: string,
  upgradeSql: string,
  downgradeSql: string | null = null,
  dialect: VersionDialect = 'postgres',
): Promise<void> {
  await writeVersion(folder, {
    versionId,
    dialect,
    description: versionId,
    upgradeSql,
    downgradeSql,
    checksum: checksumOf(upgradeSql, downgradeSql),
    source: null,
    sourceRevision: null,
    createdAt: '2026-01-12T14:30:00Z',
  })
}

const FIRST =
  'create table orders (id bigint primary key, total bigint); grant select on orders to reporting;'

beforeAll(async () => {
  directory = await testDirectory('lint')
  const folder = path.join(directory, 'versions')
  await mkdir(folder)
  await version(folder, '20260112_143000', FIRST)
  await version(folder, '20260113_143000', 'alter table orders add column note text')
  await version(folder, '20260114_143000', '\ncreate index on orders (total);')
})
afterAll(() => rm(directory, { recursive: true }))

test('a folder of versions: each on what those before it have made; exit code 6', async () => {
  const { code, stdout, stderr } = await lint('versions')
  expect(stdout).toMatch(
    /^20260114_143000 {2}versions\/20260114_143000\/upgrade.sql\n {2}line 2 {2}locks public.orders SHARE\n {4}error long-lock: .*\n {6}→ CREATE INDEX CONCURRENTLY\.\n$/,
  )
  expect(stderr).toBe('3 versions: 1 to mend or allow, 0 to know.\nIf that is meant: --allow long-lock\n')
  expect(code).toBe(6)
})

test('one version of it, on the others; nothing to say is exit code 0', async () => {
  expect(await lint('versions/20260113_143000')).toMatchObject({ code: 0, stdout: '' })
  expect((await lint('versions/20260114_143000')).code).toBe(6)
  expect((await lint('versions', '--since', '20260114_143000')).code).toBe(0)
  expect((await lint('versions', '--allow', 'long-lock')).code).toBe(0)
})

test('the way back of a version is tried as well', async () => {
  const folder = path.join(directory, 'back')
  await mkdir(folder)
  await version(folder, '20260112_143000', FIRST, 'drop table orders')
  await version(
    folder,
    '20260113_143000',
    'alter table orders add note text',
    'alter table orders drop remark',
  )
  const { code, stdout, stderr } = await lint('back')
  expect(stdout).toMatch(
    /^20260113_143000, its downgrade {2}back\/20260113_143000\/downgrade.sql\n {2}line 1\n {4}error fails: .*42703/,
  )
  expect(stderr).toMatch(/^2 versions: 1 to mend or allow/)
  expect(code).toBe(6)
})

test('as JSON, with the locks of every statement', async () => {
  const { stdout } = await lint('versions', '--since', '20260112_143000', '--format', 'json')
  const body = JSON.parse(stdout) as { clean: boolean; versions: { name: string; rehearsed: unknown[] }[] }
  expect(body.clean).toBe(false)
  expect(body.versions.map(({ name, rehearsed }) => [name, rehearsed])).toEqual([
    [
      '20260113_143000',
      [
        {
          statement: 1,
          line: 1,
          inTransaction: true,
          locks: [{ relation: 'public.orders', mode: 'ACCESS EXCLUSIVE' }],
          rewritten: [],
        },
      ],
    ],
    ['20260114_143000', [expect.objectContaining({ locks: [{ relation: 'public.orders', mode: 'SHARE' }] })]],
  ])
})

test('a file on a schema; without one it says what is missing', async () => {
  await writeFile(path.join(directory, 'first.sql'), FIRST)
  await writeFile(path.join(directory, 'drop.sql'), 'drop table orders')
  const on = await lint('drop.sql', '--on', 'first.sql')
  expect(on).toMatchObject({
    code: 6,
    stdout: expect.stringContaining('data-loss (dropped-table)') as string,
  })
  const bare = await lint('drop.sql')
  expect(bare).toMatchObject({ code: 6, stdout: expect.stringContaining('--on DATABASE') as string })
  expect(await lint('first.sql', 'drop.sql')).toMatchObject({
    code: 6,
    stdout: expect.stringContaining('data-loss (dropped-table)') as string,
  })
  const piped = await tenantry(['schema', 'lint', '-', '--on', 'first.sql', '--format', 'text'], {
    cwd: directory,
    input: 'truncate orders',
    env: { XDG_CACHE_HOME: path.join(directory, 'cache') },
  })
  expect(piped.stdout).toMatch(
    /^standard input\n {2}line 1 .*\n {4}error data-loss \(removed-rows\): All rows of/,
  )
  const text = await lint('drop.sql', '--no-rehearse')
  expect(text).toMatchObject({ code: 6, stdout: expect.stringContaining('squawk/ban-drop-table') as string })
})

test('each version on a server of its own kind: SQLite needs none', async () => {
  const folder = path.join(directory, 'mixed')
  await mkdir(folder)
  await version(folder, '20260112_143000', 'create table orders (id bigint primary key, note text)')
  await version(folder, '20260113_143000', 'CREATE TABLE orders (id INTEGER, note TEXT)', null, 'sqlite')
  await version(folder, '20260114_143000', 'ALTER TABLE orders DROP COLUMN note', null, 'sqlite')
  const all = await lint('mixed')
  expect(all.code).toBe(6)
  expect(all.stdout).toMatch(
    /^20260114_143000 .*\n {2}line 1\n {4}error data-loss: orders.note and its values/,
  )
  const one = await lint('mixed/20260114_143000', '--allow', 'data-loss,table-rewrite')
  expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining('[allowed]') as string })

  await writeFile(path.join(directory, 'sqlite.sql'), 'DELETE FROM nowhere')
  expect(await lint('sqlite.sql', '--dialect', 'sqlite')).toMatchObject({
    code: 6,
    stdout: expect.stringContaining('no such table: nowhere') as string,
  })
  expect(await lint('sqlite.sql', '--dialect', 'mysql')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--scratch mysql://') as string,
  })
  expect(await lint('sqlite.sql', '--dialect', 'sqlite', '--no-rehearse')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Leave out --no-rehearse') as string,
  })
})

test('what cannot be linted is said: exit code 2', async () => {
  await writeFile(path.join(directory, 'open.sql'), "select 'open")
  for (const args of [
    ['open.sql'],
    ['no-such.sql'],
    ['versions', '--since', '20250101_000000'],
    ['versions', '--allow', 'x'],
  ])
    expect([args, (await lint(...args)).code]).toEqual([args, 2])
})

test('stored versions: warned of when they are stored and rolled out, linted on those before them', async () => {
  const up = await startUp()
  try {
    await version(path.join(up.directory, 'versions'), '20260112_143000', FIRST)
    await version(path.join(up.directory, 'versions'), '20260114_143000', 'drop table orders;')
    const warning =
      '20260114_143000, line 1: data-loss: Dropping a table may break existing clients.\nWhat a rehearsal shows: tenantry version lint 20260114_143000\n'
    expect(await up.run('version', 'import', 'versions')).toMatchObject({ code: 0, stderr: warning })
    const linted = await up.run('version', 'lint', '20260114_143000')
    expect(linted.code).toBe(6)
    expect(linted.stdout).toContain('The table public.orders is removed with what it holds.')
    const prefix = `lint${randomBytes(3).toString('hex')}_`
    await up.run('simulate', 'create', '1', '--prefix', prefix, '--wait')
    const started = await up.run('rollout', 'start', 'latest', '--dry-run', '--wait')
    await up.run('simulate', 'cleanup', '--prefix', prefix, '--yes', '--wait')
    expect(started.stderr).toContain(warning)
  } finally {
    await up.remove()
  }
})

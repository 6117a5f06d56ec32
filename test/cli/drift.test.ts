/** A fleet kept in step by the command line: scan, list, repair, ignore, validate for CI, sync. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminClient, adminQuery, dsnOf } from '../support/postgres.ts'
import { startUp, type Up } from './tenantry.ts'

const prefix = `drift${randomBytes(3).toString('hex')}_`
const FINGERPRINT = /^[0-9a-f]{64}$/

let up: Up
/** URL of the database that all should be like. */
let wanted: string

beforeAll(async () => {
  up = await startUp()
  expect(await up.run('simulate', 'create', '4', '--prefix', prefix, '--wait')).toMatchObject({ code: 0 })
  wanted = dsnOf(`${prefix}1`)
  for (const number of [2, 3]) await on(number, 'drop index orders_customer')
  await on(4, 'alter table orders add column remark text')
})
afterAll(async () => {
  await up.run('simulate', 'cleanup', '--prefix', prefix, '--yes', '--wait')
  await up.remove()
})

async function on(number: number, sql: string): Promise<void> {
  const client = await adminClient(`${prefix}${number}`)
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

interface Group {
  readonly key: string
  readonly tenants: number
  readonly summary: readonly string[]
}

async function groups(): Promise<readonly Group[]> {
  return ((await up.json('drift', 'list')) as { groups: readonly Group[] }).groups
}

test('validate ends with 6, and its JUnit report has a case for each tenant', async () => {
  expect(await up.run('drift', 'list')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'None of these tenants has been looked at yet: tenantry drift scan\n',
  })
  const ended = await up.run('schema', 'validate', '--to', wanted, '--junit', 'schema.xml')
  expect(ended.code).toBe(6)
  expect(ended.stdout).toMatch(/2 tenants: .*\n {2}lacks index public\.orders\.orders_customer\n/)
  expect(ended.stdout).toMatch(/1 tenant: .*\n {2}has column public\.orders\.remark, which is not expected\n/)
  expect(ended.stdout).toMatch(/1 tenant in sync, 3 different\nread from [\d.]+:\d+ \(default\)\n$/)
  const report = await readFile(path.join(up.directory, 'schema.xml'), 'utf8')
  const cases = [
    ...report.matchAll(
      /<testcase classname="default" name="([^"]+)"(?:\/>|><failure message="difference ([0-9a-f]{16})">(?:lacks|has) )/g,
    ),
  ]
  expect(cases.map(([, name, key]) => [name, key !== undefined])).toEqual(
    [1, 2, 3, 4].map((number) => [`${prefix}${number}`, number > 1]),
  )
  expect(report).toContain('<testsuites tests="4" failures="3" errors="0">')
  const found = new Set(cases.map(([, , key]) => key).filter((key) => key !== undefined))
  expect(found).toEqual(new Set((await groups()).map(({ key }) => key)))
})

test('scans at the same time, also against other schemas, take nothing from each other', async () => {
  const other = dsnOf(`${prefix}4`)
  const ended = await Promise.all(
    [wanted, other, wanted, other, wanted].map((to) =>
      up.run('schema', 'validate', '--to', to, '-o', 'json'),
    ),
  )
  const counts = ended.map(({ stdout }) => (JSON.parse(stdout) as { counts: object }).counts)
  expect(new Set(ended.map(({ code }) => code))).toEqual(new Set([6]))
  expect(counts).toEqual(counts.map(() => expect.objectContaining({ in_sync: 1, different: 3 }) as unknown))
})

test('nobody at all is not in sync', async () => {
  for (const command of ['validate', 'sync']) {
    const ended = await up.run('schema', command, '--to', wanted, '--tenant', `${prefix}5`)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toContain(`No tenant matches "name:${prefix}5".`)
  }
})

test('a scan against a kept snapshot groups tenants by how they differ', async () => {
  const stored = await up.json('snapshot', 'put', 'shop', wanted, '--store', 'control')
  expect(stored).toMatchObject({
    name: 'shop',
    number: 1,
    fingerprint: expect.stringMatching(FINGERPRINT) as unknown,
  })
  expect(await up.json('drift', 'scan', '--expected', 'shop')).toMatchObject({
    counts: { in_sync: 1, different: 3, ignored: 0, unreachable: 0, no_expectation: 0 },
  })
  const [first, second] = await groups()
  expect([first?.tenants, second?.tenants]).toEqual([2, 1])
  expect((await up.run('drift', 'list', '-o', 'name')).stdout).toBe(`${first?.key}\n${second?.key}\n`)
  expect((await up.run('drift', 'list', '-o', 'csv')).stdout).toMatch(
    /^difference,tenants,ignored,since,examples,summary\n[0-9a-f]{16},2,0,2\d{3}-[\d :-]+,/,
  )
  expect((await up.run('drift', 'show', first?.key ?? '')).stdout).toContain(
    'lacks index public.orders.orders_customer',
  )
  expect((await up.run('drift', 'plan', first?.key ?? '')).stdout).toMatch(
    /CREATE INDEX CONCURRENTLY "orders_customer"/,
  )
})

test('tenants and versions stand for their schemas wherever schemas are compared', async () => {
  const [lacking, whole] = [`tenant:${prefix}2`, `tenant:${prefix}1`]
  const ended = await up.run('schema', 'diff', lacking, whole, '--exit-code')
  expect(ended).toMatchObject({
    code: 6,
    stdout: expect.stringContaining('+ index orders_customer') as string,
  })
  const stored = await up.run('snapshot', 'diff', 'shop', whole, '--store', 'control', '--exit-code')
  expect(stored).toMatchObject({ code: 0, stdout: `Equal: snapshot:shop and ${whole}\n` })
  expect(await up.run('schema', 'diff', lacking, `tenant:${prefix}9`)).toMatchObject({ code: 1 })

  await writeFile(path.join(up.directory, 'one.sql'), 'create table one (id integer)')
  await writeFile(path.join(up.directory, 'two.sql'), 'alter table one add column name text -- two')
  for (const [id, name] of [
    ['20260112_143000', 'one'],
    ['20260113_143000', 'two'],
  ] as const)
    await up.run('version', 'add', name, '--upgrade', `${name}.sql`, '--id', id)
  const versions = await up.run('schema', 'diff', 'version:20260112_143000', 'version:20260113_143000')
  expect(versions.stdout).toBe('  table public.one\n    + column name  type text\n')
})

test('a repair reaches those that differ so; what loses data needs leave', async () => {
  const [lacking, more] = await groups()
  const repaired = await up.run('drift', 'repair', lacking?.key ?? '', '--yes', '--wait')
  expect(repaired).toMatchObject({ code: 0, stdout: expect.stringContaining('2 of 2 tenants') as unknown })
  // Without a scan: what was repaired is not shown as different any more.
  const listed = await up.run('drift', 'list')
  expect(listed.stdout).toMatch(
    new RegExp(
      `^${more?.key} {2}1 tenant: ${prefix}4; since 2\\d{3}-[\\d :-]+\\n.*\\n1 tenant in sync, 1 different, ` +
        String.raw`2 repaired since they were looked at\n(?:.*\n)+seen (?:between )?2\d{3}-[\d :-]+`,
    ),
  )
  const states = await up.run('drift', 'tenants', '-o', 'csv')
  expect(states.stdout).toContain(`${prefix}2,default,repaired,${lacking?.key},`)
  const again = await up.run('drift', 'repair', lacking?.key ?? '', '--yes', '--wait')
  expect(again).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('No tenant is left to repair') as string,
  })
  const refused = await up.run('drift', 'repair', more?.key ?? '', '--yes', '--wait')
  expect(refused.code).toBe(5)
  expect(refused.stderr).toMatch(/data-loss: The values of public\.orders\.remark are removed\.\n/)
  expect(refused.stderr).toContain('--allow data-loss')
})

test('snapshots that a repair keeps of its version are listed when asked for', async () => {
  const listed = await up.run('snapshot', 'list', '--store', 'control', '-o', 'name')
  expect(listed).toMatchObject({
    stdout: expect.not.stringContaining('version-') as unknown,
    stderr: 'Kept of versions, and not shown without --all: 1\n',
  })
  const all = await up.run('snapshot', 'list', '--store', 'control', '--all', '-o', 'name')
  expect(all).toMatchObject({
    stdout: expect.stringMatching(/^version-\d{8}_\d{6}@1$/m) as unknown,
    stderr: '',
  })
  const missing = await up.run('drift', 'scan', '--expected', 'no-such')
  expect(missing.stderr).toContain('tenantry snapshot list --store control')
})

test('what is ignored does not fail a validation, until it is looked at again', async () => {
  const validate = async (): Promise<number | null> =>
    (await up.run('schema', 'validate', '--to', 'shop')).code
  expect(await validate()).toBe(6)
  const [more] = await groups()
  const key = more?.key ?? ''
  const reason = ['--reason', 'they try it out']
  expect(
    await up.run('drift', 'ignore', key, '--tenant', `${prefix}4`, '--for', '7d', ...reason),
  ).toMatchObject({
    code: 0,
  })
  expect(await validate()).toBe(0)
  expect((await up.run('drift', 'show', key)).stdout).toMatch(
    new RegExp(`\\nIgnored of ${prefix}4 until \\d{4}-\\d{2}-\\d{2} .* by .*: they try it out\\n$`),
  )
  expect((await up.run('drift', 'unignore', key)).stderr).toContain('It is looked at again.')
  for (const [day, code] of [
    ['2020-01-01', 2],
    ['tomorrow', 2],
    ['2999-12-31', 0],
  ] as const)
    expect([day, (await up.run('drift', 'ignore', key, '--until', day, ...reason)).code]).toEqual([day, code])
  expect((await up.run('drift', 'show', key)).stdout).toContain('Ignored of all tenants until 2999-12-31')
  await up.run('drift', 'unignore', key)
  expect(await validate()).toBe(6)
})

test('what tenants have can become what is expected', async () => {
  const [more] = await groups()
  const adopt = (...rest: string[]) =>
    up.run('drift', 'adopt', more?.key ?? '', '--reason', 'orders have remarks', ...rest)
  expect(await adopt('--name', 'no-such')).toMatchObject({ code: 1 })
  expect(await adopt()).toMatchObject({ code: 0, stdout: 'shop@2\n' })
  const history = await up.run('snapshot', 'history', 'shop', '--store', 'control', '-o', 'csv')
  expect(history.stdout).toMatch(/^name,.*\nshop,2,.*,orders have remarks\nshop,1,/)
  const found = await up.json('drift', 'scan', '--expected', 'shop')
  expect(found).toMatchObject({ counts: { in_sync: 1, different: 3 } })
  expect((found as { groups: Group[] }).groups.map(({ summary }) => summary)).toEqual([
    ['lacks column public.orders.remark'],
  ])
  expect(await adopt()).toMatchObject({ code: 5, stderr: expect.stringContaining('No tenant has') as string })
  await up.run('snapshot', 'put', 'shop', wanted, '--store', 'control')
})

test('a report that cannot be written is said in a sentence', async () => {
  const ended = await up.run('schema', 'validate', '--to', wanted, '--junit', 'no/such/folder.xml')
  expect(ended).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no/such/folder.xml cannot be written') as string,
  })
  expect(ended.stderr).not.toContain('    at ')
})

test('sync shows its plans, runs what it may, and says what it may not', async () => {
  await on(1, 'create index orders_placed on orders (placed_at)')
  const shown = await up.run('schema', 'sync', '--to', wanted, '--dry-run')
  expect(shown.code).toBe(0)
  expect(shown.stdout).toMatch(
    /^-- [0-9a-f]{16}: 2 tenants\n-- {3}lacks index public\.orders\.orders_placed\n/,
  )
  expect(shown.stdout).toContain(
    '-- needs --allow data-loss: The values of public.orders.remark are removed.',
  )
  expect(shown.stdout).toMatch(/1 tenant in sync\n(read from .*\n)?$/)

  const typo = await up.run('schema', 'sync', '--to', wanted, '--allow', 'data_loss', '--wait')
  expect(typo).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('No hazard is called "data_loss"') as string,
  })
  const partly = await up.run('schema', 'sync', '--to', wanted, '--wait')
  expect(partly.code).toBe(5)
  expect(partly.stdout).toMatch(/1 tenant, not begun: .*data-loss/)
  const rest = await up.run('schema', 'sync', '--to', wanted, '--allow', 'data-loss', '--wait')
  expect(rest.code).toBe(0)
  expect(await up.run('schema', 'validate', '--to', wanted)).toMatchObject({ code: 0 })
})

test('a tenant that cannot be reached: exit code 3, and an error in the report', async () => {
  const name = `${prefix}4`
  await adminQuery(`alter database ${name} rename to ${name}_away`)
  try {
    const ended = await up.run('schema', 'validate', '--to', wanted, '--junit', 'away.xml')
    expect(ended.code).toBe(3)
    const report = await readFile(path.join(up.directory, 'away.xml'), 'utf8')
    expect(report).toMatch(new RegExp(`name="${name}"><error message="[^"]*does not exist`))
    expect(report).toContain('errors="1"')
    expect(ended.stdout).toMatch(new RegExp(`^unreachable {2}1 tenant: ${name}\n {2}.*does not exist`))
    const found = JSON.parse((await up.run('schema', 'validate', '--to', wanted, '-o', 'json')).stdout) as {
      tenants: { tenant: string; state: string; error: string | null }[]
    }
    expect(found.tenants.map(({ tenant, state }) => [tenant, state])).toEqual(
      [1, 2, 3, 4].map((number) => [`${prefix}${number}`, number === 4 ? 'unreachable' : 'in_sync']),
    )
    const dry = await up.run('schema', 'sync', '--to', wanted, '--dry-run')
    expect(dry).toMatchObject({ code: 3, stdout: '3 tenants in sync, 1 could not be reached\n' })
  } finally {
    await adminQuery(`alter database ${name}_away rename to ${name}`)
  }
})

/** Servers, tenants, versions and settings by the command line, on a real API. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sharedServer } from '../support/postgres.ts'
import { startUp, tenantry, type Up } from './tenantry.ts'

vi.setConfig({ testTimeout: 90_000 })

let up: Up
beforeAll(async () => {
  up = await startUp()
})
afterAll(() => up.remove())

const write = (name: string, text: string): Promise<void> => writeFile(path.join(up.directory, name), text)

test('a server is shown, tested, changed with a URL from a file or standard input, and retired', async () => {
  const { user, password, host, port } = sharedServer()
  const dsn = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres`
  await write('server.dsn', `${dsn}\n`)
  // It is registered already, by DB_ENDPOINT.
  const again = await up.run('server', 'add', 'other', '--dsn-file', 'server.dsn')
  expect(again).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/already registered as default/) as unknown,
  })
  expect(again.stderr).not.toContain(password)

  expect((await up.run('server', 'test', 'default')).stdout).toMatch(
    /^default answers in .* ms: PostgreSQL 18\.\d+, 300 connections, logged in as superuser\n$/,
  )
  const change = [
    'server',
    'update',
    'default',
    '--dsn',
    '-',
    '--label',
    'region=eu',
    '--capacity',
    '50',
    '--pooler',
    'pool-1:6432',
  ]
  const changed = await tenantry([...change, '-o', 'json'], { cwd: up.directory, input: dsn })
  expect(JSON.parse(changed.stdout)).toMatchObject({
    labels: { region: 'eu' },
    capacity: 50,
    pooler: { host: 'pool-1', port: 6432 },
  })
  expect(await up.json('server', 'update', 'default', '--no-pooler')).toMatchObject({
    pooler: null,
    capacity: 50,
  })

  const read = ['server', 'update', 'default', '--read-dsn-file', 'server.dsn']
  expect(await up.json(...read)).toMatchObject({ read_address: { host, port, username: user } })
  expect(await up.json('server', 'update', 'default', '--no-read-dsn')).toMatchObject({ read_address: null })
  const secret = await up.run('server', 'update', 'default', '--read-dsn', dsn)
  expect(secret).toMatchObject({ code: 2, stderr: expect.stringContaining('--read-dsn-file') as unknown })

  const doctor = await up.run('doctor')
  expect(doctor).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /WARN +server default: logs in as .*, a superuser.*\n +→ Make a role/,
    ) as unknown,
  })
  expect((await up.run('server', 'retire', 'default')).code).toBe(2)
})

test('tenants come from CSV and JSON, all or none, and are labelled and retired', async () => {
  await write(
    'tenants.csv',
    'name,server,database,plan,region\nacme,default,cmp_acme,free,eu\n"beta, inc",default,cmp_beta,pro,\n',
  )
  expect(await up.run('tenant', 'import', 'tenants.csv')).toMatchObject({
    code: 0,
    stdout: '2 added, 0 known before\n',
  })
  const more = JSON.stringify([
    { name: 'gamma', database: 'shared', schema: 'gamma', labels: { plan: 'free' } },
  ])
  const imported = await tenantry(['tenant', 'import', '-', '--server', 'default'], {
    cwd: up.directory,
    input: more,
  })
  expect(imported).toMatchObject({ code: 0, stdout: '1 added, 0 known before\n' })
  expect((await up.run('tenant', 'list', '-s', 'plan:free', '-o', 'name')).stdout).toBe('acme\ngamma\n')

  await write('wrong.csv', 'name,server\ndelta,default\nepsilon,nowhere\n')
  const wrong = await up.run('tenant', 'import', 'wrong.csv')
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/epsilon: there is no server nowhere/) as unknown,
  })
  expect((await up.run('tenant', 'show', 'delta')).code).toBe(1)
  await write('short.csv', 'name,server\ndelta\n')
  expect(await up.run('tenant', 'import', 'short.csv')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/row 1 has 1 fields/) as unknown,
  })

  expect(await up.json('tenant', 'label', 'acme', 'plan=pro', 'tier=1', '--remove', 'region')).toMatchObject({
    labels: { plan: 'pro', tier: '1' },
  })
  expect(await up.json('tenant', 'retire', 'acme', '--yes', '--reason', 'left')).toMatchObject({
    state: 'retired',
  })
  expect(
    await up.json('tenant', 'register', 'zeta', '--server', 'default', '--label', 'plan=free'),
  ).toMatchObject({ database: 'zeta' })
  expect((await up.run('tenant', 'list', '-s', 'colour')).code).toBe(2)
})

test('discovery says what it found and what it could not use', async () => {
  const { stdout, code } = await up.run('tenant', 'discover', 'no_such_database_%')
  expect({ code, stdout }).toEqual({ code: 0, stdout: '0 found: 0 added, 0 known before\n' })
})

test('versions go to files and come back; an edited file is refused with both checksums', async () => {
  await write('up.sql', 'create table t (id int)')
  const made = (await up.json(
    'version',
    'add',
    'A table',
    '--upgrade',
    'up.sql',
    '--id',
    '20260112_143000',
  )) as { checksum: string }
  expect(made).toMatchObject({ version_id: '20260112_143000', has_downgrade: false })
  expect((await up.run('version', 'show', '20260112_143000', '--upgrade')).stdout).toBe(
    'create table t (id int)\n',
  )

  await mkdir(path.join(up.directory, 'out'))
  expect((await up.run('version', 'export', 'out')).stdout).toBe('out/20260112_143000\n')
  expect((await up.run('version', 'import', 'out', '-o', 'name')).stdout).toBe('20260112_143000\n')
  await write('out/20260112_143000/upgrade.sql', 'create table t (id bigint)')
  const refused = await up.run('version', 'import', 'out')
  expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining(made.checksum) as unknown })
})

test('any request can be made as it is, and who did what is recorded', async () => {
  const asked = await up.run(
    'api',
    'post',
    '/tenants',
    '--data',
    '{"name":"raw","server":"default","database":"raw"}',
  )
  expect(JSON.parse(asked.stdout)).toMatchObject({ name: 'raw', state: 'active' })
  expect(await up.run('api', 'GET', '/tenants/nobody')).toMatchObject({ code: 1, stdout: '' })
  expect((await up.run('api', 'GET', '/metrics')).stdout).toMatch(/^# HELP/)

  const audit = (await up.json('audit', 'list', '--action', 'tenants.register', '--limit', '1')) as {
    items: { target: string }[]
  }
  expect(audit.items).toMatchObject([{ target: 'tenant:raw' }])
  const verified = await up.run('audit', 'verify')
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/intact: \d+ entries; its end: --seq \d+ --hash [0-9a-f]{64}/) as unknown,
  })
  const [, seq = '', hash = ''] = /--seq (\d+) --hash (\w+)/.exec(verified.stdout) ?? []
  expect((await up.run('audit', 'verify', '--seq', seq, '--hash', hash.replace(/^./, 'x'))).code).toBe(2)
  expect((await up.run('audit', 'verify', '--seq', seq, '--hash', 'f'.repeat(64))).code).toBe(1)
})

test('what was written for one directory is there for its commands only', async () => {
  expect(await readFile(path.join(up.directory, '.tenantry/api.json'), 'utf8')).toContain(up.url)
  const completed = await up.run('__complete', 'server', 'show', '')
  expect(completed.stdout).toBe('default\n')
})

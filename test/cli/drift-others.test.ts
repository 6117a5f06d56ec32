/** Fleets of MariaDB databases and of SQLite files kept in step by the command line, all modes of it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { MysqlServer } from '../support/mysql-server.ts'
import { migratorUrl, startMysqlServer } from '../support/mysql-fleet.ts'
import { startMariaDb } from '../support/mariadb.ts'
import { withProgram } from '../support/programs.ts'
import { startUp, type Up } from './tenantry.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 })

const TABLE = 'CREATE TABLE item (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50))'
const INDEX = 'CREATE INDEX item_name ON item (name)'
const NUMBERS = [1, 2, 3, 4]

interface Place {
  /** Names of the four tenants. */
  readonly names: readonly string[]
  readonly on: (name: string, sql: string) => void
  /** URL of a server for SQL, where it takes one. */
  readonly scratch?: string
  /** Takes a tenant away, and brings it back. */
  readonly away: (name: string) => void
  readonly back: (name: string) => void
  readonly remove: () => Promise<void>
}

interface Group {
  readonly key: string
  readonly tenants: number
}

function modes(start: (up: Up) => Promise<Place>): void {
  let up: Up
  let place: Place
  beforeAll(async () => {
    up = await startUp()
    place = await start(up)
    const [, second = '', third = '', fourth = ''] = place.names
    for (const name of place.names) place.on(name, `${TABLE}; ${INDEX}; INSERT INTO item VALUES (1, 'one')`)
    for (const name of [second, third])
      place.on(name, name.endsWith('.db') ? 'DROP INDEX item_name' : 'DROP INDEX item_name ON item')
    place.on(fourth, 'ALTER TABLE item ADD COLUMN remark VARCHAR(10)')
    writeFileSync(path.join(up.directory, 'wanted.sql'), `${TABLE};\n${INDEX};\n`)
  })
  afterAll(async () => {
    await place.remove()
    await up.remove()
  })
  const groups = async (): Promise<readonly Group[]> =>
    ((await up.json('drift', 'list')) as { groups: readonly Group[] }).groups
  const scratch = (): string[] => (place.scratch === undefined ? [] : ['--scratch', place.scratch])
  const validate = async (to = 'shop'): Promise<number | null> =>
    (await up.run('schema', 'validate', '--to', to, ...scratch(), '--selector', 'server:other')).code

  test('validate ends with 6, and its JUnit report has a case for each tenant', async () => {
    const ended = await up.run(
      'schema',
      'validate',
      '--to',
      'wanted.sql',
      ...scratch(),
      '--junit',
      'schema.xml',
    )
    expect(ended.code).toBe(6)
    expect(ended.stdout).toMatch(/2 tenants: .*\n {2}lacks index (?:item\.)?item_name\n/)
    expect(ended.stdout).toMatch(/1 tenant: .*\n {2}has column item\.remark, which is not expected\n/)
    expect(ended.stdout).toContain('1 tenant in sync, 3 different\n')
    const report = readFileSync(path.join(up.directory, 'schema.xml'), 'utf8')
    expect(report).toContain('<testsuites tests="4" failures="3" errors="0">')
  })

  test('a kept snapshot, of which a difference is shown, planned, and repaired', async () => {
    await up.json(
      'snapshot',
      'put',
      'shop',
      'wanted.sql',
      '--store',
      'control',
      '--dialect',
      dialectOf(place),
      ...scratch(),
    )
    expect(await up.json('drift', 'scan', '--expected', 'shop')).toMatchObject({
      counts: { in_sync: 1, different: 3, unreachable: 0 },
    })
    const [lacking, more] = await groups()
    expect([lacking?.tenants, more?.tenants]).toEqual([2, 1])
    const key = lacking?.key ?? ''
    expect((await up.run('drift', 'show', key)).stdout).toMatch(/lacks index (?:item\.)?item_name/)
    expect((await up.run('drift', 'plan', key)).stdout).toMatch(/item_name/)
    expect(await up.run('drift', 'repair', key, '--yes', '--wait')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 of 2 tenants') as unknown,
    })
    const refused = await up.run('drift', 'repair', more?.key ?? '', '--yes', '--wait')
    expect(refused).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('--allow data-loss') as unknown,
    })
  })

  test('what is ignored does not fail a validation, until it is looked at again', async () => {
    expect(await validate()).toBe(6)
    const key = (await groups())[0]?.key ?? ''
    const ignored = await up.run('drift', 'ignore', key, '--for', '7d', '--reason', 'they try it out')
    expect(ignored).toMatchObject({ code: 0 })
    expect(await validate()).toBe(0)
    await up.run('drift', 'unignore', key)
    expect(await validate()).toBe(6)
  })

  test('sync of a selection shows its plans, and runs what it may', async () => {
    const [first = '', , , fourth = ''] = place.names
    place.on(first, 'CREATE TABLE surprise (id INTEGER)')
    const selection = ['--to', 'wanted.sql', ...scratch(), '--selector', `name:${first},${fourth}`]
    const shown = await up.run('schema', 'sync', ...selection, '--dry-run')
    expect(shown.code).toBe(0)
    expect(shown.stdout).toContain('-- needs --allow data-loss: ')
    expect((await up.run('schema', 'sync', ...selection, '--wait')).code).toBe(5)
    const done = await up.run('schema', 'sync', ...selection, '--allow', 'all', '--wait')
    expect(done).toMatchObject({ code: 0 })
    expect(await validate('wanted.sql')).toBe(0)
  })

  test('databases to try things with are made on PostgreSQL alone, and that is said', async () => {
    const ended = await up.run('simulate', 'create', '1', '--server', 'other', '--wait')
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toMatch(/made on PostgreSQL servers alone; other is (?:mysql|sqlite)\./)
  })

  test('a schema of another kind is no difference, but a mistake', async () => {
    const ended = await up.run('schema', 'validate', '--to', 'wanted.sql', '--dialect', 'postgres')
    expect(ended.code).toBe(3)
    expect(ended.stdout).toContain('It is held against a schema for postgres')
  })

  test('a tenant that cannot be reached: exit code 3, and an error in the report', async () => {
    const name = place.names[3] ?? ''
    place.away(name)
    const ended = await up.run('schema', 'validate', '--to', 'shop', '--junit', 'away.xml')
    place.back(name)
    expect(ended.code).toBe(3)
    expect(readFileSync(path.join(up.directory, 'away.xml'), 'utf8')).toContain(
      '<testsuites tests="4" failures="0" errors="1">',
    )
  })
}

const dialectOf = (place: Place): string => (place.names[0]?.endsWith('.db') === true ? 'sqlite' : 'mysql')

withProgram('mariadbd', 'mariadb', 'mariadbInstallDb').describe('MariaDB', () => {
  modes(async (up) => {
    const server: MysqlServer = await startMysqlServer(startMariaDb)
    const names = NUMBERS.map((number) => `fleet_shop${number}`)
    for (const name of names) server.create(name)
    writeFileSync(path.join(up.directory, 'maria.url'), migratorUrl(server))
    await up.json('server', 'add', 'other', '--dsn-file', 'maria.url')
    await up.json('tenant', 'discover', 'fleet_shop%', '--server', 'other')
    return {
      names,
      scratch: migratorUrl(server),
      on: (name, sql) => void server.script(sql, name),
      away: (name) =>
        void server.script(
          `REVOKE ALL PRIVILEGES ON \`fleet%\`.* FROM migrator@localhost; GRANT ALL PRIVILEGES ON \`fleet_shop1\`.* TO migrator@localhost; GRANT ALL PRIVILEGES ON \`fleet_shop2\`.* TO migrator@localhost; GRANT ALL PRIVILEGES ON \`fleet_shop3\`.* TO migrator@localhost; -- not ${name}`,
        ),
      back: () => void server.script('GRANT ALL PRIVILEGES ON `fleet%`.* TO migrator@localhost'),
      remove: () => server.remove(),
    }
  })
})

describe('SQLite', () => {
  modes(async (up) => {
    const directory = path.join(up.directory, 'tenants')
    mkdirSync(directory)
    const names = NUMBERS.map((number) => `shop${number}.db`)
    const fileOf = (name: string): string => path.join(directory, name)
    const on = (name: string, sql: string): void => {
      const database = new DatabaseSync(fileOf(name))
      database.exec(sql)
      database.close()
    }
    for (const name of names) on(name, 'PRAGMA user_version = 1')
    await up.json('server', 'add', 'other', '--dsn', `sqlite://${directory}`)
    await up.json('tenant', 'discover', '%.db', '--server', 'other')
    return {
      names,
      on,
      away: (name) => renameSync(fileOf(name), fileOf(`${name}.away`)),
      back: (name) => renameSync(fileOf(`${name}.away`), fileOf(name)),
      remove: () => Promise.resolve(),
    }
  })
})

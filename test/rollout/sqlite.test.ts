/** Rollouts over tenants that are SQLite files: real files, real workers, and what goes wrong with both. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { discover } from '../../src/registry/discovery.ts'
import { addServer, getServer, testServer } from '../../src/registry/servers.ts'
import { startUndo } from '../../src/rollout/start.ts'
import { getRollout, rolloutOptions } from '../../src/rollout/rollout.ts'
import { sqlite } from '../../src/schema/dialects/sqlite/index.ts'
import { stopRollout } from '../../src/rollout/commands.ts'
import { testDirectory } from '../support/directories.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { until } from '../support/wait.ts'

const TENANT = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO item VALUES (1, NULL);'

let fleet: Fleet
let directory: string

beforeEach(async () => {
  fleet = await startFleet({ servers: [] })
  directory = await testDirectory('files')
})

afterEach(async () => {
  await fleet.close()
  rmSync(directory, { recursive: true })
})

const fileOf = (tenant: string): string => path.join(directory, tenant)
const nameOf = (number: number): string => `t${String(number).padStart(3, '0')}.db`

function write(tenant: string, sql: string): void {
  const database = new DatabaseSync(fileOf(tenant))
  database.exec(sql)
  database.close()
}

function read(tenant: string, sql: string): unknown[][] {
  const database = new DatabaseSync(fileOf(tenant), { readOnly: true })
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row))
  } finally {
    database.close()
  }
}

/** Makes files, registers their directory, and finds them. */
async function tenants(count: number, sql = TENANT): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => nameOf(index))
  for (const name of names) write(name, sql)
  const { control, keyring } = fleet.app
  await addServer(control, keyring, { name: 'files', dsn: `sqlite://${directory}` })
  await discover(control, keyring, [await getServer(control, 'files')], { pattern: '%.db' })
  return names
}

const version = (upgrade: string, downgrade: string | null = null): Promise<string> =>
  fleet.addVersion({ dialect: 'sqlite', upgrade, downgrade })

const ledger = (tenant: string): unknown[][] =>
  read(tenant, 'SELECT version_id, rollout_id FROM tenantry_ledger ORDER BY version_id')

interface Row extends Record<string, unknown> {
  readonly tenant: string
  readonly state: string
  readonly outcome: string | null
  readonly sqlstate: string | null
  readonly error: string | null
}

function targetsOf(rolloutId: string): Promise<Row[]> {
  return fleet.app.control.query<Row>(
    `select tenant.name as tenant, target.state, target.outcome, target.sqlstate, target.error
     from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
     where target.rollout_id = $1 order by tenant.name`,
    [rolloutId],
  )
}

/** Starts a rollout and waits for its end. */
async function roll(wanted: Parameters<Fleet['rollout']>[0]) {
  const { id } = await fleet.rollout(wanted)
  await fleet.waitFor(id, 'completed', 60_000)
  return { id, targets: await targetsOf(id) }
}

describe('a directory as a server', () => {
  test('is added by its URL, and its files are found by pattern', async () => {
    mkdirSync(path.join(directory, 'folder.db'))
    writeFileSync(fileOf('empty.db'), '')
    writeFileSync(fileOf('text.db'), 'This is no database, however it is called.')
    writeFileSync(fileOf('t000.db-wal'), '')
    writeFileSync(fileOf('other.sqlite'), '')
    symlinkSync('/etc/hostname', fileOf('link.db'))
    await tenants(2)
    const { control, keyring } = fleet.app
    const server = await getServer(control, 'files')
    const again = await discover(control, keyring, [server], { pattern: '%.db' })
    expect(again).toMatchObject({ found: 5, added: 0, known: 3, missing: [] })
    expect(again.unreachable.map(({ place, reason }) => `${place}: ${reason}`)).toEqual([
      'files/link.db: it is not a file of its own',
      'files/text.db: it is no SQLite database',
    ])
    rmSync(fileOf('t001.db'))
    expect(await discover(control, keyring, [server], { pattern: 't%.db' })).toMatchObject({
      missing: ['t001.db'],
    })
    expect(await testServer(control, keyring, 'files')).toMatchObject({ isSuperuser: false })
  })

  test('is refused when it is not there, or known already', async () => {
    const { control, keyring } = fleet.app
    const add = (name: string, dsn: string) => addServer(control, keyring, { name, dsn })
    await expect(add('gone', `sqlite://${directory}/nowhere`)).rejects.toThrow(/cannot be used/)
    await expect(add('bad', 'sqlite:relative')).rejects.toThrow(/absolute path/)
    await add('files', `sqlite://${directory}`)
    await expect(add('twice', `sqlite://${directory}/`)).rejects.toThrow(/already registered as files/)
  })
})

describe('a rollout', () => {
  test('applies a version once to each file, triggers and several statements included', async () => {
    const names = await tenants(30)
    const id = await version(
      `ALTER TABLE item ADD COLUMN size INTEGER DEFAULT 7; -- comment; with semicolon
       CREATE TABLE log (what TEXT);
       CREATE TRIGGER item_ai AFTER INSERT ON item BEGIN INSERT INTO log VALUES ('new; item'); DELETE FROM log WHERE 0; END;
       INSERT INTO item (id) VALUES (2);`,
    )
    await fleet.startWorker()
    const first = await roll({ version: id })
    expect(new Set(first.targets.map(({ outcome }) => outcome))).toEqual(new Set(['applied']))
    const second = await roll({ version: id })
    expect(new Set(second.targets.map(({ outcome }) => outcome))).toEqual(new Set(['already_applied']))
    for (const name of names) {
      expect(ledger(name)).toEqual([[id, first.id]])
      expect(read(name, 'SELECT id, size FROM item')).toEqual([
        [1, 7],
        [2, 7],
      ])
      expect(read(name, 'SELECT * FROM log')).toEqual([['new; item']])
    }
  })

  test('brings a tenant that is behind by several versions forward in order, and undoes them', async () => {
    const [name = ''] = await tenants(1)
    const one = await version('CREATE TABLE one (a)', 'DROP TABLE one')
    const two = await version('INSERT INTO one VALUES (2)', 'DELETE FROM one')
    await fleet.addVersion({ upgrade: 'create table not_for_sqlite (a int)' })
    await fleet.startWorker()
    const done = await roll({ version: 'latest', upTo: true })
    expect(done.targets).toMatchObject([{ outcome: 'applied' }])
    expect(ledger(name).map(([id]) => id)).toEqual([one, two])
    const undo = await startUndo(fleet.app.control, await getRollout(fleet.app.control, done.id), {
      id: randomUUID(),
      dryRun: false,
      waves: [{ size: 'rest' }],
      createdBy: 'test',
      options: rolloutOptions.parse({
        selector: '',
        maxConnections: 5,
        errorThresholdPercent: 100,
        maxRetries: 1,
        lockTimeout: '300ms',
        statementTimeout: '10s',
        via: 'direct',
      }),
    })
    await fleet.waitFor(undo.id, 'completed')
    expect(await targetsOf(undo.id)).toMatchObject([{ outcome: 'undone' }])
    expect(ledger(name)).toEqual([])
    expect(read(name, `SELECT name FROM sqlite_schema WHERE name = 'one'`)).toEqual([])
  })

  test('leaves a tenant where it fails as it was, says which statement, and goes on with the others', async () => {
    const [bad = '', good = ''] = await tenants(2)
    write(bad, 'INSERT INTO item VALUES (9, NULL)')
    const before = readFileSync(fileOf(bad))
    const id = await version('CREATE TABLE extra (a);\nUPDATE item SET id = 9 WHERE id = 1;')
    await fleet.startWorker()
    const { targets } = await roll({ version: id })
    expect(targets).toMatchObject([
      {
        tenant: bad,
        state: 'failed',
        sqlstate: '23505',
        error: expect.stringContaining('statement 2 of 2, line 2'),
      },
      { tenant: good, outcome: 'applied' },
    ])
    expect(readFileSync(fileOf(bad)).equals(before)).toBe(true)
  })

  test('refuses a version that is there with another checksum', async () => {
    const [name = ''] = await tenants(1)
    const id = await version('CREATE TABLE one (a)')
    write(
      name,
      `CREATE TABLE tenantry_ledger (version_id TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, rollout_id TEXT NOT NULL,
       applied_at TEXT NOT NULL) WITHOUT ROWID; INSERT INTO tenantry_ledger VALUES ('${id}', 'other', 'x', 'y')`,
    )
    await fleet.startWorker()
    const { targets } = await roll({ version: id })
    expect(targets).toMatchObject([{ state: 'failed', sqlstate: 'TN001' }])
    expect(read(name, `SELECT name FROM sqlite_schema WHERE name = 'one'`)).toEqual([])
  })

  test('as a dry run finds what would fail and changes no byte', async () => {
    const [bad = '', good = ''] = await tenants(2)
    write(bad, 'CREATE TABLE one (a)')
    const before = [bad, good].map((name) => readFileSync(fileOf(name)))
    const id = await version('CREATE TABLE one (a)')
    await fleet.startWorker()
    const { targets } = await roll({ version: id, dryRun: true })
    expect(targets).toMatchObject([
      { tenant: bad, state: 'failed', error: expect.stringContaining('already exists') },
      { tenant: good, outcome: 'would_apply' },
    ])
    expect([bad, good].map((name, at) => readFileSync(fileOf(name)).equals(before[at] as Buffer))).toEqual([
      true,
      true,
    ])
  })

  test('of a planned change is refused where the schema is another one', async () => {
    const [changed = '', planned = ''] = await tenants(2)
    const session = await sqlite.connect(`sqlite:${fileOf(planned)}`)
    const { fingerprint } = await sqlite.inspect(session)
    await session.close()
    write(changed, 'CREATE TABLE surprise (a)')
    const id = await version(`BEGIN; ${sqlite.guard?.([fingerprint]) ?? ''}; CREATE TABLE one (a); COMMIT;`)
    await fleet.startWorker()
    const { targets } = await roll({ version: id })
    expect(targets).toMatchObject([
      { tenant: changed, state: 'failed', sqlstate: 'TN010' },
      { tenant: planned, outcome: 'applied' },
    ])
  })

  test('enforces foreign keys where the version asks for it', async () => {
    const [name = ''] = await tenants(
      1,
      `${TENANT} CREATE TABLE part (item INTEGER REFERENCES item (id)); INSERT INTO part VALUES (1);`,
    )
    const enforced = await version('PRAGMA foreign_keys = ON; DELETE FROM item;')
    const silent = await version('DELETE FROM item;')
    const deferred = await version(
      'PRAGMA foreign_keys = ON; CREATE TABLE c (i INTEGER REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (77);',
    )
    await fleet.startWorker()
    expect((await roll({ version: enforced })).targets).toMatchObject([
      { state: 'failed', sqlstate: '23503' },
    ])
    for (const dryRun of [true, false]) {
      const { targets } = await roll({ version: deferred, dryRun })
      expect(targets).toMatchObject([{ state: 'failed', sqlstate: '23503' }])
    }
    expect(read(name, 'SELECT count(*) FROM item')).toEqual([[1]])
    expect((await roll({ version: silent })).targets).toMatchObject([{ outcome: 'applied' }])
  })

  test('is refused for a version of another dialect, and for tenants on servers of several kinds', async () => {
    await tenants(1)
    const wrong = await fleet.addVersion({ upgrade: 'create table a (b int)' })
    await expect(fleet.rollout({ version: wrong })).rejects.toThrow(/written for postgres.*on sqlite servers/)
    await expect(version('VACUUM')).rejects.toThrow(/VACUUM.*cannot be part of a version/)
    await expect(version('CREATE TABLE a (b); COMMIT; CREATE TABLE c (d)')).rejects.toThrow(/COMMIT/)
  })

  test('stops: what was not begun is skipped', async () => {
    const names = await tenants(3)
    const id = await version('CREATE TABLE one (a)')
    const { id: rollout } = await fleet.rollout({
      version: id,
      waves: [{ size: '1', approval: true }, { size: 'rest' }],
    })
    await fleet.startWorker()
    await fleet.waitFor(rollout, 'awaiting_approval')
    await stopRollout(fleet.app.control, rollout, { actor: 'test' })
    await fleet.waitFor(rollout, 'stopped')
    expect(
      (await targetsOf(rollout)).map(({ outcome }) => outcome ?? '').toSorted((a, b) => (a < b ? -1 : 1)),
    ).toEqual(['applied', 'skipped', 'skipped'])
    expect(
      names.filter((name) => read(name, `SELECT 1 FROM sqlite_schema WHERE name = 'one'`).length > 0),
    ).toHaveLength(1)
  })
})

describe('with faults', () => {
  test('a locked file is tried again until it is free', async () => {
    const [locked = ''] = await tenants(2)
    const writer = new DatabaseSync(fileOf(locked))
    writer.exec('BEGIN IMMEDIATE')
    const id = await version('CREATE TABLE one (a)')
    await fleet.startWorker()
    const rollout = await fleet.rollout({ version: id, options: { maxRetries: 50, lockTimeout: '50ms' } })
    await until(
      async () => {
        const [first, second] = await targetsOf(rollout.id)
        return first?.sqlstate === '55P03' && second?.outcome === 'applied'
      },
      { what: 'the locked file to be met' },
    )
    writer.exec('ROLLBACK')
    writer.close()
    await fleet.waitFor(rollout.id, 'completed', 60_000)
    expect(await targetsOf(rollout.id)).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }])
  })

  test('a damaged and a missing file fail with words, and nothing is made in their place', async () => {
    const [damaged = '', gone = '', good = ''] = await tenants(3)
    const bytes = readFileSync(fileOf(damaged))
    bytes.fill(0xff, 100, 4000)
    writeFileSync(fileOf(damaged), bytes)
    rmSync(fileOf(gone))
    const id = await version('CREATE TABLE one (a)')
    await fleet.startWorker()
    const { targets } = await roll({ version: id })
    expect(targets).toMatchObject([
      { tenant: damaged, state: 'failed', sqlstate: 'XX001', error: expect.stringContaining('damaged') },
      {
        tenant: gone,
        state: 'failed',
        sqlstate: '08001',
        error: expect.stringContaining('There is no file'),
      },
      { tenant: good, outcome: 'applied' },
    ])
    expect(readFileSync(fileOf(damaged)).equals(bytes)).toBe(true)
    expect(readdirSync(directory).filter((name) => name.startsWith(gone))).toEqual([])
  })

  test('two rollouts of one version at once, by two workers: each file has it once', async () => {
    const names = await tenants(40)
    const id = await version('INSERT INTO item (name) VALUES (1)')
    await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const both = await Promise.all([fleet.rollout({ version: id }), fleet.rollout({ version: id })])
    for (const rollout of both) await fleet.waitFor(rollout.id, 'completed', 60_000)
    const outcomes = (await Promise.all(both.map((one) => targetsOf(one.id))))
      .flat()
      .map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(40)
    expect(outcomes.filter((outcome) => outcome === 'already_applied')).toHaveLength(40)
    for (const name of names) expect(read(name, 'SELECT count(*) FROM item')).toEqual([[2]])
  })

  test('a worker that is killed mid-run leaves nothing half done, and another one goes on', async () => {
    const names = await tenants(60)
    // Slow enough that a kill finds some tenants in the middle.
    const id = await version(
      `CREATE TABLE big AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, hex(i) AS h FROM n;
       INSERT INTO item (name) SELECT count(*) FROM big;`,
    )
    const victim = await fleet.spawnWorker()
    const { id: rollout } = await fleet.rollout({ version: id })
    await until(
      async () => {
        return (await targetsOf(rollout)).filter(({ outcome }) => outcome === 'applied').length > 3
      },
      { what: 'some tenants to be done' },
    )
    await victim.kill()
    await fleet.spawnWorker()
    await fleet.waitFor(rollout, 'completed', 90_000)
    expect(new Set((await targetsOf(rollout)).map(({ outcome }) => outcome))).toEqual(new Set(['applied']))
    for (const name of names) {
      expect(read(name, 'SELECT name FROM item ORDER BY id')).toEqual([[null], ['20000']])
      expect(read(name, 'PRAGMA integrity_check')).toEqual([['ok']])
      expect(ledger(name)).toEqual([[id, rollout]])
    }
  })
})

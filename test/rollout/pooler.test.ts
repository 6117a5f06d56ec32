/** Rollouts through the real PgBouncer: transaction mode, every database by a wildcard. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/engine/ports.ts'
import { updateServer } from '../../src/registry/servers.ts'
import { retryFailed } from '../../src/rollout/commands.ts'
import { serversWithoutPooler } from '../../src/rollout/start.ts'
import { rolloutStatus } from '../../src/rollout/status.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { failingOn } from '../support/fleet-versions.ts'
import { holdLock } from '../support/locks.ts'
import { startPgBouncer, type PgBouncer } from '../support/pgbouncer.ts'
import { adminClient } from '../support/postgres.ts'
import { withProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'

const POOLER = { via: 'pooler' } as const

withProgram('pgbouncer').describe('through PgBouncer', () => {
  let fleet: Fleet
  let bouncer: PgBouncer

  beforeAll(async () => {
    fleet = await startFleet({ tenants: 8, schemas: ['one', 'two'] })
    const { user, password } = fleet.servers[0]?.migrator ?? { user: '', password: '' }
    // One connection per database: whoever comes next gets the very session that the rollout had.
    // What waits for a database that cannot be had is told so before Tenantry asks after it.
    bouncer = await startPgBouncer({
      users: { [user]: password },
      settings: { default_pool_size: 1, query_wait_timeout: 8 },
    })
    await updateServer(fleet.app.control, fleet.app.keyring, 'pg-1', {
      pooler: { host: bouncer.host, port: bouncer.port },
    })
    await fleet.startWorker()
  })
  afterAll(async () => {
    await fleet.close()
    await bouncer.stop()
  })

  /** Databases for which transactions went through PgBouncer. */
  async function pooled(): Promise<string[]> {
    const rows = await bouncer.show('show stats')
    return rows.filter((row) => Number(row['total_xact_count']) > 0).map((row) => String(row['database']))
  }

  /** Asks over the pooled session of the rollout's own role. */
  async function asNextClient(
    sql: string,
    database = fleet.tenant(0).database,
  ): Promise<Record<string, unknown>[]> {
    const client = await adminClient(database, { ...bouncer, ...fleet.servers[0]?.migrator })
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows
    } finally {
      await client.end()
    }
  }

  test('first contact, the ledger made on the way; again it is there already; undone by the ledger', async () => {
    const version = await fleet.addColumn()
    const { progress } = await fleet.complete({ version, options: POOLER })
    expect(progress).toMatchObject({ total: 10, successful: 10, already: 0 })
    expect(
      (await pooled()).filter((name) => fleet.tenants.some((tenant) => tenant.database === name)),
    ).toHaveLength(9)
    expect((await fleet.complete({ version, options: POOLER })).progress).toMatchObject({
      successful: 10,
      already: 10,
    })
  })

  test('lock and statement timeouts hold inside the transaction', async () => {
    const lock = await holdLock(fleet, fleet.tenant(1), 'items')
    const options = { ...POOLER, lockTimeout: '50ms', maxRetries: 1 }
    const locked = await fleet.rollout({ version: await fleet.addColumn(), options })
    const { errorGroups, progress } = await fleet.waitFor(locked.id, 'completed')
    await lock.release()
    expect(progress).toMatchObject({ successful: 9, failed: 1, retries: 1 })
    expect(errorGroups).toMatchObject([{ sqlstate: '55P03' }])
    await fleet.expectConsistent(locked.id)
    const slow = await fleet.addVersion({ upgrade: 'select 1; select pg_sleep(30)' })
    const { id } = await fleet.rollout({ version: slow, options: { ...POOLER, statementTimeout: '100ms' } })
    const status = await fleet.waitFor(id, 'completed')
    expect(status.errorGroups).toMatchObject([
      {
        sqlstate: '57014',
        count: 10,
        message: 'canceling statement due to statement timeout (statement 2 of 2, line 1)',
      },
    ])
  })

  test('neither settings of ours nor what a change leaves in its session reach the next client', async () => {
    const facts = `select current_setting('search_path') as path, current_setting('lock_timeout') as lock,
      current_setting('statement_timeout') as statement, current_setting('synchronous_commit') as flush,
      current_setting('role') as role,
      (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())::int as locks,
      (select count(*) from pg_cursors where is_holdable)::int as cursors, to_regclass('pg_temp.scratch') as scratch, pg_backend_pid() as pid`
    const before = await asNextClient(facts)
    const version = await fleet.addVersion({
      upgrade: `set search_path = pg_catalog; set lock_timeout = '77s'; set statement_timeout = '78s'; set synchronous_commit = local;
        set role ${fleet.servers[0]?.migrator.user}; select pg_advisory_lock(42); create temporary table scratch (id integer);
        declare held cursor with hold for select 1; listen somebody`,
    })
    expect((await fleet.complete({ version, options: POOLER })).progress).toMatchObject({ successful: 10 })
    expect(await asNextClient(facts)).toEqual(before)
    expect(await asNextClient('select pg_listening_channels() as channel')).toEqual([])
  })

  test('a deferred constraint fails as it would at the commit, and is said to', async () => {
    const version = await fleet.addVersion({
      upgrade: `create table parent (id integer primary key); create table child (id integer references parent deferrable initially deferred); insert into child values (1); select 1`,
      probe: `select to_regclass('parent') is not null`,
    })
    const { id } = await fleet.rollout({ version, options: POOLER })
    const { errorGroups } = await fleet.waitFor(id, 'completed')
    expect(errorGroups[0]?.message).toMatch(
      /^insert or update on table "child" violates foreign key constraint "child_id_fkey" \(at commit\) – /,
    )
    await fleet.expectConsistent(id)
  })

  test('a syntax error is found in its statement and line', async () => {
    const version = await fleet.addVersion({ upgrade: 'select 1;\nselect 2;\nselekt 3;\nselect 4' })
    const { id } = await fleet.rollout({ version, options: POOLER, selector: 'schema:one' })
    const { errorGroups } = await fleet.waitFor(id, 'completed')
    expect(errorGroups[0]?.message).toBe('syntax error at or near "selekt" (statement 3 of 4, line 3)')
  })

  test('a dry run', async () => {
    const { version, heal } = await failingOn(fleet, [fleet.tenant(3)])
    const { progress } = await fleet.complete({ version, dryRun: true, options: POOLER })
    expect(progress).toMatchObject({ successful: 9, failed: 1 })
    await heal()
  })

  test('what must run outside a transaction goes to the server itself', async () => {
    await bouncer.show('reconnect')
    const version = await fleet.addVersion({
      upgrade:
        'create index concurrently pooled on items (name); alter table items add column pooled integer',
      probe: `select to_regclass('pooled') is not null`,
    })
    expect((await fleet.complete({ version, options: POOLER })).progress).toMatchObject({ successful: 10 })
  })

  test('more tenants than the pooler lets in: they wait, and none fails', async () => {
    const { user, password } = fleet.servers[0]?.migrator ?? { user: '', password: '' }
    const narrow = await startPgBouncer({ users: { [user]: password }, settings: { max_client_conn: 3 } })
    await updateServer(fleet.app.control, fleet.app.keyring, 'pg-1', {
      pooler: { host: narrow.host, port: narrow.port },
    })
    const { progress } = await fleet.complete({
      version: await fleet.addColumn(),
      options: { ...POOLER, maxRetries: 0 },
    })
    expect(progress).toMatchObject({ successful: 10, failed: 0 })
    await updateServer(fleet.app.control, fleet.app.keyring, 'pg-1', {
      pooler: { host: bouncer.host, port: bouncer.port },
    })
    await narrow.stop()
  })

  test('no server has a pooler: refused; one of two: the other is named, and reached directly', async () => {
    const { control, keyring } = fleet.app
    const version = await fleet.addColumn()
    await updateServer(control, keyring, 'pg-1', { pooler: null })
    await expect(fleet.rollout({ version, options: POOLER })).rejects.toThrow(
      'No server of the selected tenants has a pooler.',
    )
    await updateServer(control, keyring, 'pg-1', { pooler: { host: bouncer.host, port: bouncer.port } })
    const rollout = await fleet.rollout({ version, options: POOLER })
    expect(await serversWithoutPooler(control, rollout)).toEqual([])
    await updateServer(control, keyring, 'pg-1', { pooler: null })
    expect(await serversWithoutPooler(control, rollout)).toEqual(['pg-1'])
    await updateServer(control, keyring, 'pg-1', { pooler: { host: bouncer.host, port: bouncer.port } })
    expect((await fleet.waitFor(rollout.id, 'completed')).progress).toMatchObject({ successful: 10 })
  })

  /** A rollout by this pooler address until its lane says why it stands, then by the one that works. */
  async function blockedBy(pooler: { host: string; port: number }): Promise<string> {
    const { control, keyring } = fleet.app
    await updateServer(control, keyring, 'pg-1', { pooler })
    const { id } = await fleet.rollout({
      version: await fleet.addColumn(),
      options: { ...POOLER, maxRetries: 0 },
    })
    const reason = await until(
      async () => {
        const { rollout, servers } = await rolloutStatus(control, id)
        expect(rollout.state).toBe('running')
        return rollout.reason === null ? undefined : `${rollout.reason} ${servers[0]?.reason}`
      },
      { what: 'the rollout to say why it waits' },
    )
    await updateServer(control, keyring, 'pg-1', { pooler: { host: bouncer.host, port: bouncer.port } })
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 10, failed: 0 })
    await fleet.expectConsistent(id)
    return reason
  }

  test('a pooler that knows another password: the lane waits and says why, and goes on when it is mended', async () => {
    const { user } = fleet.servers[0]?.migrator ?? { user: '' }
    const other = await startPgBouncer({ users: { [user]: 'another' } })
    const reason = await blockedBy(other)
    await other.stop()
    expect(reason).toMatch(/^Tenants of wave 1 \(rest\) wait for a server that cannot be used: pg-1\./)
    expect(reason).toMatch(
      new RegExp(
        `Its pooler ${other.host}:${other.port} refuses the login of ${user}: .*authentication failed`,
      ),
    )
  })

  test('a pooler that is not there: likewise', async () => {
    const port = await freePort()
    expect(await blockedBy({ host: '127.0.0.1', port })).toContain(
      `Its pooler cannot be used: Cannot connect to 127.0.0.1:${port}`,
    )
  })

  test('a database that is gone fails alone', async () => {
    const gone = fleet.tenant(7)
    await fleet.sql(fleet.tenant(0), `drop database ${gone.database} with (force)`)
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, options: { ...POOLER, maxRetries: 1 } })
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ successful: 9, failed: 1 })
    expect(errorGroups).toMatchObject([
      { sqlstate: '3D000', message: `database "${gone.database}" does not exist` },
    ])
    await fleet.expectConsistent(id)
    await expect(retryFailed(fleet.app.control, id, { actor: 'test' })).resolves.toMatchObject({ retried: 1 })
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ failed: 1 })
  })
})

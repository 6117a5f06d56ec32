/** What tenant servers do to a rollout short of crashing: refuse logins, turn read-only, fill up, hold locks. */
import { chmod, chown, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import { ident, literal } from '../../../src/engine/sql.ts'
import { updateServer } from '../../../src/registry/servers.ts'
import { retryFailed } from '../../../src/rollout/commands.ts'
import { rolloutStatus } from '../../../src/rollout/status.ts'
import { testDirectory } from '../../support/directories.ts'
import {
  addSlowVersion,
  faultTest,
  inTheMiddle,
  MIXED,
  mountMemory,
  mountTest,
  SIZE,
  unmount,
} from '../../support/faults.ts'
import type { Fleet } from '../../support/fleet.ts'
import { adminClient, adminQuery, sharedServer } from '../../support/postgres.ts'
import { until } from '../../support/wait.ts'

function migratorOf(fleet: Fleet): { readonly user: string; readonly password: string } {
  const [server] = fleet.servers
  if (server === undefined) throw new Error('the fleet has no server')
  return server.migrator
}

/** Waits until the rollout says that its first server is down. @returns the reason. */
function isDown(fleet: Fleet, rolloutId: string): Promise<string> {
  return until(
    async () => {
      const { rollout, servers } = await rolloutStatus(fleet.app.control, rolloutId)
      return rollout.state === 'running' && servers[0]?.state === 'down' && (servers[0].reason ?? '')
    },
    { what: 'the server to be reported as down', timeoutMs: 20_000 },
  )
}

faultTest(
  'a changed password closes the lane with the reason, and the new one opens it',
  async ({ startFleet }) => {
    const fleet = await startFleet(MIXED)
    await fleet.startWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 1),
      options: { maxConnections: 4 },
    })
    await inTheMiddle(fleet, id)
    const { user } = migratorOf(fleet)
    await adminQuery(`alter role ${ident(user)} password 'changed in between'`)
    expect(await isDown(fleet, id)).toMatch(/password authentication failed/)
    await fleet.expectConsistent(id)
    const { host, port } = sharedServer()
    await updateServer(fleet.app.control, fleet.app.keyring, 'pg-1', {
      dsn: `postgres://${user}:${encodeURIComponent('changed in between')}@${host}:${port}/postgres`,
    })
    const { progress } = await fleet.waitFor(id, 'completed', 30_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'a server set to read-only closes the lane with the reason, and reports nothing as done',
  async ({ startFleet }) => {
    const fleet = await startFleet(MIXED)
    await fleet.startWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 1),
      options: { maxConnections: 4 },
    })
    await inTheMiddle(fleet, id)
    const { user } = migratorOf(fleet)
    await adminQuery(`alter role ${ident(user)} set default_transaction_read_only = on`)
    expect(await isDown(fleet, id)).toMatch(/read-only/)
    await fleet.expectConsistent(id)
    await adminQuery(`alter role ${ident(user)} reset default_transaction_read_only`)
    const { progress } = await fleet.waitFor(id, 'completed', 30_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'a table locked by an idle transaction fails its tenant only, and a retry succeeds',
  async ({ after, startFleet }) => {
    const fleet = await startFleet(MIXED)
    await fleet.startWorker()
    const locked = fleet.tenant(3)
    const holder = await adminClient(locked.database)
    after(() => holder.end())
    await holder.query('begin; lock table items in access share mode')
    const { id } = await fleet.rollout({ version: await addSlowVersion(fleet), options: { maxRetries: 1 } })
    // The tenant's application is never kept waiting for longer than the lock timeout.
    await until(
      async () =>
        (
          await adminQuery(
            `select from pg_stat_activity where datname = ${literal(locked.database)} and wait_event_type = 'Lock'`,
          )
        ).length > 0,
      { what: 'the rollout to wait for the lock' },
    )
    const started = performance.now()
    await fleet.sql(locked, 'select count(*) from items')
    expect(performance.now() - started).toBeLessThan(1_000)
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ successful: SIZE - 1, failed: 1 })
    expect(errorGroups).toMatchObject([{ sqlstate: '55P03', count: 1, tenants: [locked.name] }])
    await fleet.expectConsistent(id)
    await holder.query('rollback')
    await retryFailed(fleet.app.control, id, { actor: 'test' })
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: SIZE, failed: 0 })
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'databases dropped and renamed in the middle fail clearly, the others succeed',
  async ({ startFleet }) => {
    const fleet = await startFleet(MIXED)
    await fleet.startWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.5),
      waves: [{ size: '2' }, { size: 'rest' }],
      options: { maxConnections: 2 },
    })
    await inTheMiddle(fleet, id, 0)
    const [dropped, renamed] = [fleet.tenant(6), fleet.tenant(7)]
    await adminQuery(`drop database ${ident(dropped.database)} with (force)`)
    await adminQuery(
      `alter database ${ident(renamed.database)} rename to ${ident(`${renamed.database}_elsewhere`)}`,
    )
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed', 30_000)
    expect(progress).toMatchObject({ successful: SIZE - 2, failed: 2 })
    expect(errorGroups).toMatchObject([
      { sqlstate: '3D000', count: 2, tenants: [dropped.name, renamed.name] },
    ])
    expect(errorGroups[0]?.message).toMatch(/does not exist/)
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'tenants of a database that all get their ledger now do not wait for each other',
  async ({ startFleet }) => {
    const fleet = await startFleet({ tenants: 0, schemas: ['a', 'b', 'c', 'd', 'e', 'f'] })
    await fleet.startWorker()
    const { id } = await fleet.rollout({ version: await addSlowVersion(fleet, 1) })
    const { progress, elapsedSeconds } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ successful: 6, retries: 0 })
    expect(elapsedSeconds).toBeLessThan(4)
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'a statement that takes longer than the lease is not taken for a dead worker',
  async ({ startFleet }) => {
    const fleet = await startFleet({ tenants: 2, schemas: ['a', 'b'] })
    const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 12),
      options: { statementTimeout: '1min' },
    })
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: 4, failed: 0, already: 0, retries: 0 })
    const [attempts] = await fleet.app.control.query<{ most: number }>(
      'select max(attempts) as most from tenantry.rollout_targets where rollout_id = $1',
      [id],
    )
    expect(attempts).toEqual({ most: 1 })
    await fleet.expectConsistent(id)
    for (const worker of workers) expect(worker.log()).not.toContain('lease lost')
  },
)

faultTest(
  'a statement that a killed worker left running ends before its tenant is taken over',
  async ({ startFleet }) => {
    const fleet = await startFleet({ tenants: 2 })
    const worker = await fleet.spawnWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 20),
      options: { statementTimeout: '1min' },
    })
    const running = `select from pg_stat_activity where application_name = 'tenantry rollout ${id.slice(0, 8)}' and state = 'active'`
    await until(async () => (await adminQuery(running)).length === 2, { what: 'the statements to run' })
    await worker.kill()
    await until(async () => (await adminQuery(running)).length === 0, {
      what: 'the server to notice',
      timeoutMs: 6_000,
    })
    await fleet.expectConsistent(id)
  },
)

mountTest(
  'a disk that is full fails the tenants on it, and a retry succeeds once there is room',
  async ({ after, startFleet }) => {
    const directory = await testDirectory('full')
    mountMemory(directory, '4m')
    after(async () => {
      unmount(directory)
      await rm(directory, { recursive: true })
    })
    const [{ data_directory: dataDirectory } = { data_directory: '' }] = await adminQuery<{
      data_directory: string
    }>('show data_directory')
    const { uid, gid } = await stat(dataDirectory)
    await chown(directory, uid, gid)
    await chmod(directory, 0o700)
    const space = path.basename(directory)
    await adminQuery(`create tablespace ${ident(space)} location ${literal(directory)}`)
    after(() => adminQuery(`drop tablespace ${ident(space)}`))
    await adminQuery(`grant create on tablespace ${ident(space)} to public`)
    const fleet = await startFleet(MIXED)
    const filler = path.join(directory, 'filler')
    await writeFile(filler, Buffer.alloc(3 * 1024 * 1024))
    await fleet.startWorker()
    // About 40 kB per tenant: room for some, not for all.
    const version = await fleet.addVersion({
      upgrade: `create table big tablespace ${ident(space)} as select repeat('x', 1000) as text from generate_series(1, 40)`,
      probe: `select to_regclass('big') is not null`,
    })
    const { id } = await fleet.rollout({ version, options: { maxRetries: 1 } })
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress.failed).toBeGreaterThan(0)
    expect(progress.successful).toBeGreaterThan(0)
    expect(errorGroups).toMatchObject([{ sqlstate: '53100' }])
    await fleet.expectConsistent(id)
    await rm(filler)
    await retryFailed(fleet.app.control, id, { actor: 'test' })
    expect((await fleet.waitFor(id, 'completed', 30_000)).progress).toMatchObject({
      successful: SIZE,
      failed: 0,
    })
    await fleet.expectConsistent(id)
  },
)

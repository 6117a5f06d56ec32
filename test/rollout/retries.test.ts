/** What is tried again, when, and what it costs the server meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { retryFailed, stopRollout } from '../../src/rollout/commands.ts'
import { getRollout } from '../../src/rollout/rollout.ts'
import { startUndo } from '../../src/rollout/start.ts'
import { columnOf, startFleet, type Fleet, type FleetTenant } from '../support/fleet.ts'
import { adminQuery } from '../support/postgres.ts'
import { holdLock } from '../support/locks.ts'
import { until } from '../support/wait.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ tenants: 8 })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

interface Target extends Record<string, unknown> {
  readonly state: string
  readonly attempts: number
  readonly sqlstate: string | null
  readonly error: string | null
  readonly waits: boolean
}

async function target(id: string, tenant: FleetTenant): Promise<Target> {
  const [row] = await fleet.app.control.query<Target>(
    `select target.state, target.attempts, target.sqlstate, target.error, target.not_before > clock_timestamp() as waits
     from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
     where rollout_id = $1 and tenant.name = $2`,
    [id, tenant.name],
  )
  if (row === undefined) throw new Error('no such target')
  return row
}

/** Connections of the rollout to one tenant's database. */
async function connections(tenant: FleetTenant): Promise<number> {
  const rows = await fleet.sql(
    tenant,
    `select from pg_stat_activity where datname = current_database() and usename = '${fleet.servers[0]?.migrator.user}'`,
  )
  return rows.length
}

function only(tenant: FleetTenant): string {
  return `name:${tenant.name}`
}

describe('a lock that somebody holds', () => {
  test('is waited for no longer than the lock timeout; then the tenant waits without a connection', async () => {
    const tenant = fleet.tenant(0)
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, tenant, 'items')
    const { id } = await fleet.rollout({ version, options: { lockTimeout: '100ms', maxRetries: 100 } })
    const waiting = await until(
      async () => {
        const row = await target(id, tenant)
        return row.state === 'pending' && row.waits && row.attempts >= 3 && row
      },
      { what: 'the third try', timeoutMs: 20_000 },
    )
    expect(waiting).toMatchObject({ sqlstate: '55P03', error: 'canceling statement due to lock timeout' })
    await until(async () => (await target(id, tenant)).waits && (await connections(tenant)) === 0, {
      what: 'no connection',
    })
    // The others have long been done, and readers of the table were never in the way of anybody.
    expect((await fleet.targets(id)).filter((one) => one.state === 'succeeded')).toHaveLength(7)
    await lock.release()
    await fleet.app.control.query(
      `update tenantry.rollout_targets set not_before = '-infinity' where rollout_id = $1`,
      [id],
    )
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 8, failed: 0 })
    expect(done.progress.retries).toBeGreaterThanOrEqual(3)
    await fleet.expectConsistent(id)
  })

  test('held for ever, the tenant fails after its retries, and nothing of the change is there', async () => {
    const tenant = fleet.tenant(1)
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, tenant, 'items')
    const options = { lockTimeout: '50ms', maxRetries: 2 }
    const { id } = await fleet.rollout({ version, selector: only(tenant), options })
    const done = await fleet.waitFor(id, 'completed')
    await lock.release()
    expect(done.progress).toMatchObject({ failed: 1, retries: 2 })
    expect(await target(id, tenant)).toMatchObject({ attempts: 3, sqlstate: '55P03' })
    await fleet.expectConsistent(id)
  })

  test('by default readers of the tenant are not blocked for longer than the timeout', async () => {
    const tenant = fleet.tenant(2)
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, tenant, 'items')
    const { id } = await fleet.rollout({
      version,
      selector: only(tenant),
      options: { lockTimeout: '300ms', maxRetries: 100 },
    })
    await lock.waitedFor()
    const begun = performance.now()
    await fleet.sql(tenant, 'select from items')
    expect(performance.now() - begun).toBeLessThan(3000)
    await stopRollout(fleet.app.control, id, { actor: 'test' })
    await lock.release()
    await fleet.waitFor(id, 'stopped')
  })
})

describe('errors', () => {
  const raising = (sqlstate: string): string =>
    `do $$ begin raise exception 'as asked' using errcode = '${sqlstate}'; end $$`

  test.each([
    ['40001', 3],
    ['40P01', 3],
    ['53100', 3],
    ['23505', 1],
    ['42P07', 1],
    ['42501', 1],
    ['P0001', 1],
    ['XX000', 1],
  ])('%s: %d tries', async (sqlstate, tries) => {
    const tenant = fleet.tenant(3)
    const version = await fleet.addVersion({ upgrade: raising(sqlstate) })
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { maxRetries: 2 } })
    await fleet.waitFor(id, 'completed')
    expect(await target(id, tenant)).toMatchObject({
      state: 'failed',
      attempts: tries,
      sqlstate,
      error: 'as asked',
    })
  })

  test('a statement that takes too long fails at once: it would again', async () => {
    const tenant = fleet.tenant(3)
    const version = await fleet.addVersion({
      upgrade: 'create table slow (); select pg_sleep(60)',
      probe: `select to_regclass('slow') is not null`,
    })
    const { id } = await fleet.rollout({
      version,
      selector: only(tenant),
      options: { statementTimeout: '200ms' },
    })
    await fleet.waitFor(id, 'completed')
    expect(await target(id, tenant)).toMatchObject({
      state: 'failed',
      attempts: 1,
      sqlstate: '57014',
      error: 'canceling statement due to statement timeout (statement 2 of 2, line 1)',
    })
    await fleet.expectConsistent(id)
  })

  test('a session that somebody ends is tried again', async () => {
    const tenant = fleet.tenant(4)
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, tenant, 'items')
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { lockTimeout: '10s' } })
    await lock.waitedFor()
    await lock.killWaiting()
    await lock.release()
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1, retries: 1 })
    await fleet.expectConsistent(id)
  })

  test('a change that ends its own session every time fails in the end', async () => {
    const tenant = fleet.tenant(4)
    const version = await fleet.addVersion({ upgrade: 'select pg_terminate_backend(pg_backend_pid())' })
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { maxRetries: 1 } })
    await fleet.waitFor(id, 'completed')
    expect(await target(id, tenant)).toMatchObject({ state: 'failed', attempts: 2, sqlstate: '57P01' })
    await fleet.expectConsistent(id)
  })
})

describe('a tenant that ends every worker that takes it', () => {
  test('is given up some day', async () => {
    const version = await fleet.addColumn()
    const tenant = fleet.tenant(2)
    const lock = await holdLock(fleet, tenant, 'items')
    const options = { lockTimeout: '100ms', maxRetries: 100 }
    const { id } = await fleet.rollout({ version, selector: only(tenant), options })
    await until(async () => (await target(id, tenant)).waits, { what: 'the first try to be over' })
    await fleet.app.control.query(
      `update tenantry.rollout_targets set attempts = 200, not_before = '-infinity' where rollout_id = $1`,
      [id],
    )
    await fleet.waitFor(id, 'completed')
    expect(await target(id, tenant)).toMatchObject({
      state: 'failed',
      sqlstate: '40003',
      error: 'Given up after 200 tries: too many of the workers that took this tenant died.',
    })
    await lock.release()
    await fleet.expectConsistent(id)
  })
})

describe('room for connections', () => {
  test('a role with few connections: the rollout uses fewer, and no tenant fails', async () => {
    const { user } = fleet.servers[0]?.migrator ?? { user: '' }
    await fleet.sql(fleet.tenant(0), `alter role ${user} connection limit 3`)
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, options: { maxRetries: 0 } })
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 8, failed: 0, retries: 0 })
    await fleet.sql(fleet.tenant(0), `alter role ${user} connection limit -1`)
    await fleet.expectConsistent(id)
  })

  test('a single database that lets nobody in fails after its retries, and the others are not slowed', async () => {
    const closed = fleet.tenant(5)
    await fleet.sql(fleet.tenant(0), `alter database ${closed.database} connection limit 0`)
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, options: { maxRetries: 2 } })
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 7, failed: 1, retries: 2 })
    expect(await target(id, closed)).toMatchObject({ attempts: 3, sqlstate: '53300' })
    await fleet.sql(fleet.tenant(0), `alter database ${closed.database} connection limit -1`)
    expect(await fleet.columnsOf(closed)).not.toContain(columnOf(version))
    await fleet.expectConsistent(id)
  })
})

describe('what is kept of errors', () => {
  test('a thousand words of hostile text are bounded, harmless, and one group for all tenants', async () => {
    const text = `<img src=x onerror=alert(1)> \\x1b[31m ${'long '.repeat(2000)}`
    const version = await fleet.addVersion({
      upgrade: `do $$ begin raise exception E'%', E'${text.replaceAll("'", "''")}\\r\\n\\x01' || current_database() || ' ' || random(); end $$`,
    })
    const { id } = await fleet.rollout({ version })
    const { errorGroups } = await fleet.waitFor(id, 'completed')
    expect(errorGroups).toMatchObject([{ count: 8, sqlstate: 'P0001' }])
    const message = errorGroups[0]?.message ?? ''
    expect(message).toContain('<img src=x onerror=alert(1)>')
    expect(message.length).toBeLessThanOrEqual(2001)
    // oxlint-disable-next-line no-control-regex
    expect(message).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/)
  })

  test('errors that differ in values and in the names of tenants are one group; others are not', async () => {
    const differ = await fleet.addVersion({
      upgrade: `do $$ begin raise exception 'row % of "%" is ''%''', oid, current_database(), datname from pg_database where datname = current_database(); end $$`,
    })
    const rolled = await fleet.rollout({ version: differ })
    await fleet.waitFor(rolled.id, 'completed')
    const version = await fleet.addVersion({
      upgrade: `do $$ declare n integer; begin select right(current_database(), 1)::integer into n;
        if n % 2 = 0 then raise exception 'even: % in %', random(), current_database(); else raise exception 'odd: % in %', random(), current_database(); end if; end $$`,
    })
    const { id } = await fleet.rollout({ version })
    const { errorGroups } = await fleet.waitFor(id, 'completed')
    expect(errorGroups.map((group) => group.count)).toEqual([4, 4])
    expect(errorGroups.flatMap((group) => group.tenants).toSorted()).toEqual(
      fleet.tenants.map((tenant) => tenant.name),
    )
  })
})

describe('a tenant whose logins are ended, whoever tries', () => {
  const migrator = (): string => fleet.servers[0]?.migrator.user ?? ''
  /** PostgreSQL 17 and later; superusers are let in, or nobody could mend it. */
  const doorkeeper =
    (): string => `create function public.turn_away() returns event_trigger language plpgsql as $$
    begin
      if session_user = '${migrator()}' then perform pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()); end if;
    end $$;
    create event trigger doorkeeper on login execute function public.turn_away();`

  test('fails after its retries, in doubt; when it can be reached, a retry does the rest', async () => {
    const tenant = fleet.tenant(6)
    await adminQuery(doorkeeper(), tenant.database)
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { maxRetries: 1 } })
    await fleet.waitFor(id, 'completed')
    const row = await target(id, tenant)
    expect(row).toMatchObject({ state: 'failed', attempts: 4, sqlstate: '57P01' })
    expect(row.error).toMatch(/^In doubt: the answer to the last try was lost .* cannot be read: /)

    await adminQuery('drop event trigger doorkeeper; drop function public.turn_away()', tenant.database)
    await retryFailed(fleet.app.control, id, { actor: 'test' }, {})
    await until(async () => (await target(id, tenant)).state === 'succeeded', {
      what: 'the retry to succeed',
    })
    await fleet.expectConsistent(id)
  })

  test('a later refusal does not hide that an answer was lost; an undo asks that tenant too', async () => {
    const tenant = fleet.tenant(7)
    await adminQuery(doorkeeper(), tenant.database)
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { maxRetries: 100 } })
    await until(async () => (await target(id, tenant)).attempts >= 2, { what: 'the second try' })
    await adminQuery(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${tenant.database}'`,
    )
    await until(
      async () => {
        await adminQuery(`alter database "${tenant.database}" rename to "${tenant.database}_away"`)
        return true
      },
      { what: 'nobody to be in the database' },
    )
    await fleet.waitFor(id, 'completed')
    const row = await target(id, tenant)
    expect(row).toMatchObject({ state: 'failed', sqlstate: '3D000' })
    expect(row.error).toMatch(
      /^In doubt: the answer to an earlier try was lost, and the tenant's ledger, .* cannot be read: .* does not exist/,
    )
    await adminQuery(`alter database "${tenant.database}_away" rename to "${tenant.database}"`)
    await adminQuery('drop event trigger doorkeeper; drop function public.turn_away()', tenant.database)
    const original = await getRollout(fleet.app.control, id)
    const undo = await startUndo(fleet.app.control, original, {
      dryRun: false,
      waves: [{ size: 'rest' }],
      options: original.options,
      createdBy: 'test',
    })
    expect(undo.total).toBe(1)
    await fleet.waitFor(undo.id, 'completed')
    expect(await target(undo.id, tenant)).toMatchObject({ state: 'succeeded' })
  })
})

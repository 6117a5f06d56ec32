/** Tenants that are schemas of one database: they share connections and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { registerTenants } from '../../src/registry/tenants.ts'
import { columnOf, startFleet, type Fleet, type FleetTenant } from '../support/fleet.ts'
import { failingOn } from '../support/fleet-versions.ts'
import { holdLock } from '../support/locks.ts'

let fleet: Fleet
const HOSTILE = [
  'Mixed Case',
  'quo"te',
  "apo'strophe",
  'semi; drop schema public cascade; --',
  'back\\slash',
  'ünïcödé 🦊',
  'pg"temp.x',
  '-- comment',
  'dollar$$quote',
  'public,tenantry',
  'line\nbreak',
  'x'.repeat(63),
  'é'.repeat(31),
]
const PLAIN = Array.from({ length: 87 }, (_, index) => `s${index}`)

beforeAll(async () => {
  fleet = await startFleet({ tenants: 1, schemas: [...HOSTILE, ...PLAIN] })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

function schemaTenant(schema: string): FleetTenant {
  const found = fleet.tenants.find((tenant) => tenant.schema === schema)
  if (found === undefined) throw new Error(`there is no schema ${schema}`)
  return found
}

/** Objects in the schema `public` of the shared database, where no tenant lives. */
async function publicObjects(): Promise<unknown[]> {
  const inPublic = { ...schemaTenant('s0'), schema: '' }
  return fleet.sql(inPublic, `select relname from pg_class where relnamespace = 'public'::regnamespace`)
}

function register(database: string, schema: string): Promise<unknown> {
  return registerTenants(fleet.app.control, [
    { name: `${database}/${schema}`, server: 'pg-1', database, schema },
  ])
}

describe('a hundred schemas', () => {
  test('each gets the change, whatever its name; nothing is made in public', async () => {
    const version = await fleet.addVersion({
      upgrade: `create table fresh (id integer primary key); alter table items add column fresh integer references fresh;
        create function twice(n integer) returns integer language sql as 'select n * 2'; insert into fresh select twice(id) from items`,
      probe: `select (select count(*) from fresh) = 3 and to_regclass('fresh_pkey') is not null`,
    })
    const { progress } = await fleet.complete({ version })
    expect(progress).toMatchObject({ total: 101, successful: 101, failed: 0, retries: 0 })
    expect(await publicObjects()).toEqual([])
  })

  test('first contact: the ledger that they share keeps nobody waiting', async () => {
    const [counter] = await fleet.app.control.query<{ busy: number }>(
      `select count(*) as busy from tenantry.counters where label = 'TN003'`,
    )
    expect(counter?.busy).toBe(0)
  })

  test('the failure of some touches no other, whoever shares a connection with them', async () => {
    const bad = [...HOSTILE.slice(0, 3), ...PLAIN.filter((_, index) => index % 7 === 3)].map(schemaTenant)
    const { version, heal } = await failingOn(fleet, bad)
    const { id } = await fleet.rollout({ version, options: { maxConnections: 2 } })
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ successful: 101 - bad.length, failed: bad.length })
    const failed = (await fleet.targets(id))
      .filter((target) => target.state === 'failed')
      .map((target) => target.schema)
    expect(failed.toSorted()).toEqual(bad.map((tenant) => tenant.schema).toSorted())
    expect(errorGroups).toMatchObject([{ sqlstate: '23514', count: bad.length }])
    await fleet.expectConsistent(id)
    await heal()
  })

  test('a lock in one holds up that one only', async () => {
    const lock = await holdLock(fleet, schemaTenant('s5'), 'items')
    const { id } = await fleet.rollout({
      version: await fleet.addColumn(),
      options: { maxConnections: 3, lockTimeout: '100ms', maxRetries: 1 },
    })
    const { progress } = await fleet.waitFor(id, 'completed')
    await lock.release()
    expect(progress).toMatchObject({ successful: 100, failed: 1, retries: 1 })
    await fleet.expectConsistent(id)
  })

  test('what a change sets or makes in its session is gone before the next tenant', async () => {
    const version = await fleet.addVersion({
      upgrade: `create temporary table scratch as select id from items;
set lock_timeout = '77s'; set search_path = public; set role none; select pg_advisory_lock(42);
prepare mine as select 1; declare held cursor with hold for select 1;
select set_config('test.schema', current_setting('test.schema', true) || 'x', false)`,
      probe: 'select true',
    })
    const { progress } = await fleet.complete({ version, options: { maxConnections: 1 } })
    expect(progress).toMatchObject({ successful: 101, failed: 0 })
    expect((await fleet.complete({ version: await fleet.addColumn() })).progress).toMatchObject({
      successful: 101,
    })
    expect(await publicObjects()).toEqual([])
  })

  test('statements outside a transaction run in the schema as well', async () => {
    const version = await fleet.addVersion({
      upgrade:
        'create index concurrently by_name on items (name); vacuum items; alter table items add column after integer',
      probe: `select to_regclass('by_name') is not null`,
    })
    const selector = `schema:s1,s2,s3,${['é'.repeat(31), 'quo"te'].join(',')}`
    expect((await fleet.complete({ version, selector })).progress).toMatchObject({ total: 5, successful: 5 })
    expect(await publicObjects()).toEqual([])
  })
})

describe('schemas that are not there', () => {
  test('one that was dropped fails with its name, and nothing is made in another', async () => {
    const { database } = schemaTenant('s0')
    await register(database, 'gone')
    const version = await fleet.addVersion({
      upgrade: 'create table lost (id integer)',
      probe: `select to_regclass('lost') is not null`,
    })
    for (const upgrade of ['create table lost_2 (id integer)', 'vacuum; create table lost_3 (id integer)']) {
      const another = await fleet.addVersion({ upgrade })
      const { id } = await fleet.rollout({ version: another, selector: 'schema:gone' })
      const { errorGroups } = await fleet.waitFor(id, 'completed')
      expect(errorGroups).toMatchObject([
        { sqlstate: '3F000', message: 'schema "gone" does not exist', count: 1 },
      ])
    }
    expect((await fleet.complete({ version, selector: 'schema:s0,s1' })).progress).toMatchObject({
      successful: 2,
    })
    expect(await publicObjects()).toEqual([])
    await fleet.app.control.query(
      `delete from tenantry.rollout_targets where tenant_id in (select id from tenantry.tenants where schema_name = 'gone')`,
    )
    await fleet.app.control.query(`delete from tenantry.tenants where schema_name = 'gone'`)
  })

  test("one whose name PostgreSQL would read as the login role is refused: it would be the role's own schema", async () => {
    const tenant = schemaTenant('s0')
    const user = fleet.servers[0]?.migrator.user ?? ''
    await fleet.sql(
      tenant,
      `create schema "$user" authorization ${user}; create schema ${user} authorization ${user}`,
    )
    await register(tenant.database, '$user')
    for (const upgrade of ['create table lost_4 (id integer)', 'vacuum; create table lost_5 (id integer)']) {
      const { id } = await fleet.rollout({
        version: await fleet.addVersion({ upgrade }),
        selector: 'schema:$user',
      })
      const { errorGroups } = await fleet.waitFor(id, 'completed')
      expect(errorGroups[0]?.message).toContain('A schema named $user cannot be put into a search_path')
    }
    const found = await fleet.sql(
      tenant,
      `select relname from pg_class where relname like 'lost_%' and relnamespace in (to_regnamespace('"$user"'), to_regnamespace('${user}'))`,
    )
    expect(found).toEqual([])
  })

  test('an owner without rights in the schema is told so', async () => {
    const tenant = schemaTenant('s7')
    await fleet.sql(tenant, `alter schema s7 owner to current_user; alter table items owner to current_user`)
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, selector: 'schema:s7,s8' })
    const { errorGroups, progress } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ successful: 1, failed: 1 })
    expect(errorGroups[0]?.sqlstate).toMatch(/^42/)
    expect(await fleet.columnsOf(schemaTenant('s8'))).toContain(columnOf(version))
    await fleet.expectConsistent(id)
  })
})

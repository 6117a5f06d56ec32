/** Statements that PostgreSQL runs outside a transaction only: once each, resumed where they stopped. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { retryFailed } from '../../src/rollout/commands.ts'
import { startFleet, type Fleet, type FleetTenant } from '../support/fleet.ts'
import { holdLock } from '../support/locks.ts'
import { until } from '../support/wait.ts'

let fleet: Fleet
const by = { actor: 'tester' }

beforeAll(async () => {
  fleet = await startFleet({ tenants: 4, schemas: ['one', 'Two "2"'] })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

interface IndexRow extends Record<string, unknown> {
  readonly name: string
  readonly valid: boolean
}

async function indexes(tenant: FleetTenant, table = 'items'): Promise<Record<string, boolean>> {
  const rows = await fleet.sql<IndexRow>(
    tenant,
    `select indexrelid::regclass::text as name, indisvalid as valid from pg_index where indrelid = to_regclass('${table}')`,
  )
  return Object.fromEntries(rows.map((row) => [row.name, row.valid]))
}

function only(...tenants: readonly FleetTenant[]): string {
  return `name:${tenants.map((tenant) => tenant.name).join(',')}`
}

/** How often a step of a version ran: each step writes a line. */
const NOTE = 'create table if not exists notes (text text)'

async function notes(tenant: FleetTenant, like: string): Promise<string[]> {
  const rows = await fleet.sql<{ text: string }>(
    tenant,
    `select text from notes where text like '${like}%' order by ctid`,
  )
  return rows.map((row) => row.text)
}

async function stepRows(tenant: FleetTenant): Promise<unknown[]> {
  return fleet.sql(
    tenant,
    `select step, state from tenantry.ledger_steps where tenant_schema = '${tenant.schema.replaceAll("'", "''")}' order by step`,
  )
}

describe('steps', () => {
  test('mixed with transactional ones, on databases and on schemas', async () => {
    const version = await fleet.addVersion({
      upgrade: `${NOTE}; insert into notes values ('mixed 1');
create index concurrently items_mixed on items (name);
insert into notes values ('mixed 2');
create unique index concurrently "Items Mixed" on only items using btree (id, name) where id > 0;
insert into notes values ('mixed 3')`,
      downgrade: `drop index concurrently items_mixed; drop index concurrently "Items Mixed"`,
      probe: `select to_regclass('items_mixed') is not null and to_regclass('"Items Mixed"') is not null`,
    })
    const { progress } = await fleet.complete({ version })
    expect(progress).toMatchObject({ successful: 6, failed: 0, already: 0 })
    for (const tenant of fleet.tenants) {
      expect(await notes(tenant, 'mixed')).toEqual(['mixed 1', 'mixed 2', 'mixed 3'])
      expect(await indexes(tenant)).toMatchObject({ items_mixed: true, '"Items Mixed"': true })
      expect(await stepRows(tenant)).toEqual([])
    }
    expect((await fleet.complete({ version })).progress).toMatchObject({ successful: 6, already: 6 })
  })

  test('vacuum, reindex, a partition detached', async () => {
    const tenant = fleet.tenant(0)
    await fleet.sql(
      tenant,
      `create table parts (id integer) partition by range (id);
       create table parts_1 partition of parts for values from (1) to (10); create table parts_2 partition of parts for values from (10) to (20);
       create index parts_id on parts (id); alter table parts owner to ${fleet.servers[0]?.migrator.user};
       alter table parts_1 owner to ${fleet.servers[0]?.migrator.user}; alter table parts_2 owner to ${fleet.servers[0]?.migrator.user}`,
    )
    const version = await fleet.addVersion({
      upgrade: `vacuum (analyze) parts_1;
reindex table concurrently parts_2;
reindex index concurrently parts_1_id_idx;
alter table parts detach partition parts_1 concurrently`,
      probe: `select count(*) = 1 from pg_inherits where inhparent = to_regclass('parts')`,
    })
    expect((await fleet.complete({ version, selector: only(tenant) })).progress).toMatchObject({
      successful: 1,
    })
    expect(await indexes(tenant, 'parts_1')).toEqual({ parts_1_id_idx: true })
  })

  test('one that fails names itself; the steps before it stay done and are not repeated', async () => {
    const tenant = fleet.tenant(1)
    await fleet.sql(
      tenant,
      `create table if not exists notes (text text); alter table notes owner to ${fleet.servers[0]?.migrator.user}`,
    )
    await fleet.sql(tenant, `insert into items values (50, 'one')`)
    const version = await fleet.addVersion({
      upgrade: `insert into notes values ('dup 1');\n\ncreate unique index concurrently items_name on items (name);\ninsert into notes values ('dup 2')`,
      probe: `select to_regclass('items_name') is not null`,
    })
    const { id } = await fleet.rollout({ version, selector: only(tenant) })
    const failed = await fleet.waitFor(id, 'completed')
    expect(failed.errorGroups).toMatchObject([{ sqlstate: '23505', count: 1 }])
    expect(failed.errorGroups[0]?.message).toMatch(
      /could not create unique index "items_name" \(step 2 of 3, line 3\) – Key \(name\)=\(one\) is duplicated/,
    )
    expect(await indexes(tenant)).not.toHaveProperty('items_name')
    expect(await notes(tenant, 'dup')).toEqual(['dup 1'])
    await fleet.expectConsistent(id)
    await fleet.sql(tenant, 'delete from items where id = 50')
    await retryFailed(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1 })
    expect(await notes(tenant, 'dup')).toEqual(['dup 1', 'dup 2'])
    expect(await indexes(tenant)).toMatchObject({ items_name: true })
    await fleet.expectConsistent(id)
  })

  test('a failing transactional step among them names its statement and line', async () => {
    const tenant = fleet.tenant(1)
    const version = await fleet.addVersion({
      upgrade: `select 1;\nvacuum items;\nselect 2;\nselect wrong from items;\nselect 3`,
    })
    const { id } = await fleet.rollout({ version, selector: only(tenant) })
    const { errorGroups } = await fleet.waitFor(id, 'completed')
    expect(errorGroups[0]?.message).toBe('column "wrong" does not exist (statement 4 of 5, line 4)')
    await fleet.expectConsistent(id)
  })

  test('with another checksum than the one that was begun, nothing is done', async () => {
    const tenant = fleet.tenant(1)
    const version = await fleet.addVersion({
      upgrade: `vacuum items; create table begun ()`,
      probe: `select to_regclass('begun') is not null`,
    })
    await fleet.sql(
      tenant,
      `insert into tenantry.ledger_steps (tenant_schema, version_id, direction, step, checksum, state, statement)
       values ('', '${version}', 'upgrade', 0, 'other', 'done', 'vacuum')`,
    )
    const { id } = await fleet.rollout({ version, selector: only(tenant) })
    expect((await fleet.waitFor(id, 'completed')).errorGroups).toMatchObject([{ sqlstate: 'TN001' }])
    await fleet.sql(tenant, `delete from tenantry.ledger_steps`)
    await retryFailed(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1 })
    await fleet.expectConsistent(id)
  })
})

describe('a session that dies', () => {
  test.each([
    ['named', 'create index concurrently items_dies_1 on items (name)', 'items_dies_1'],
    [
      'if not exists',
      'create index concurrently if not exists items_dies_2 on items (id, name)',
      'items_dies_2',
    ],
    ['without a name', 'create index concurrently on items (name, id)', 'items_name_id_idx'],
    ['quoted', 'create index concurrently "items; dies" on public . items (name)', '"items; dies"'],
  ])('while an index is built (%s): the invalid one is dropped and built again', async (_what, sql, name) => {
    const tenant = fleet.tenant(2)
    const label = `dies ${name}`
    await fleet.sql(
      tenant,
      `create table if not exists notes (text text); alter table notes owner to ${fleet.servers[0]?.migrator.user}`,
    )
    const version = await fleet.addVersion({
      upgrade: `insert into notes values ('${label} 1'); ${sql}; insert into notes values ('${label} 2')`,
      probe: `select to_regclass('${name}') is not null`,
    })
    const before = await indexes(tenant)
    const lock = await holdLock(fleet, tenant, 'items', 'row exclusive')
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { lockTimeout: '10s' } })
    await lock.waitedFor()
    expect(await indexes(tenant)).toEqual({ ...before, [name]: false })
    await lock.killWaiting()
    await lock.waitedFor()
    await lock.release()
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1, retries: 1 })
    expect(await indexes(tenant)).toEqual({ ...before, [name]: true })
    expect(await notes(tenant, label)).toEqual([`${label} 1`, `${label} 2`])
    await fleet.expectConsistent(id)
  })

  test('while a partition is detached: it is completed', async () => {
    const tenant = fleet.tenant(2)
    const owner = fleet.servers[0]?.migrator.user
    await fleet.sql(
      tenant,
      `create table halves (id integer) partition by range (id); create table half partition of halves for values from (1) to (10);
       alter table halves owner to ${owner}; alter table half owner to ${owner}`,
    )
    const version = await fleet.addVersion({
      upgrade: 'select 1; alter table halves detach partition half concurrently; select 2',
      probe: `select not exists (select from pg_inherits where inhparent = to_regclass('halves'))`,
    })
    const lock = await holdLock(fleet, tenant, 'halves')
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { lockTimeout: '10s' } })
    await lock.waitedFor()
    expect(
      await fleet.sql(
        tenant,
        `select inhdetachpending from pg_inherits where inhparent = 'halves'::regclass`,
      ),
    ).toEqual([{ inhdetachpending: true }])
    await lock.killWaiting()
    await lock.release()
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1, retries: 1 })
    await fleet.expectConsistent(id)
  })

  test('while an index is built anew: what it leaves is cleared, other invalid indexes are not touched', async () => {
    const tenant = fleet.tenant(3)
    const owner = fleet.servers[0]?.migrator.user
    await fleet.sql(
      tenant,
      `create index strangers on items (name); create index items_again on items (name); alter index items_again owner to ${owner}`,
    )
    await fleet.sql(tenant, `update pg_index set indisvalid = false where indexrelid = 'strangers'::regclass`)
    const version = await fleet.addVersion({ upgrade: 'reindex index concurrently items_again; select 1' })
    const before = await indexes(tenant)
    const lock = await holdLock(fleet, tenant, 'items', 'row exclusive')
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { lockTimeout: '10s' } })
    await lock.waitedFor()
    expect(Object.keys(await indexes(tenant))).toContain('items_again_ccnew')
    await lock.killWaiting()
    await lock.release()
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1 })
    expect(await indexes(tenant)).toEqual(before)
    expect(before).toMatchObject({ strangers: false, items_again: true })
  })

  test('while an index is dropped', async () => {
    const tenant = fleet.tenant(3)
    await fleet.sql(tenant, `create index goes on items (name)`)
    const version = await fleet.addVersion({
      upgrade: 'drop index concurrently goes',
      probe: `select to_regclass('goes') is null`,
    })
    const lock = await holdLock(fleet, tenant, 'items', 'row exclusive')
    const { id } = await fleet.rollout({ version, selector: only(tenant), options: { lockTimeout: '10s' } })
    await lock.waitedFor()
    await lock.killWaiting()
    await lock.release()
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1 })
    await fleet.expectConsistent(id)
  })
})

describe('at once', () => {
  test('two rollouts by two workers run it once; who comes second waits, and does not fail', async () => {
    const other = await fleet.startWorker()
    const tenant = fleet.tenant(0)
    const version = await fleet.addVersion({
      upgrade: `insert into notes values ('twice 1'); create index concurrently items_twice on items (name); insert into notes values ('twice 2')`,
      probe: `select to_regclass('items_twice') is not null`,
    })
    const lock = await holdLock(fleet, tenant, 'items', 'row exclusive')
    const options = { lockTimeout: '10s', maxRetries: 0 }
    const first = await fleet.rollout({ version, selector: only(tenant), options })
    await lock.waitedFor()
    const second = await fleet.rollout({ version, selector: only(tenant), options })
    await until(
      async () => {
        const [row] = await fleet.app.control.query<{ sqlstate: string | null }>(
          'select sqlstate from tenantry.rollout_targets where rollout_id = $1',
          [second.id],
        )
        return row?.sqlstate === 'TN003'
      },
      { what: 'the second rollout to meet the first' },
    )
    await lock.release()
    expect((await fleet.waitFor(first.id, 'completed')).progress).toMatchObject({ successful: 1, already: 0 })
    expect((await fleet.waitFor(second.id, 'completed')).progress).toMatchObject({
      successful: 1,
      already: 1,
    })
    expect(await notes(tenant, 'twice')).toEqual(['twice 1', 'twice 2'])
    await fleet.expectConsistent(first.id)
    await fleet.expectConsistent(second.id)
    await other.drain()
  })
})

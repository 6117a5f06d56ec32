/** A dry run really executes, says what would happen, and leaves nothing behind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getRollout } from '../../src/rollout/rollout.ts'
import { startUndo } from '../../src/rollout/start.ts'
import { listTargets, type TargetStatus } from '../../src/rollout/status.ts'
import { startFleet, type Fleet, type FleetTenant } from '../support/fleet.ts'
import { failingOn } from '../support/fleet-versions.ts'
import { holdLock } from '../support/locks.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ tenants: 4, schemas: ['one', 'two'] })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

/**
 * Everything that a change could leave: every row of the catalogue, every row of the tenant's own table. What
 * PostgreSQL itself updates in place, when an index is built, rolled back or not, and when autovacuum comes by
 * (vac_update_relstats), is left out.
 */
const IN_PLACE = [
  'relpages',
  'reltuples',
  'relallvisible',
  'relallfrozen',
  'relhasindex',
  'relfrozenxid',
  'relminmxid',
]
  .map((column) => `- '${column}'`)
  .join(' ')

async function traceOf(tenant: FleetTenant): Promise<unknown> {
  const catalogues = [
    'pg_class',
    'pg_attribute',
    'pg_namespace',
    'pg_proc',
    'pg_constraint',
    'pg_index',
    'pg_depend',
    'pg_type',
    'pg_trigger',
    'pg_description',
    'pg_db_role_setting',
  ]
  const rows = catalogues.map(
    (name) =>
      `(select md5(string_agg((to_jsonb(t) ${IN_PLACE})::text, ',' order by (to_jsonb(t) ${IN_PLACE})::text)) from ${name} as t) as ${name}`,
  )
  return fleet.sql(
    tenant,
    `select ${rows.join(', ')}, (select md5(string_agg(t::text || t.xmin || t.ctid, ',' order by id)) from items as t) as items`,
  )
}

async function resultOf(id: string): Promise<TargetStatus[]> {
  return listTargets(fleet.app.control, id, { limit: 100 })
}

async function dryRun(version: string, upTo = false): Promise<TargetStatus[]> {
  const before = await Promise.all(fleet.tenants.map(traceOf))
  const { id } = await fleet.rollout({ version, dryRun: true, upTo })
  await fleet.waitFor(id, 'completed')
  await fleet.expectConsistent(id)
  expect(await Promise.all(fleet.tenants.map(traceOf))).toEqual(before)
  return resultOf(id)
}

describe('before the first version', () => {
  test('it says "would apply" everywhere, and not even the ledger is there afterwards', async () => {
    const version = await fleet.addVersion({
      upgrade: `alter table items add column dry integer; update items set dry = id; create function f() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger t before insert on items for each row execute function f(); comment on table items is 'dry'`,
    })
    const results = await dryRun(version)
    expect(results.map((result) => [result.state, result.outcome, result.error])).toEqual(
      fleet.tenants.map(() => ['succeeded', 'would_apply', null]),
    )
    expect(await fleet.sql(fleet.tenant(0), `select to_regnamespace('tenantry') as schema`)).toEqual([
      { schema: null },
    ])
    const registered = await fleet.app.control.query(
      'select distinct version_id, ledger_ready from tenantry.tenants',
    )
    expect(registered).toEqual([{ version_id: null, ledger_ready: false }])
  })
})

describe('what it finds', () => {
  test('who has it already, who would fail and why', async () => {
    const { version, heal } = await failingOn(fleet, [fleet.tenant(1), fleet.tenant(4)])
    await fleet.complete({ version, selector: `name:${fleet.tenant(0).name}` })
    const results = await dryRun(version)
    const said = new Map(results.map((result) => [result.tenant, result]))
    const outcomes = fleet.tenants.map(({ name }) => said.get(name)?.outcome ?? said.get(name)?.sqlstate)
    expect(outcomes).toEqual([
      'already_applied',
      '23514',
      'would_apply',
      'would_apply',
      '23514',
      'would_apply',
    ])
    expect(said.get(fleet.tenant(4).name)?.error).toMatch(
      /check constraint "bad_\d+" of relation "items" is violated by some row/,
    )
    await heal()
  })

  test('what fails only at the commit', async () => {
    const version = await fleet.addVersion({
      upgrade: `create table parent (id integer primary key); create table child (id integer references parent deferrable initially deferred); insert into child values (1)`,
    })
    const results = await dryRun(version)
    expect(results.map((result) => result.sqlstate)).toEqual(fleet.tenants.map(() => '23503'))
    expect(results[0]?.error).toContain('violates foreign key constraint "child_id_fkey" (at commit)')
  })

  test('the statement and the line', async () => {
    const version = await fleet.addVersion({ upgrade: 'select 1;\nselect 2;\n\nselect nothing from items' })
    const [first] = await dryRun(version)
    expect(first?.error).toBe('column "nothing" does not exist (statement 3 of 3, line 4)')
  })

  test('a lock that it cannot get in time', async () => {
    const lock = await holdLock(fleet, fleet.tenant(2), 'items')
    const { id } = await fleet.rollout({
      version: await fleet.addColumn(),
      dryRun: true,
      options: { lockTimeout: '50ms', maxRetries: 1 },
    })
    await fleet.waitFor(id, 'completed')
    await lock.release()
    const failed = (await resultOf(id)).filter((result) => result.state === 'failed')
    expect(failed).toMatchObject([{ tenant: fleet.tenant(2).name, sqlstate: '55P03', attempts: 2 }])
  })

  test('another checksum than the one recorded', async () => {
    const version = await fleet.addColumn()
    await fleet.complete({ version, selector: `name:${fleet.tenant(0).name}` })
    await fleet.sql(
      fleet.tenant(0),
      `update tenantry.ledger set checksum = 'other' where version_id = '${version}'`,
    )
    const results = await dryRun(version)
    expect(results.filter((result) => result.state === 'failed')).toMatchObject([{ sqlstate: 'TN001' }])
    await fleet.sql(fleet.tenant(0), `delete from tenantry.ledger where version_id = '${version}'`)
    await fleet.sql(fleet.tenant(0), `alter table items drop column c_${version}`)
  })
})

describe('several versions', () => {
  test('are tried one after the other, the second on what the first would have made', async () => {
    await fleet.addVersion({ upgrade: 'create table made_first (id integer)' })
    const version = await fleet.addVersion({ upgrade: 'alter table made_first add column more integer' })
    const { id } = await fleet.rollout({
      version,
      dryRun: true,
      upTo: true,
      selector: `name:${fleet.tenant(3).name}`,
    })
    await fleet.waitFor(id, 'completed')
    // Versions of the tests above are part of it, and one of them fails: it is the one that is named.
    const [result] = await resultOf(id)
    expect(result?.state).toBe('failed')
    expect(result?.error).toMatch(/"child" violates foreign key constraint|column "nothing" does not exist/)
    const both = await fleet
      .complete({ version, selector: `name:${fleet.tenant(3).name}`, dryRun: true })
      .catch(String)
    expect(both).toMatchObject({ progress: { failed: 1 } })
  })
})

describe('statements that cannot be rolled back', () => {
  test('an index on a small table is tried as an ordinary one; what cannot be tried is named as unproven', async () => {
    const version = await fleet.addVersion({
      upgrade: `create table fresh (id integer);
create index concurrently items_dry on items (name);
create index concurrently fresh_dry on fresh (id);
vacuum items;
alter table items add column also integer`,
    })
    const results = await dryRun(version)
    for (const result of results) {
      expect(result).toMatchObject({ outcome: 'would_apply_unproven' })
      expect(result.error).toBe('Not proven, since they cannot be rolled back: vacuum items')
    }
  })

  test('a unique index that the data violates is found', async () => {
    await fleet.sql(fleet.tenant(5), `insert into items values (77, 'one')`)
    const version = await fleet.addVersion({
      upgrade: 'create unique index concurrently items_unique on items (name)',
    })
    const results = await dryRun(version)
    expect(
      results.filter((result) => result.state === 'failed').map(({ tenant, sqlstate }) => [tenant, sqlstate]),
    ).toEqual([[fleet.tenant(5).name, '23505']])
    await fleet.sql(fleet.tenant(5), 'delete from items where id = 77')
  })

  test('an index on a large table is not built, but named', async () => {
    const tenant = fleet.tenant(2)
    await fleet.sql(
      tenant,
      `create table large as select n as id, repeat('x', 1000) as text from generate_series(1, 12000) as n; alter table large owner to ${fleet.servers[0]?.migrator.user}`,
    )
    const version = await fleet.addVersion({ upgrade: 'create index concurrently large_id on large (id)' })
    const { id } = await fleet.rollout({ version, dryRun: true, selector: `name:${tenant.name}` })
    await fleet.waitFor(id, 'completed')
    expect(await resultOf(id)).toMatchObject([
      {
        outcome: 'would_apply_unproven',
        error: expect.stringContaining('create index concurrently large_id') as string,
      },
    ])
  })
})

describe('of an undo', () => {
  test('only tenants that the rollout itself had upgraded would be undone', async () => {
    const version = await fleet.addColumn()
    await fleet.complete({ version, selector: `name:${fleet.tenant(0).name}` })
    const { rollout } = await fleet.complete({ version })
    // Since then one tenant was undone and got the version from elsewhere.
    await fleet.sql(
      fleet.tenant(1),
      `update tenantry.ledger set rollout_id = gen_random_uuid() where version_id = '${version}'`,
    )
    const original = await getRollout(fleet.app.control, rollout.id)
    const { id } = await startUndo(fleet.app.control, original, {
      dryRun: true,
      waves: [{ size: 'rest' }],
      createdBy: 'test',
      options: original.options,
    })
    await fleet.waitFor(id, 'completed')
    const outcomes = (await resultOf(id)).map((result) => result.outcome)
    expect(outcomes).toEqual(['not_applied', 'would_apply', 'would_apply', 'would_apply', 'would_apply'])
  })
})

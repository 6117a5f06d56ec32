/** Fleets that other tools have migrated are taken over: the tools themselves ran, where npm or Debian has them. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Operation } from '../../src/control/operations/operation.ts'
import { getOperation } from '../../src/control/operations/read.ts'
import { enqueueOperation } from '../../src/control/operations/store.ts'
import { addServer } from '../../src/registry/servers.ts'
import { getTenant, registerTenants } from '../../src/registry/tenants.ts'
import { prepareAdoption, type AdoptRequest } from '../../src/rollout/adopt.ts'
import { openSource, renderRange } from '../../src/schema/sources/index.ts'
import { storeVersion } from '../../src/schema/versions.ts'
import { testDirectory } from '../support/directories.ts'
import { startFleet, type Fleet, type FleetTenant } from '../support/fleet.ts'
import { adminClient } from '../support/postgres.ts'
import { withProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { BY_HAND } from './adopt-by-hand.ts'
import { alembic, type Case, EXAMPLES, knex, nodePgMigrate, run, sequelize, typeorm } from './adopt-tools.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const FIRST = '20260101_000001'
const SECOND = '20260101_000002'

interface Report {
  readonly outcomes: Record<string, number>
  readonly problems: { tenant: string; outcome: string; note: string }[]
}

/** The tenant's database, as the role that Tenantry logs in as: the tables are its own. */
function dsnOf(fleet: Fleet, tenant: FleetTenant): string {
  const { server, migrator } = fleet.servers[0]!
  const login = `${migrator.user}:${encodeURIComponent(migrator.password)}`
  return `postgres://${login}@${server.host}:${server.port}/${tenant.database}`
}

/** Stores two versions: one up to the revision before the last, one for the last. */
async function importTwo(fleet: Fleet, path: string): Promise<string> {
  const source = await openSource({ path })
  const key = `${source.kind}:${path}`
  const revisions = await (source.revisions?.() ?? source.list())
  const [before = '', last = ''] = revisions.slice(-2).map(({ revision }) => revision)
  for (const [versionId, range] of [
    [FIRST, { target: before }],
    [SECOND, { after: before, target: last }],
  ] as const) {
    const { upgradeSql, downgradeSql, revision } = await renderRange(source, range)
    const description = 'taken over'
    await storeVersion(fleet.app.control, {
      versionId,
      description,
      upgradeSql,
      downgradeSql,
      source: key,
      sourceRevision: revision,
    })
  }
  return key
}

async function start(fleet: Fleet, path: string, request: Partial<AdoptRequest> = {}): Promise<string> {
  const key = `${(await openSource({ path })).kind}:${path}`
  const input = await prepareAdoption(
    fleet.app.control,
    { path, key },
    { selector: '', dryRun: false, ...request },
  )
  return (await enqueueOperation(fleet.app.control, { kind: 'adopt', input, createdBy: 'test' })).id
}

async function ended(fleet: Fleet, id: string, timeoutMs = 20_000): Promise<Operation> {
  return until(
    async () => {
      const operation = await getOperation(fleet.app.control, id)
      if (['succeeded', 'failed', 'cancelled'].includes(operation.state)) return operation
      throw new Error(`it is ${operation.state}`)
    },
    { what: `operation ${id} to end`, timeoutMs },
  )
}

async function adopt(fleet: Fleet, path: string, request: Partial<AdoptRequest> = {}): Promise<Report> {
  const operation = await ended(fleet, await start(fleet, path, request))
  expect(operation).toMatchObject({ state: 'succeeded', error: null })
  return operation.result as unknown as Report
}

const versionsOf = async (fleet: Fleet, tenant: FleetTenant): Promise<string[]> =>
  (await fleet.ledgerOf(tenant)).map((row) => row.version_id)

const REAL: Record<string, Case> = {
  Knex: { path: 'knex', revisions: 3, tool: knex },
  'Sequelize (umzug)': { path: 'sequelize', revisions: 3, tool: sequelize },
  'node-pg-migrate': { path: 'node-pg-migrate', revisions: 3, tool: nodePgMigrate },
  TypeORM: { path: 'typeorm', revisions: 2, tool: typeorm },
}

/** Four tenants: one that has all, one that lacks the last revision, one that the tool never saw, one with none. */
async function expectTakenOver({ path, revisions, tool }: Case): Promise<void> {
  const fleet = await startFleet({ tenants: 4, tenantSql: '' })
  try {
    const folder = join(EXAMPLES, path)
    await importTwo(fleet, folder)
    const [all, most, unseen, none] = fleet.tenants as [FleetTenant, FleetTenant, FleetTenant, FleetTenant]
    await tool(dsnOf(fleet, all), revisions)
    await tool(dsnOf(fleet, most), revisions - 1)
    await tool(dsnOf(fleet, none), 0)
    await fleet.startWorker()

    const tried = await adopt(fleet, folder, { dryRun: true })
    expect(tried.outcomes).toMatchObject({ would_adopt: 2 })
    for (const tenant of fleet.tenants) expect(await versionsOf(fleet, tenant)).toEqual([])

    const done = await adopt(fleet, folder)
    expect(done.outcomes).toMatchObject({ adopted: 2 })
    expect(done.problems.map(({ tenant, outcome }) => [tenant, outcome])).toContainEqual([
      unseen.name,
      'no_ledger',
    ])
    expect(await versionsOf(fleet, all)).toEqual([FIRST, SECOND])
    expect(await versionsOf(fleet, most)).toEqual([FIRST])
    expect(await versionsOf(fleet, unseen)).toEqual([])
    expect(await versionsOf(fleet, none)).toEqual([])
    expect((await getTenant(fleet.app.control, all.name)).version_id).toBe(SECOND)
    expect((await getTenant(fleet.app.control, most.name)).version_id).toBe(FIRST)

    const again = await adopt(fleet, folder)
    expect(again.outcomes).toMatchObject({ already_adopted: 2 })
  } finally {
    await fleet.close()
  }
}

describe('what the real tools have applied', () => {
  test.for(Object.entries(REAL))('%s', ([, one]) => expectTakenOver(one))
})

describe('what other tools would have recorded', () => {
  test.for(Object.entries(BY_HAND))('%s', ([, one]) => expectTakenOver(one))
})

withProgram('alembic').describe('what the real alembic has applied', () => {
  test('Alembic', () => expectTakenOver({ path: 'alembic', revisions: 4, tool: alembic }))
})

describe('a fleet of Knex', () => {
  const path = join(EXAMPLES, 'knex')
  let fleet: Fleet
  beforeAll(async () => {
    fleet = await startFleet({ tenants: 11, schemas: ['one', 'two'], tenantSql: 'create table items ()' })
    await importTwo(fleet, path)
    await fleet.startWorker()
  })
  afterAll(() => fleet.close())

  const only = (tenant: FleetTenant): Partial<AdoptRequest> => ({ selector: `name:${tenant.name}` })
  const LEDGER =
    'create table knex_migrations (id serial primary key, name varchar(255), batch integer, migration_time timestamptz)'
  const row = (name: string): string =>
    `insert into knex_migrations (name, batch, migration_time) values ('${name}', 1, now());`
  const NAMES = [
    '20260105091200_create_customers_and_orders.js',
    '20260107140100_add_order_status.ts',
    '20260108103000_index_orders_by_customer.js',
  ] as const

  async function refusal(tenant: FleetTenant, request: Partial<AdoptRequest> = {}): Promise<unknown> {
    const { problems } = await adopt(fleet, path, { ...only(tenant), ...request })
    expect(await versionsOf(fleet, tenant)).toEqual([])
    return problems[0]
  }

  test('a rollout goes on where the other tool has stopped', async () => {
    const [all, most] = [fleet.tenant(0), fleet.tenant(1)]
    await knex(dsnOf(fleet, all), 3)
    await knex(dsnOf(fleet, most), 2)
    const selector = `name:${all.name},${most.name}`
    expect((await adopt(fleet, path, { selector })).outcomes).toEqual({ adopted: 2 })
    const rollout = await fleet.rollout({ version: SECOND, upTo: true, selector })
    await fleet.waitFor(rollout.id, 'completed')
    const outcomes = (await fleet.targets(rollout.id)).map(({ tenant, outcome }) => [tenant, outcome])
    expect(Object.fromEntries(outcomes)).toEqual({
      [all.name]: 'already_applied',
      [most.name]: 'applied',
    })
    const [index] = await fleet.sql(most, `select from pg_class where relname = 'orders_customer_id_idx'`)
    expect(index).toBeDefined()
  })

  test('between two versions: nothing is recorded', async () => {
    const tenant = fleet.tenant(2)
    await knex(dsnOf(fleet, tenant), 1)
    expect(await refusal(tenant)).toMatchObject({
      outcome: 'between_versions',
      note: `Has 1 of the 2 revisions of version ${FIRST} and lacks 20260107140100_add_order_status: apply those with the native tool first`,
    })
  })

  test('an entry that the source does not have', async () => {
    const tenant = fleet.tenant(3)
    await run(dsnOf(fleet, tenant), `${LEDGER}; ${row(NAMES[0])} ${row('20270101000000_from_a_branch.js')}`)
    expect(await refusal(tenant)).toMatchObject({
      outcome: 'unknown_entries',
      note: 'The source does not have what is recorded here: 20270101000000_from_a_branch.js',
    })
  })

  test('a view in the place of the ledger is not read: it would run its owner’s code', async () => {
    const tenant = fleet.tenant(4)
    await run(
      dsnOf(fleet, tenant),
      `create table ran (at timestamptz);
       create function spy() returns integer language sql as 'insert into ran values (now()) returning 1';
       create view knex_migrations as select 1 as id, 'x'::text as name, spy() as batch, now() as migration_time`,
    )
    expect(await refusal(tenant)).toMatchObject({ outcome: 'unreadable_ledger' })
    expect(await fleet.sql(tenant, 'select * from ran')).toEqual([])
  })

  test('a table with policies is not read either', async () => {
    const tenant = fleet.tenant(5)
    await run(dsnOf(fleet, tenant), `${LEDGER}; alter table knex_migrations enable row level security`)
    expect(await refusal(tenant)).toMatchObject({ outcome: 'unreadable_ledger' })
  })

  test('Knex has died midway: its lock says so', async () => {
    const tenant = fleet.tenant(10)
    await knex(dsnOf(fleet, tenant), 2)
    await fleet.sql(tenant, 'update knex_migrations_lock set is_locked = 1')
    expect(await refusal(tenant)).toMatchObject({
      outcome: 'unfinished_entries',
      note: '"public"."knex_migrations_lock" says that knex is at work here, or died at it',
    })
    await fleet.sql(tenant, 'update knex_migrations_lock set is_locked = 0')
    expect((await adopt(fleet, path, only(tenant))).outcomes).toEqual({ adopted: 1 })
  })

  test('another table of that name', async () => {
    const tenant = fleet.tenant(6)
    await run(dsnOf(fleet, tenant), 'create table knex_migrations (x integer)')
    expect(await refusal(tenant)).toMatchObject({
      outcome: 'no_ledger',
      note: '"public"."knex_migrations" does not have the columns of a ledger of knex',
    })
  })

  test('a ledger under a name of its own', async () => {
    const tenant = fleet.tenant(7)
    const own = LEDGER.replace('knex_migrations', 'internal."Our Migrations"')
    await run(
      dsnOf(fleet, tenant),
      `create schema internal; ${own};
      ${row(NAMES[0]).replace('knex_migrations', 'internal."Our Migrations"')}
      ${row(NAMES[1]).replace('knex_migrations', 'internal."Our Migrations"')}`,
    )
    expect(await refusal(tenant)).toMatchObject({ outcome: 'no_ledger' })
    const place = { schema: 'internal', table: 'Our Migrations' }
    expect((await adopt(fleet, path, { ...only(tenant), place })).outcomes).toEqual({ adopted: 1 })
    expect(await versionsOf(fleet, tenant)).toEqual([FIRST])
  })

  test('a version that is recorded with another checksum', async () => {
    const tenant = fleet.tenant(8)
    await knex(dsnOf(fleet, tenant), 2)
    await adopt(fleet, path, only(tenant))
    await fleet.sql(tenant, `update tenantry.ledger set checksum = 'other'`)
    expect((await adopt(fleet, path, only(tenant))).problems).toMatchObject([
      { outcome: 'checksum_conflict', note: expect.stringContaining('checksum other') as unknown },
    ])
  })

  test('a schema named tenantry that belongs to somebody else; a ledger that may not be read', async () => {
    const tenant = fleet.tenant(9)
    await knex(dsnOf(fleet, tenant), 2)
    await fleet.sql(tenant, 'create schema tenantry')
    expect(await refusal(tenant)).toMatchObject({
      outcome: 'failed',
      note: 'The schema tenantry belongs to another role than the one that Tenantry logs in as',
    })
    await fleet.sql(tenant, 'drop schema tenantry; alter table knex_migrations owner to current_user')
    expect(await refusal(tenant)).toMatchObject({
      outcome: 'failed',
      note: expect.stringContaining('permission denied for table knex_migrations') as unknown,
    })
  })

  test('tenants that are schemas: each has a ledger of its own', async () => {
    const [one, two] = fleet.tenants.slice(11) as [FleetTenant, FleetTenant]
    const ledger = `${LEDGER}; ${row(NAMES[0])} ${row(NAMES[1])}`
    await run(dsnOf(fleet, one), `set search_path = one; ${ledger}`)
    await run(dsnOf(fleet, two), `set search_path = two; ${ledger} ${row(NAMES[2])}`)
    const selector = `name:${one.name},${two.name}`
    expect((await adopt(fleet, path, { selector })).outcomes).toEqual({ adopted: 2 })
    expect(await versionsOf(fleet, one)).toEqual([FIRST])
    expect(await versionsOf(fleet, two)).toEqual([FIRST, SECOND])
  })

  test('a tenant that cannot be reached does not stop the others', async () => {
    const [gone, there] = [fleet.tenant(0), fleet.tenant(1)]
    await fleet.sql(there, `alter database ${gone.database} allow_connections false`)
    const report = await adopt(fleet, path, { selector: `name:${gone.name},${there.name}` })
    await fleet.sql(there, `alter database ${gone.database} allow_connections true`)
    expect(report).toMatchObject({
      outcomes: { already_adopted: 1, failed: 1 },
      problems: [{ tenant: gone.name, outcome: 'failed' }],
    })
  })

  test('a tenant on a server of another kind than the versions are for', async () => {
    const { control, keyring } = fleet.app
    const directory = await testDirectory('files')
    await addServer(control, keyring, { name: 'files', dsn: `sqlite://${directory}` })
    await registerTenants(control, [{ name: 'file', server: 'files', database: 'file.db' }])
    expect((await adopt(fleet, path, { selector: 'name:file' })).problems).toMatchObject([
      { outcome: 'failed', note: `The versions of knex:${path} are for postgres; files is sqlite` },
    ])
    await rm(directory, { recursive: true })
  })

  test('nothing of the source was imported, or no tenant is selected', async () => {
    const other = join(EXAMPLES, 'sequelize')
    await expect(start(fleet, other)).rejects.toMatchObject({ code: 'not_found' })
    await expect(start(fleet, path, { selector: 'name:nobody' })).rejects.toMatchObject({ code: 'not_found' })
  })
})

test('ledgers of two tools: one must be named', async () => {
  const fleet = await startFleet({ tenants: 1, tenantSql: '' })
  try {
    const path = join(EXAMPLES, 'sql/dbmate')
    await importTwo(fleet, path)
    const tenant = fleet.tenant(0)
    await BY_HAND['dbmate']!.tool(dsnOf(fleet, tenant), 2)
    await BY_HAND['goose']!.tool(dsnOf(fleet, tenant), 2)
    await fleet.startWorker()
    expect((await adopt(fleet, path)).problems).toMatchObject([{ outcome: 'several_ledgers' }])
    expect((await adopt(fleet, path, { ledger: 'dbmate' })).outcomes).toEqual({ adopted: 1 })
  } finally {
    await fleet.close()
  }
})

test.for<[string, string, string]>([
  ['Prisma', 'update _prisma_migrations set finished_at = null', 'unfinished_entries'],
  ['Prisma', `update _prisma_migrations set checksum = 'x'`, 'changed_entries'],
  ['golang-migrate', 'update schema_migrations set dirty = true', 'unfinished_entries'],
  [
    'Flyway',
    'update flyway_schema_history set success = false where installed_rank = 2',
    'unfinished_entries',
  ],
  ['Atlas', `update atlas_schema_revisions.atlas_schema_revisions set error = 'boom'`, 'unfinished_entries'],
  ['Drizzle', `update drizzle.__drizzle_migrations set hash = 'x' || id`, 'unknown_entries'],
])('%s: %s', async ([name, sql, outcome]) => {
  const { path, tool } = BY_HAND[name]!
  const fleet = await startFleet({ tenants: 1, tenantSql: '' })
  try {
    await importTwo(fleet, join(EXAMPLES, path))
    await tool(dsnOf(fleet, fleet.tenant(0)), 2)
    await run(dsnOf(fleet, fleet.tenant(0)), sql)
    await fleet.startWorker()
    expect((await adopt(fleet, join(EXAMPLES, path))).outcomes).toEqual({ [outcome]: 1 })
    expect(await versionsOf(fleet, fleet.tenant(0))).toEqual([])
  } finally {
    await fleet.close()
  }
})

test('a worker that is killed midway: another one goes on', async () => {
  const schemas = Array.from({ length: 130 }, (_, index) => `s${String(index).padStart(3, '0')}`)
  const table = 'create table schema_migrations (version bigint primary key, dirty boolean not null)'
  const fleet = await startFleet({
    tenants: 0,
    schemas,
    tenantSql: `create table items (); ${table}; insert into schema_migrations values (10, false)`,
  })
  try {
    const path = join(EXAMPLES, 'sql/golang-migrate')
    await importTwo(fleet, path)
    const held = fleet.tenants.at(-1)!
    const holder = await adminClient(held.database, fleet.servers[0]!.server)
    await holder.query(`begin; lock table ${held.schema}.schema_migrations`)
    const first = await fleet.spawnWorker()
    const id = await start(fleet, path)
    await until(
      async () => {
        const { progress } = await getOperation(fleet.app.control, id)
        if (progress['completed'] !== 100) throw new Error(`${String(progress['completed'])} are done`)
        return true
      },
      { what: 'the first batch to be recorded', timeoutMs: 20_000 },
    )
    await first.kill()
    await holder.end()
    await fleet.startWorker()
    const operation = await ended(fleet, id, 40_000)
    expect(operation).toMatchObject({ state: 'succeeded', attempts: 2 })
    const { outcomes } = operation.result as unknown as Report
    const { adopted = 0, already_adopted: before = 0 } = outcomes
    // Those of the second batch that the first worker had reached are found done.
    expect([adopted >= 100, adopted + before]).toEqual([true, 130])
    for (const tenant of [fleet.tenant(0), fleet.tenant(129)]) {
      expect(await versionsOf(fleet, tenant)).toEqual([FIRST, SECOND])
      expect((await getTenant(fleet.app.control, tenant.name)).version_id).toBe(SECOND)
    }
  } finally {
    await fleet.close()
  }
})

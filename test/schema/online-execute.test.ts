/** Plans run while others hold what they need: nobody queues behind them for long, and what was cut off is ended. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { executePlan, type ExecuteOptions, type Execution } from '../../src/schema/execute.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { provePlan } from '../../src/schema/prove.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { adminClient, createDatabase, type TestDatabase } from '../support/postgres.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'
import { type PrivateServer, startPrivateServer } from '../support/private-servers.ts'
import { until } from '../support/wait.ts'

async function inSession<T>(url: string, work: (session: SchemaSession) => Promise<T>): Promise<T> {
  const session = await postgres.connect(url)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

function run(database: TestDatabase, plan: Plan, options: ExecuteOptions = {}): Promise<Execution> {
  return inSession(database.dsn, (session) => executePlan(postgres, session, plan, options))
}

const TWO_TABLES = 'create table a (id integer); create table b (id integer);'
const CHANGED = 'create table a (id integer, x text); create table b (id integer, x text);'

/** Both tables in one transaction, which waits for a lock no longer than this. */
async function planForBoth(
  lockTimeoutMs: number,
): Promise<{ database: TestDatabase; target: Snapshot; plan: Plan }> {
  const [database, other] = [await databaseOf(TWO_TABLES), await databaseOf(CHANGED)]
  const target = await inspected(other.dsn)
  const plan = makePlan(postgres, await inspected(database.dsn), target, { style: 'online', lockTimeoutMs })
  expect(plan.steps.map(({ group }) => group)).toEqual([1, 1])
  return { database, target, plan }
}

const WAITING = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

test('who comes after a plan that waits for a long reader is served before the reader has ended', async () => {
  const { database, target, plan } = await planForBoth(200)
  const [reader, writer] = [await adminClient(database.name), await adminClient(database.name)]
  await reader.query('begin; select from b')
  const running = run(database, plan, { lockRetries: 1000 })
  await until(async () => (await writer.query(WAITING)).rowCount === 1, { what: 'the plan to wait' })
  await writer.query(`set lock_timeout = '20s'; insert into a values (1); insert into b values (1)`)
  await reader.query('commit')
  expect((await running).failure).toBeUndefined()
  expect(diff(await inspected(database.dsn), target)).toEqual([])
  await Promise.all([reader.end(), writer.end()])
})

test('a plan that gets no lock gives up, says so, and leaves nothing half done', async () => {
  const { database, plan } = await planForBoth(50)
  const before = await inspected(database.dsn)
  const reader = await adminClient(database.name)
  await reader.query('begin; select from b')
  const { failure, steps } = await run(database, plan, { lockRetries: 2 })
  expect(failure).toMatchObject({ step: 1, sqlstate: '55P03' })
  expect(failure?.message).toMatch(
    /lock timeout – tried 3 times, and given up so that nobody has to queue behind it/,
  )
  expect(steps.map(({ state }) => state)).toEqual(['not applied', 'not applied'])
  await reader.end()
  expect((await inspected(database.dsn)).fingerprint).toBe(before.fingerprint)
})

const TOTALS = (query: string, more = ''): string =>
  `create table sold (n integer); insert into sold values (1), (2);
   create materialized view totals as ${query}; create index totals_n on totals (n); ${more}`

test('what a plan that gave up has filled beside another goes without a word of loss, and nothing of anybody else', async () => {
  const [database, other] = [
    await databaseOf(TOTALS('select sum(n) as n from sold')),
    await databaseOf(TOTALS('select max(n) as n from sold')),
  ]
  const [former, target] = [await inspected(database.dsn), await inspected(other.dsn)]
  const reader = await adminClient(database.name)
  await reader.query('begin; select from totals')
  const given = makePlan(postgres, former, target, { style: 'online', lockTimeoutMs: 50 })
  expect((await run(database, given, { lockRetries: 0 })).failure?.sqlstate).toBe('55P03')
  await reader.query('commit')
  const left = await inspected(database.dsn)
  expect(diff(former, left).map(({ type, id }) => `${type} ${id}`)).toContain(
    'create materialized_view:public.totals_tenantry_new',
  )
  const away = makePlan(postgres, left, former)
  expect(away.steps.map(({ sql, hazards }) => [sql, hazards])).toEqual([
    ['DROP MATERIALIZED VIEW "public"."totals_tenantry_new"', []],
  ])
  // Filled beside the old one again, and the comment that told whose it was is gone.
  const again = makePlan(postgres, left, target, { style: 'online' })
  expect(again.steps.flatMap(({ hazards }) => hazards)).toEqual([])
  expect((await run(database, again)).failure).toBeUndefined()
  expect(diff(await inspected(database.dsn), target)).toEqual([])

  await reader.query('create materialized view totals_tenantry_new as select 1 as n')
  const somebodys = await inspected(database.dsn)
  const hazards = (to: Snapshot): string[] =>
    makePlan(postgres, somebodys, to, { style: 'online' }).steps.flatMap((step) =>
      step.hazards.map(({ name }) => name),
    )
  expect(hazards(target)).toEqual(['data-loss'])
  expect(hazards(former)).toContain('data-loss')
  await reader.end()
})

const LATE = `create table t (id integer); create view v as select id from t`
const IN_PARTS = `create table t (id integer) partition by range (id); create table t_all partition of t default`

test.for(['read committed', 'repeatable read'])(
  'a row that comes while a table is to be made anew comes along, whatever transactions usually see: %s',
  async (isolation) => {
    const [database, other] = [
      await databaseOf(LATE),
      await databaseOf(`${IN_PARTS}; create view v as select id from t`),
    ]
    const [writer, looker] = [await adminClient(database.name), await adminClient(database.name)]
    await writer.query(`alter database ${database.name} set default_transaction_isolation = '${isolation}'`)
    const plan = makePlan(postgres, await inspected(database.dsn), await inspected(other.dsn), {
      style: 'online',
    })
    await writer.query('begin; insert into t values (7)')
    const running = run(database, plan, { allow: ['table-rewrite'], lockRetries: 1000 })
    await until(async () => (await looker.query(WAITING)).rowCount === 1, { what: 'the plan to wait' })
    await writer.query('commit')
    expect((await running).failure).toBeUndefined()
    expect((await looker.query('select id from t')).rows).toEqual([{ id: 7 }])
    await Promise.all([writer.end(), looker.end()])
  },
)

test('all steps of a transaction together wait no longer than one may', async () => {
  const { database, plan } = await planForBoth(60_000)
  const reader = await adminClient(database.name)
  await reader.query('begin; select from a')
  const settings: number[] = []
  const running = inSession(database.dsn, (session) =>
    executePlan(
      postgres,
      {
        ...session,
        query: (sql) => {
          const [, ms] = /^SET lock_timeout = (\d+)$/.exec(sql) ?? []
          if (ms !== undefined) settings.push(Number(ms))
          return session.query(sql)
        },
      },
      plan,
    ),
  )
  const looker = await adminClient(database.name)
  const waited = `${WAITING} and clock_timestamp() - state_change > '300ms'`
  await until(async () => (await looker.query(waited)).rowCount === 1, { what: 'the plan to wait a while' })
  await reader.end()
  expect((await running).failure).toBeUndefined()
  await looker.end()
  expect(settings).toHaveLength(2)
  expect(settings[0]).toBe(60_000)
  expect(settings[1]).toBeLessThanOrEqual(59_700)
})

const PARTITIONED = `create table readings (at integer not null, value integer) partition by range (at);
create table readings_1 partition of readings for values from (0) to (100);
create table readings_2 partition of readings for values from (100) to (200);`
const ROWS = 'insert into readings select n, n from generate_series(0, 199) n;'
const DETACHED = `${PARTITIONED} alter table readings detach partition readings_2;`

let server: PrivateServer
beforeAll(async () => {
  server = await startPrivateServer()
})
afterAll(() => server.remove())

async function made(sql: string): Promise<TestDatabase> {
  const database = await createDatabase('detach', { server })
  const client = await adminClient(database.name, server)
  await client.query(sql)
  await client.end()
  return database
}

async function proved(database: TestDatabase, target: Snapshot): Promise<Plan> {
  const source = await inspected(database.dsn)
  const scratch = await postgres.scratch(database.dsn)
  try {
    return await provePlan(
      postgres,
      scratch,
      source,
      target,
      makePlan(postgres, source, target, { style: 'online' }),
    )
  } finally {
    await scratch.close()
  }
}

/** A database whose partition was being detached when its server process was killed. */
async function halfDetached(target: Snapshot): Promise<{ database: TestDatabase; plan: Plan }> {
  const database = await made(PARTITIONED + ROWS)
  const plan = await proved(database, target)
  expect(plan.steps.map(({ sql }) => sql)).toContainEqual(
    expect.stringMatching(/DETACH PARTITION .* CONCURRENTLY$/),
  )
  const reader = await adminClient(database.name, server)
  // The whole server begins anew.
  reader.on('error', () => undefined)
  await reader.query('begin; select from readings')
  const cut = run(database, plan)
  const looker = await adminClient(database.name, server)
  looker.on('error', () => undefined)
  const pid = await until(
    async () => {
      const { rows } = await looker.query<{ pid: number }>(
        `select pid from pg_stat_activity where query like '%DETACH PARTITION%' and wait_event = 'virtualxid'`,
      )
      return rows[0]?.pid
    },
    { what: 'the statement to wait for the reader' },
  )
  process.kill(pid, 'SIGKILL')
  expect((await cut).steps[0]?.state).toBe('in doubt')
  await until(async () => (await adminClient(database.name, server)).end().then(() => true), {
    what: 'the server to be there again',
  })
  return { database, plan }
}

async function partitions(database: TestDatabase): Promise<unknown[]> {
  const client = await adminClient(database.name, server)
  const { rows } = await client.query({
    text: `select inhrelid::regclass::text, inhdetachpending from pg_inherits order by 1`,
    rowMode: 'array',
  })
  await client.end()
  return rows
}

test('a partition whose server process was killed while it was let go is let go by the next run', async () => {
  const target = await inspected((await made(DETACHED)).dsn)
  const { database, plan } = await halfDetached(target)
  expect(await partitions(database)).toEqual([
    ['readings_1', false],
    ['readings_2', true],
  ])
  const { failure, steps } = await run(database, plan)
  expect(failure).toBeUndefined()
  expect(steps.every(({ state }) => state === 'applied')).toBe(true)
  expect(diff(await inspected(database.dsn), target)).toEqual([])
  expect(await partitions(database)).toEqual([['readings_1', false]])
})

test('a partition that is half let go is neither there nor gone, and a new plan leads to either', async () => {
  const [whole, without] = [await made(PARTITIONED), await made(DETACHED)]
  for (const other of [whole, without]) {
    const target = await inspected(other.dsn)
    const { database } = await halfDetached(await inspected(without.dsn))
    const source = await inspected(database.dsn)
    expect(diff(source, target)).not.toEqual([])
    const { failure } = await run(database, makePlan(postgres, source, target, { style: 'online' }))
    expect(failure).toBeUndefined()
    expect(diff(await inspected(database.dsn), target)).toEqual([])
  }
})

test('the fingerprint of the catalogue tells a partition that is half let go', async () => {
  const { database } = await halfDetached(await inspected((await made(DETACHED)).dsn))
  const before = await inSession(database.dsn, (session) => postgres.catalogueFingerprint(session))
  const client = await adminClient(database.name, server)
  await client.query('alter table readings detach partition readings_2 finalize')
  await client.query('alter table readings attach partition readings_2 for values from (100) to (200)')
  await client.end()
  const after = await inSession(database.dsn, (session) => postgres.catalogueFingerprint(session))
  expect(after).not.toBe(before)
})

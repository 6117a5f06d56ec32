/** Plans run on real databases, with everything in the way that can be: other changes, locks, sudden death. */
import { expect, onTestFinished, test } from 'vitest'
import { DatabaseFailure } from '../../src/engine/failure.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { executePlan, type Execution } from '../../src/schema/execute.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { provePlan } from '../../src/schema/prove.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { adminClient, createDatabase, type TestDatabase } from '../support/postgres.ts'
import { until } from '../support/wait.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'

const FROM = `
create table customers (id integer primary key, email text, phone text);
create table orders (id integer primary key, customer integer, total integer not null, note text);
insert into customers select n, 'c' || n || '@example.com', '+49' || n from generate_series(1, 50) n;
insert into orders select n, 1 + n % 50, n, 'note' from generate_series(1, 200) n;
analyze;
`
/** Each kind of step: in a transaction, after one, outside of any. */
const TO = `
create table customers (id integer primary key, email text not null, phone text);
create unique index customers_email on customers (email);
create table orders (id integer primary key, customer integer not null references customers, total integer not null,
  note text, constraint orders_total check (total > 0));
create index orders_customer on orders (customer);
create view big_orders as select id, total from orders where total > 100;
`

interface Scene {
  readonly database: TestDatabase
  readonly target: Snapshot
  readonly plan: Plan
}

async function inSession<T>(url: string, work: (session: SchemaSession) => Promise<T>): Promise<T> {
  const session = await postgres.connect(url)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

async function scene(before = FROM, after = TO): Promise<Scene> {
  const [from, to] = [await databaseOf(before), await databaseOf(after)]
  const [source, target] = [await inspected(from.dsn), await inspected(to.dsn)]
  const scratch = await postgres.scratch(from.dsn)
  try {
    const plan = await provePlan(
      postgres,
      scratch,
      source,
      target,
      makePlan(postgres, source, target, { style: 'online' }),
    )
    return { database: from, target, plan }
  } finally {
    await scratch.close()
  }
}

function run(scenery: Scene, options = {}): Promise<Execution> {
  return inSession(scenery.database.dsn, (session) =>
    executePlan(postgres, session, scenery.plan, { allow: ['data-loss'], ...options }),
  )
}

async function rows(name: string): Promise<unknown[]> {
  const client = await adminClient(name)
  try {
    const { rows: found } = await client.query('select count(*), sum(total) from orders')
    return found
  } finally {
    await client.end()
  }
}

test('a plan is run, step by step, and the rows stay', async () => {
  const scenery = await scene()
  const before = await rows(scenery.database.name)
  const { steps, failure } = await run(scenery)
  expect(failure).toBeUndefined()
  expect(new Set(steps.map(({ state }) => state))).toEqual(new Set(['applied']))
  expect((await inspected(scenery.database.dsn)).fingerprint).toBe(scenery.target.fingerprint)
  expect(await rows(scenery.database.name)).toEqual(before)
  const again = await run(scenery)
  expect(again.steps.every(({ state, ms }) => state === 'applied' && ms === 0)).toBe(true)
})

test('a schema that has changed since is refused, and nothing is done to it', async () => {
  const scenery = await scene()
  const client = await adminClient(scenery.database.name)
  await client.query('create table unforeseen (x integer)')
  await client.end()
  const before = await inspected(scenery.database.dsn)
  await expect(run(scenery)).rejects.toMatchObject({ code: 'precondition_failed' })
  expect((await inspected(scenery.database.dsn)).fingerprint).toBe(before.fingerprint)
})

test('a lock that is not granted in time leaves the step not applied; later it goes on', async () => {
  const scenery = await scene()
  const plan = { ...scenery.plan, steps: scenery.plan.steps.map((step) => ({ ...step, lockTimeoutMs: 50 })) }
  const holder = await adminClient(scenery.database.name)
  await holder.query('begin; lock table orders in access exclusive mode')
  // Inspecting waits for the lock as well, so it is taken after that.
  const blocked = inSession(scenery.database.dsn, async (session) => {
    await session.query(`set lock_timeout = '100ms'`)
    return executePlan(postgres, session, plan, { lockRetries: 1 })
  })
  const outcome = await blocked.catch((error: unknown) => error)
  const sqlstate =
    outcome instanceof DatabaseFailure ? outcome.sqlstate : (outcome as Execution).failure?.sqlstate
  expect(sqlstate).toBe('55P03')
  await holder.query('rollback')
  await holder.end()
  expect((await run(scenery)).failure).toBeUndefined()
  expect((await inspected(scenery.database.dsn)).fingerprint).toBe(scenery.target.fingerprint)
})

test('a table that somebody has locked for himself is not waited for without end to look at it', async () => {
  const { name, dsn, drop } = await createDatabase('locked')
  const holder = await adminClient(name)
  await holder.query('create table t (id integer check (id > 0)); create view v as select * from t')
  await holder.query('begin; lock table t in access exclusive mode')
  await inSession(dsn, async (session) => {
    const locked = {
      sqlstate: '55P03',
      message: expect.stringMatching(/^Somebody holds a table locked/) as string,
    }
    await expect(postgres.inspect(session)).rejects.toMatchObject(locked)
    await session.query(`set lock_timeout = '100ms'`)
    await expect(postgres.catalogueFingerprint(session)).rejects.toMatchObject(locked)
    await holder.query('rollback')
    expect((await postgres.inspect(session)).objects).not.toEqual([])
  })
  await holder.end()
  await drop()
})

test('two runs at once: the second is refused while the first holds the tenant', async () => {
  const scenery = await scene()
  await inSession(scenery.database.dsn, async (session) => {
    expect(await postgres.lock(session)).toBe(true)
    await expect(run(scenery)).rejects.toMatchObject({ code: 'conflict' })
  })
  expect((await run(scenery)).failure).toBeUndefined()
})

/** A session whose server process is killed before or after the statement with this number. */
function mortal(session: SchemaSession, pid: string, at: number, when: 'before' | 'after'): SchemaSession {
  let statements = 0
  const kill = async (): Promise<void> => {
    const client = await adminClient()
    await client.query('select pg_terminate_backend($1, 5000)', [pid])
    await client.end()
  }
  return {
    ...session,
    async query(sql) {
      const mine = /^(?:create|alter|drop|comment|commit)\b/iu.test(sql) && statements++ === at
      if (mine && when === 'before') await kill()
      const result = await session.query(sql)
      if (mine && when === 'after') await kill()
      return result
    },
  }
}

/** Runs the plan and kills it at one statement. @returns false when it had no such statement */
async function diesAt(scenery: Scene, at: number, when: 'before' | 'after'): Promise<boolean> {
  const outcome = await inSession(scenery.database.dsn, async (session) => {
    const [row] = await session.query('select pg_backend_pid()::text as pid')
    return executePlan(postgres, mortal(session, String(row?.['pid']), at, when), scenery.plan)
  }).catch((error: unknown) => error)
  return outcome instanceof Error || (outcome as Execution).failure !== undefined
}

test.each(['before', 'after'] as const)(
  'killed %s each statement in turn, the next run goes on where it stands and nothing is done twice',
  async (when) => {
    const base = await scene()
    const before = await rows(base.database.name)
    let deaths = 0
    for (let died = true; died;) {
      const copy = await createDatabase('execute', { template: base.database.name })
      onTestFinished(() => copy.drop())
      const scenery = { ...base, database: copy }
      died = await diesAt(scenery, deaths, when)
      if (died) deaths += 1
      const { failure, steps } = await run(scenery)
      expect(failure).toBeUndefined()
      expect(steps.every(({ state }) => state === 'applied')).toBe(true)
      expect((await inspected(copy.dsn)).fingerprint).toBe(base.target.fingerprint)
      expect(await rows(copy.name)).toEqual(before)
    }
    expect(deaths).toBeGreaterThan(5)
  },
  120_000,
)

const PLAIN = 'create table readings (id integer, value integer);'
const INDEXED = `${PLAIN} alter table readings add note text; create index readings_value on readings (value);`

/** Indexes of the table, and whether each is whole. */
async function indexes(name: string): Promise<unknown[]> {
  const client = await adminClient(name)
  try {
    const { rows: found } = await client.query({
      text: `select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 'readings'::regclass`,
      rowMode: 'array',
    })
    return found
  } finally {
    await client.end()
  }
}

test.each([
  ['build', PLAIN, INDEXED, [['readings_value', true]]],
  ['removal', INDEXED, PLAIN, []],
] as const)(
  'an index whose %s was killed is invalid, and the next run ends that',
  async (_, from, to, wanted) => {
    const scenery = await scene(from, to)
    // Whoever still reads with an older snapshot is waited for, with the index there and not valid.
    const reader = await adminClient(scenery.database.name)
    await reader.query('begin isolation level repeatable read')
    await reader.query(`select from pg_class; ${to === PLAIN ? 'select from readings' : ''}`)
    const killed = run(scenery)
    const admin = await adminClient(scenery.database.name)
    await until(
      async () => {
        const { rowCount } = await admin.query(
          `select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where query ilike '% index concurrently %' and wait_event = 'virtualxid' and pid <> pg_backend_pid()`,
        )
        return rowCount === 1
      },
      { what: 'the statement to wait for the reader' },
    )
    await admin.end()
    const { steps } = await killed
    expect(steps.filter(({ state }) => state === 'in doubt')).toHaveLength(1)
    expect(await indexes(scenery.database.name)).toEqual([['readings_value', false]])
    await reader.end()
    expect((await run(scenery)).failure).toBeUndefined()
    expect(await indexes(scenery.database.name)).toEqual(wanted)
    expect((await inspected(scenery.database.dsn)).fingerprint).toBe(scenery.target.fingerprint)
  },
)

test('a step added by hand that only changes rows is not passed over by a run that goes on', async () => {
  const scenery = await scene(FROM, FROM.replace('note text)', 'note text, added text, later text)'))
  const [first] = scenery.plan.steps
  if (first === undefined) throw new Error('The plan has no step.')
  const step = { ...first, creates: [], alters: [], drops: [], reversal: null }
  const added = await inspected((await databaseOf(FROM.replace('note text)', 'note text, added text)'))).dsn)
  const steps = [
    { ...step, group: 1, sql: 'alter table orders add column added text', after: added.fingerprint },
    { ...step, group: 2, sql: `update orders set added = 'by hand'`, after: added.fingerprint },
    { ...step, group: 3, sql: 'alter table orders add column later text', after: null },
  ].map((one) => ({ ...one, sql: one.sql.replace('orders', 'public.orders') }))
  const client = await adminClient(scenery.database.name)
  await client.query(steps[0]?.sql ?? '')
  const { failure } = await run({ ...scenery, plan: { ...scenery.plan, steps } })
  expect(failure).toBeUndefined()
  const { rows: untouched } = await client.query(
    `select from orders where added is distinct from 'by hand' limit 1`,
  )
  await client.end()
  expect(untouched).toEqual([])
})

/** Statistics that say that a table is empty, or small, prove nothing about its rows. */
import { expect, test } from 'vitest'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import type { HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { parseSnapshot, snapshotText } from '../../src/schema/snapshot/snapshot-text.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { adminClient, type TestDatabase } from '../support/postgres.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'

const TABLE = 'create table t (id integer not null, price numeric, note text)'

/** The server's statistics say that there are no rows: they came later. */
async function filledUnseen(): Promise<TestDatabase> {
  return databaseOf(
    `${TABLE}; analyze t; insert into t select n, n + 0.5, 'x' from generate_series(1, 1000) n;
     create table small (id integer); insert into small values (1); analyze small`,
  )
}

const SMALL = 'create table small (id integer)'

/** What a plan from there has to name, by what is wanted of the table. */
const CHANGES: Readonly<Record<string, readonly HazardName[]>> = {
  'create table t (id integer not null, price numeric)': ['data-loss'],
  'create table t (id integer not null, price integer, note text)': ['data-loss'],
  'create unlogged table t (id integer not null, price numeric, note text)': ['data-loss'],
  'create table t (id integer not null, price numeric, note text not null)': ['may-fail'],
  'create table t (id integer not null, price numeric, note text, check (price > 1))': ['may-fail'],
  'create table t (id integer not null, price numeric, note text, other text not null)': ['may-fail'],
}

test.for(Object.entries(CHANGES))('%s', async ([wanted, hazards]) => {
  const [from, to] = [await filledUnseen(), await databaseOf(`${wanted}; ${SMALL}`)]
  const plan = makePlan(postgres, await inspected(from.dsn), await inspected(to.dsn))
  expect(namesIn(plan)).toEqual(expect.arrayContaining([...hazards]))
})

test('a table that is made anew keeps the rows that no statistics told of', async () => {
  const parts = `partition by range (id); create table t_all partition of t default`
  const [from, to] = [await filledUnseen(), await databaseOf(`${TABLE} ${parts}; ${SMALL}`)]
  const plan = makePlan(postgres, await inspected(from.dsn), await inspected(to.dsn))
  const session = await postgres.connect(from.dsn)
  try {
    const { failure } = await executePlan(postgres, session, plan, { allow: namesIn(plan) })
    expect(failure).toBeUndefined()
  } finally {
    await session.close()
  }
  const client = await adminClient(from.name)
  try {
    expect((await client.query('select count(*)::int as n from t')).rows).toEqual([{ n: 1000 }])
  } finally {
    await client.end()
  }
})

test('a plan for a stored schema, which many tenants have, counts on no sizes', async () => {
  const [from, to] = [
    await filledUnseen(),
    await databaseOf(`${TABLE}; ${SMALL}; create index on small (id)`),
  ]
  const read = await inspected(from.dsn)
  expect(indexSteps(read, await inspected(to.dsn))).toEqual([expect.not.stringContaining('CONCURRENTLY')])
  const stored = parseSnapshot(snapshotText(read), 'stored')
  expect(indexSteps(stored, await inspected(to.dsn))).toEqual([expect.stringContaining('CONCURRENTLY')])
})

function indexSteps(from: Snapshot, to: Snapshot): string[] {
  return makePlan(postgres, from, to).steps.flatMap(({ sql }) => (/create index/i.test(sql) ? [sql] : []))
}

function namesIn(plan: Plan): HazardName[] {
  return [...new Set(plan.steps.flatMap(({ hazards }) => hazards.map(({ name }) => name)))]
}

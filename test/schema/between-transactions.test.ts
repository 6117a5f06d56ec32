/**
 * What others see between the transactions of a plan: no right, and no row or value, that they have neither before nor
 * after; and nothing is missing that is there before and after.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { groupsFrom } from '../../src/schema/execute.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import { adminQuery } from '../support/postgres.ts'
import { load, openStage, type Stage } from '../support/watched-plans.ts'

const OTHER = 'between_transactions_other'

const RIGHTS = `select format('%s on %s', p, c.oid::regclass) as it from pg_class c
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
    and has_table_privilege('${OTHER}', c.oid, p)
  union all select format('execute %s', f.oid::regprocedure) from pg_proc f
  where f.pronamespace = 'public'::regnamespace and f.prosecdef and has_function_privilege('${OTHER}', f.oid, 'EXECUTE')`
const COLUMNS = `select c.oid::regclass as relation, quote_ident(a.attname) as column
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') and c.relispopulated
    and has_column_privilege('${OTHER}', c.oid, a.attnum, 'SELECT')`
const THERE = `select format('%s on %s', replace(pg_get_constraintdef(oid), ' NOT VALID', ''), conrelid::regclass) as it
    from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0 and contype <> 'n' and conparentid = 0
  union all select format('%s on %s', regexp_replace(pg_get_indexdef(indexrelid), ' INDEX \\S+ ', ' '), indrelid::regclass)
    from pg_index join pg_class c on c.oid = indrelid
    where c.relnamespace = 'public'::regnamespace and indisunique and indisvalid
  union all select format('column %s of %s', a.attname, c.oid::regclass) from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
  union all select format('default of %s of %s', adnum, adrelid::regclass) from pg_attrdef
    join pg_class c on c.oid = adrelid where c.relnamespace = 'public'::regnamespace
  union all select format('trigger %s on %s', tgname, tgrelid::regclass) from pg_trigger
    where not tgisinternal and tgenabled <> 'D'
  union all select format('row security of %s', oid::regclass) from pg_class where relrowsecurity
  union all select format('partition %s', inhrelid::regclass) from pg_inherits
    join pg_class c on c.oid = inhrelid where c.relkind in ('r', 'p')`

interface Case {
  readonly from: string
  readonly to: string
  readonly rows: string
  /** What is missing meanwhile, as a hazard says. */
  readonly missing?: readonly string[]
}

const SECURE = 'alter table t enable row level security'
const GRANTED = `grant select on t to ${OTHER}`
const KINDS = `create type kind as enum ('a')`
const MORE = `create type kind as enum ('a', 'b')`
const FIRST = (name: string): string =>
  `create function first(${name} integer) returns integer immutable language sql as 'select 1'`

const CASES: Readonly<Record<string, Case>> = {
  'policies that wait for a new value of an enum': {
    from: `${KINDS}; create table t (a integer, k kind); ${SECURE}; ${GRANTED};
      create policy one on t using (a = 1); create policy limits on t as restrictive using (k = 'a')`,
    to: `${MORE}; create table t (a integer, k kind); ${SECURE}; ${GRANTED};
      create policy every on t using (true); create policy limits on t as restrictive using (k = 'b')`,
    rows: `insert into t values (1, 'a'), (2, 'a')`,
  },
  'row security that goes with the grants, while a table is written anew': {
    from: `create table t (a integer, b integer); ${SECURE}; create policy nothing on t using (a = 0);
      grant select (b) on t to ${OTHER}`,
    to: 'create table t (a integer, b bigint)',
    rows: 'insert into t values (1, 2)',
  },
  'a table that is made anew with a large partition': {
    from: `create table t (a integer, b integer); ${SECURE}; create policy few on t using (a = 1); ${GRANTED};
      create table t_large (a integer, b integer)`,
    to: `create table t (a integer, b integer) partition by range (a); ${SECURE}; create policy few on t using (a = 1);
      ${GRANTED}; create table t_large partition of t for values from (100) to (200);
      create table t_rest partition of t default`,
    rows: 'insert into t values (1, 1), (2, 2); insert into t_large values (150, 1)',
  },
  'a materialized view of another query, which default privileges would show': {
    from: `create table t (a integer); create materialized view m as select a from t with no data;
      alter default privileges in schema public grant select on tables to ${OTHER}`,
    to: `create table t (a integer); create materialized view m as select a + 1 as a from t with no data;
      alter default privileges in schema public grant select on tables to ${OTHER}`,
    rows: 'insert into t values (1); refresh materialized view m',
  },
  'a materialized view over a column that changes, which default privileges would show': {
    from: `create table t (a integer); create materialized view m as select a from t with no data;
      alter default privileges in schema public grant select on tables to ${OTHER}`,
    to: `create table t (a bigint); create materialized view m as select a from t with no data;
      alter default privileges in schema public grant select on tables to ${OTHER}`,
    rows: 'insert into t values (1); refresh materialized view m',
    missing: ['column a of m'],
  },
  'unique columns whose collation is made anew': {
    from: `create collation k (locale = 'C'); create table t (a text collate k primary key, b text collate k unique,
      c text collate k); create unique index on t (c)`,
    to: `create collation k (locale = 'POSIX'); create table t (a text collate k primary key, b text collate k unique,
      c text collate k); create unique index on t (c)`,
    rows: `insert into t values ('a', 'b', 'c')`,
  },
  'a unique index by a function that is made anew': {
    from: `${FIRST('one')}; create table t (a integer); create unique index on t (first(a))`,
    to: `${FIRST('other')}; create table t (a integer); create unique index on t (first(a))`,
    rows: 'insert into t values (1)',
  },
  'a view beside an index, on a column whose enum is made anew': {
    from: `${MORE}; create table t (k kind default 'a'); create index on t ((k = 'a')) where k = 'a';
      create view v as select k from t; grant select on v to ${OTHER}`,
    to: `create domain kind as text; create table t (k kind default 'a'); create index on t ((k = 'a')) where k = 'a';
      create view v as select k from t; grant select on v to ${OTHER}`,
    rows: `insert into t values ('b')`,
  },
}

interface State {
  readonly may: ReadonlySet<string>
  readonly there: ReadonlySet<string>
}

async function stateOf(session: SchemaSession): Promise<State> {
  const all = async (sql: string): Promise<string[]> => (await session.query(sql)).map(({ it }) => String(it))
  await session.query('SET search_path = public; RESET row_security')
  const seen = await session.query(COLUMNS)
  const may = await all(RIGHTS)
  const there = await all(THERE)
  await session.query(`SET ROLE ${OTHER}`)
  for (const { relation, column } of seen) {
    const values = await all(`select distinct ${String(column)}::text as it from ${String(relation)}`)
    may.push(...values.map((value) => `${String(relation)}.${String(column)} ${value}`))
  }
  await session.query('RESET ROLE; SET search_path = pg_catalog; SET row_security = off')
  return { may: new Set(may), there: new Set(there) }
}

describe('between the transactions of a plan', () => {
  let stage: Stage
  beforeAll(async () => {
    await adminQuery(`create role ${OTHER}`)
    stage = await openStage()
  })
  afterAll(async () => {
    await stage.close()
    await adminQuery(`drop role ${OTHER}`)
  })

  test.each(Object.keys(CASES))('%s', async (name) => {
    const { from, to, rows, missing = [] } = CASES[name] as Case
    const open = `grant usage on schema public to ${OTHER}`
    await load(stage.source, `${open};${from};${rows}`)
    await load(stage.target, `${open};${to}`)
    const { source } = stage
    const plan = makePlan(postgres, await postgres.inspect(source), await postgres.inspect(stage.target), {
      style: 'online',
    })
    const states = [await stateOf(source)]
    for (const statement of postgres.preamble) await source.query(statement)
    for (const { begin, end, transactional } of groupsFrom(plan, 0)) {
      if (transactional) await source.query(postgres.begin)
      for (const { sql } of plan.steps.slice(begin, end)) await source.query(sql)
      if (transactional) await source.query('COMMIT')
      states.push(await stateOf(source))
    }
    const [before, after] = [states[0] as State, states.at(-1) as State]
    expect(plan.steps).not.toEqual([])
    expect(
      states.flatMap(({ may }) => [...may]).filter((it) => !before.may.has(it) && !after.may.has(it)),
    ).toEqual([])
    const lasting = [...before.there].filter((it) => after.there.has(it))
    const gone = states.flatMap(({ there }) => lasting.filter((it) => !there.has(it)))
    expect([...new Set(gone)]).toEqual(missing)
  })
})

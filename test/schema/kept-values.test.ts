/**
 * What plans carry from one place to another, or count, is afterwards what it was before, whoever runs them and whatever
 * triggers, rules and policies there are; or the plan names the loss.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import type { HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { SharedServer } from '../support/global-setup.ts'
import { adminQuery, sharedServer } from '../support/postgres.ts'
import { type PrivateServer, startDebianServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { load, openStage, type Stage } from '../support/watched-plans.ts'

interface Case {
  readonly from: string
  readonly to: string
  readonly rows: string
  /** What is asked before and after. */
  readonly kept: string
  /** The tables belong to a role of no privileges, which runs the plan. */
  readonly byOwner?: readonly string[]
}

const OWNER = 'kept_values_owner'
const MEDDLES = `create function meddles() returns trigger language plpgsql as 'begin new.b := 99; return new; end'`
const FORGETS = `create function forgets() returns trigger language plpgsql as 'begin return null; end'`
const OF_ROWS = 'select a, b from t order by 1'
const IN_PARTS = 'partition by range (a); create table t_rest partition of t default'
const HIDDEN = (table: string): string =>
  `alter table ${table} enable row level security; alter table ${table} force row level security;
   create policy few on ${table} using (a < 2)`
const CHILD = 'create table p (a integer); create table t (b integer) inherits (p)'
const PARENT = 'create table p (a integer, b integer); create table t () inherits (p)'
const TWO = 'insert into t values (1, 2), (3, null)'
const COUNTED = 'select last_value, is_called from t_a_seq'
const TEN = 'insert into t (b) select n from generate_series(1, 10) n; delete from t where b > 5'
const IDENTITY = 'a integer generated always as identity, b integer'

const KEPT: Readonly<Record<string, Case>> = {
  'rows that policies hide from the owner, in a table that is made anew': {
    from: `create table t (a integer, b integer); ${HIDDEN('t')}`,
    to: `create table t (a integer, b integer) ${IN_PARTS}; ${HIDDEN('t')}`,
    rows: TWO,
    kept: OF_ROWS,
    byOwner: ['t'],
  },
  'rows that policies hide from the owner, where a column becomes the parent’s': {
    from: `${CHILD}; ${HIDDEN('t')}`,
    to: `${PARENT}; ${HIDDEN('t')}`,
    rows: `${TWO}, (4, 5)`,
    kept: OF_ROWS,
    byOwner: ['t', 'p'],
  },
  'values of a column that becomes the parent’s, under a trigger that changes them': {
    from: `${CHILD}; ${MEDDLES}; create trigger m before update on t for each row execute function meddles()`,
    to: `${PARENT}; ${MEDDLES}; create trigger m before update on t for each row execute function meddles()`,
    rows: TWO,
    kept: OF_ROWS,
  },
  'values of a column that becomes the parent’s, under a trigger that always fires, on a child of the child':
    {
      from: `${CHILD}; create table u () inherits (t); ${FORGETS};
      create trigger m before update on u for each row execute function forgets(); alter table u enable always trigger m`,
      to: `${PARENT}; create table u () inherits (t); ${FORGETS};
      create trigger m before update on u for each row execute function forgets(); alter table u enable always trigger m`,
      rows: `${TWO}; insert into u values (7, 8)`,
      kept: OF_ROWS,
    },
  'values of a column that becomes the parent’s, under rules': {
    from: `${CHILD}; create rule nothing as on update to t do instead nothing;
      create rule gone as on update to t do instead delete from t`,
    to: `${PARENT}; create rule nothing as on update to t do instead nothing`,
    rows: TWO,
    kept: OF_ROWS,
  },
  'rows of a partition that goes, under a trigger of one that stays': {
    from: `create table t (a integer, b integer) partition by range (a);
      create table t1 partition of t for values from (0) to (10) partition by range (a);
      create table t11 partition of t1 default; create table t2 partition of t for values from (10) to (20);
      ${MEDDLES}; create trigger m before insert on t11 for each row execute function meddles()`,
    to: `create table t (a integer, b integer) partition by list (b);
      create table t1 partition of t default partition by range (a); create table t11 partition of t1 default;
      ${MEDDLES}; create trigger m before insert on t11 for each row execute function meddles()`,
    rows: 'insert into t values (12, 1), (13, 2)',
    kept: OF_ROWS,
  },
  'rows under triggers and rules that come with partitions': {
    from: `create table t (a integer, b integer); ${MEDDLES}`,
    to: `create table t (a integer, b integer) ${IN_PARTS}; ${MEDDLES};
      create trigger m before insert on t_rest for each row execute function meddles();
      create rule nothing as on insert to t do instead nothing`,
    rows: TWO,
    kept: OF_ROWS,
  },
  'how far an identity has counted, in a table that is made anew': {
    from: `create table t (${IDENTITY})`,
    to: `create table t (${IDENTITY}) ${IN_PARTS}`,
    rows: TEN,
    kept: COUNTED,
  },
  'how far an identity has counted, where all partitions stay': {
    from: `create table t (${IDENTITY}) partition by range (a); create table t1 partition of t default`,
    to: `create table t (${IDENTITY}) partition by list (b); create table t1 partition of t default`,
    rows: TEN,
    kept: COUNTED,
  },
  'how far a serial column has counted that becomes an identity in partitions': {
    from: 'create table t (a serial, b integer)',
    to: `create table t (${IDENTITY}) ${IN_PARTS}`,
    rows: TEN,
    kept: COUNTED,
  },
  'how far a serial column has counted that becomes an identity': {
    from: 'create table t (a serial, b integer)',
    to: `create table t (${IDENTITY})`,
    rows: TEN,
    kept: COUNTED,
  },
  'how far an identity has counted that becomes a serial column': {
    from: `create table t (${IDENTITY})`,
    to: 'create table t (a serial, b integer)',
    rows: TEN,
    kept: COUNTED,
  },
  'how far an identity has counted down, within other bounds': {
    from: 'create table t (a integer generated always as identity (start -5 increment -1), b integer)',
    to: `create table t (a bigint generated always as identity (start -3 increment -1 minvalue -90), b integer) ${IN_PARTS}`,
    rows: TEN,
    kept: COUNTED,
  },
  'how far an identity has counted that a sequence of another name takes over': {
    from: `create table t (${IDENTITY})`,
    to: `create sequence other; create table t (a integer not null default nextval('other'), b integer)`,
    rows: TEN,
    kept: `select last_value from pg_sequences where schemaname = 'public'`,
  },
}

const LOST: Readonly<Record<string, Pick<Case, 'from' | 'to'>>> = {
  'how far an identity has counted, where nothing counts any more': {
    from: `create table t (${IDENTITY})`,
    to: 'create table t (a integer not null, b integer)',
  },
  'the same in a table that is made anew': {
    from: `create table t (${IDENTITY})`,
    to: `create table t (a integer, b integer) ${IN_PARTS}`,
  },
  'how far a serial column has counted, in a table that is made anew': {
    from: 'create table t (a serial, b integer)',
    to: `create table t (a integer, b integer) ${IN_PARTS}`,
  },
  'values that are computed from now on, in a table that is made anew': {
    from: 'create table t (a integer, b integer)',
    to: `create table t (a integer, b integer generated always as (a * 2) stored) ${IN_PARTS}`,
  },
}

function ownedBy(role: string, tables: readonly string[]): string {
  const owned = tables.map((table) => `alter table ${table} owner to ${role}`)
  return [`grant create, usage on schema public to ${role}`, ...owned].join('; ')
}

async function planned(stage: Stage, { from, to }: Pick<Case, 'from' | 'to'>, rows: string) {
  await load(stage.source, `${from};${rows}`)
  await load(stage.target, to)
  const target = await postgres.inspect(stage.target)
  const plan = makePlan(postgres, await postgres.inspect(stage.source), target, { style: 'online' })
  const named = new Set(plan.steps.flatMap(({ hazards }) => hazards.map(({ name }) => name)))
  return { plan, target, named }
}

const ALLOWED: readonly HazardName[] = ['table-rewrite', 'long-lock']

function cases(stage: () => Stage): void {
  test.each(Object.keys(KEPT))('%s', async (name) => {
    const { byOwner = [], rows, kept, ...states } = KEPT[name] as Case
    const owned = byOwner.length === 0 ? 'select 1' : ownedBy(OWNER, byOwner)
    const change = { from: states.from, to: `${states.to};${owned}` }
    const { plan, target, named } = await planned(stage(), change, `${rows};${owned}`)
    expect(named).not.toContain('data-loss')
    const { source } = stage()
    const ask = async (): Promise<unknown> =>
      await source.query(`SET search_path = public; ${kept}; SET search_path = pg_catalog`)
    const before = await ask()
    if (byOwner.length > 0) await source.query(`SET SESSION AUTHORIZATION ${OWNER}`)
    const { failure } = await executePlan(postgres, source, plan, { allow: ALLOWED })
    await source.query('RESET SESSION AUTHORIZATION')
    expect(failure).toBeUndefined()
    expect(await ask()).toEqual(before)
    expect(diff(await postgres.inspect(source), target)).toEqual([])
  })

  test.each(Object.keys(LOST))('%s: named', async (name) => {
    const { named } = await planned(stage(), LOST[name] as Case, 'select 1')
    expect(named).toContain('data-loss')
  })
}

function onServer(server: () => SharedServer): void {
  let stage: Stage
  beforeAll(async () => {
    await adminQuery(`create role ${OWNER}`, 'postgres', server())
    stage = await openStage(server())
  })
  afterAll(async () => {
    await stage.close()
    await adminQuery(`drop role ${OWNER}`, 'postgres', server())
  })
  cases(() => stage)
}

describe('on PostgreSQL 18', () => {
  onServer(sharedServer)
})

withProgram('postgres15').describe('on PostgreSQL 15', () => {
  let server: PrivateServer
  beforeAll(async () => {
    server = await startDebianServer({ settings: { fsync: 'off' } })
  })
  afterAll(async () => {
    await server.remove()
  })
  onServer(() => server)
})

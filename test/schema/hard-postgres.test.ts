/** Schemas that are hard to plan for: deep, circular, entangled, large, oddly named, and owned by somebody hostile. */
import { expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import type { HazardName } from '../../src/schema/plan/hazards.ts'
import type { RenameHint } from '../../src/schema/diff/renames.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { adminClient } from '../support/postgres.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'

/** Plans from one to the other, runs the plan, and expects nothing to be left. */
async function expectConverged(
  from: string,
  to: string,
  allow: readonly HazardName[] = [],
  told: { readonly renames?: readonly RenameHint[]; readonly rows?: Record<string, unknown[]> } = {},
): Promise<Plan> {
  const [a, b] = [await databaseOf(from), await databaseOf(to)]
  const target = await inspected(b.dsn)
  const plan = makePlan(postgres, await inspected(a.dsn), target, {}, told.renames)
  const session = await postgres.connect(a.dsn)
  try {
    const { failure } = await executePlan(postgres, session, plan, { allow })
    expect(failure).toBeUndefined()
    for (const [query, rows] of Object.entries(told.rows ?? {}))
      expect(await session.query(query)).toEqual(rows)
  } finally {
    await session.close()
  }
  const left = diff(await inspected(a.dsn), target).map(({ type, id }) => `${type} ${id}`)
  expect(left).toEqual([])
  return plan
}

async function expectBothWays(a: string, b: string, allow: readonly HazardName[] = []): Promise<void> {
  await expectConverged(a, b, allow)
  await expectConverged(b, a, allow)
}

const LOSS: readonly HazardName[] = ['data-loss', 'table-rewrite', 'long-lock']

test('a chain of fifty views over a column that is retyped', async () => {
  const chain = (type: string): string => {
    const views = Array.from({ length: 50 }, (_, n) =>
      n === 0
        ? 'create view v0 as select id, amount from base'
        : `create view v${n} as select id, amount from v${n - 1} where amount is not null`,
    )
    return `create table base (id integer primary key, amount ${type}); ${views.join(';')}`
  }
  await expectBothWays(chain('integer'), chain('numeric(12,2)'), LOSS)
})

test('foreign keys in a circle come and go', async () => {
  const tables = `create table a (id integer primary key, b integer); create table b (id integer primary key, c integer);
    create table c (id integer primary key, a integer);`
  const links = `alter table a add foreign key (b) references b; alter table b add foreign key (c) references c;
    alter table c add foreign key (a) references a;`
  await expectBothWays('', tables + links, LOSS)
  await expectBothWays(tables, tables + links, LOSS)
})

test('a function that a check uses that a generated column stands beside changes its signature', async () => {
  const schema = (argument: string, column: string): string =>
    `create function cents(amount ${argument}) returns bigint language sql immutable as $$ select (amount * 100)::bigint $$;
     create table prices (id integer primary key, amount ${column} check (cents(amount) >= 0),
       stored bigint generated always as (cents(amount)) stored);
     create index prices_cents on prices (cents(amount));
     create view expensive as select * from prices where cents(amount) > 1000;`
  await expectBothWays(schema('integer', 'integer'), schema('numeric', 'numeric'), LOSS)
})

test('a value is added to an enum and used at once, as a default, in a check and in a partial index', async () => {
  const schema = (values: string, standard: string): string =>
    `create type state as enum (${values});
     create table jobs (id integer primary key, state state not null default '${standard}',
       constraint known check (state <> '${standard}' or id > 0));
     create index jobs_open on jobs (id) where state = '${standard}';`
  await expectBothWays(schema(`'new', 'done'`, 'new'), schema(`'new', 'waiting', 'done'`, 'waiting'), LOSS)
})

test('names with quotes, spaces, emoji, keywords and 63 bytes', async () => {
  const names = [
    'quo"te',
    'with space',
    'ümläut 🦊',
    'select',
    'UPPER',
    "apo'strophe",
    'a.b',
    'x'.repeat(63),
    'é'.repeat(31),
  ]
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
  const schema = names
    .map((name, n) => {
      const table = quoted(name)
      return `create table ${table} (${table} integer primary key, other text default 'it''s', check (${table} > ${n}));
        create index on ${table} (other); comment on column ${table}.${table} is 'a ''comment'' "${n}"';
        create view ${quoted(`v ${n} 🦊"`)} as select ${table} from ${table};
        create function ${quoted(`f ${n}"`)}(${table} integer) returns integer language sql as 'select 1';`
    })
    .join('\n')
  await expectBothWays('', schema, LOSS)
})

test('a column that is renamed and retyped at once loses its values only with leave', async () => {
  const [from, to] = [
    'create table t (id integer, total integer)',
    'create table t (id integer, amount bigint)',
  ]
  await expect(expectConverged(from, to)).rejects.toMatchObject({ code: 'conflict' })
  const plan = await expectConverged(from, to, ['data-loss'])
  expect(plan.steps.flatMap(({ hazards }) => hazards.map(({ name }) => name))).toContain('data-loss')
  // Told that it is the same column, it keeps them.
  await expectConverged(`${from}; insert into t values (1, 41)`, to, ['table-rewrite'], {
    renames: [{ from: 'column:public.t.total', to: 'amount' }],
    rows: { 'select * from public.t': [{ id: '1', amount: '41' }] },
  })
})

test('functions, operators and types of a hostile owner are never called by looking or by changing', async () => {
  const hostile = `
    create table trap (message text);
    create function public.spring(text) returns text language plpgsql as $$ begin insert into public.trap values ($1); return $1; end $$;
    create function public.spring(name, text) returns boolean language plpgsql as $$ begin insert into public.trap values ('operator'); return true; end $$;
    create operator public.= (leftarg = name, rightarg = text, function = public.spring);
    create function public.format_type(oid, integer) returns text language plpgsql as $$ begin insert into public.trap values ('format_type'); return 'text'; end $$;
    create function public.quote_ident(text) returns text language plpgsql as $$ begin insert into public.trap values ('quote_ident'); return $1; end $$;
    create table items (id integer primary key, name text);`
  const [a, b] = [await databaseOf(hostile), await databaseOf(`${hostile} alter table items add note text;`)]
  const client = await adminClient()
  await client.query(`alter database "${a.name}" set search_path = public, pg_catalog`)
  await client.end()
  const target = await inspected(b.dsn)
  const session = await postgres.connect(a.dsn)
  try {
    await postgres.catalogueFingerprint(session)
    await postgres.changeMarker?.(session)
    const plan = makePlan(postgres, await postgres.inspect(session), target)
    expect((await executePlan(postgres, session, plan)).failure).toBeUndefined()
    const trapped = await session.query('select message from public.trap')
    expect(trapped).toEqual([])
  } finally {
    await session.close()
  }
})

/** On the types that catalogues are made of, and that no operator of the server's own takes side by side. */
const AMBUSHES = ['oid', 'integer', 'bigint', 'smallint', 'text', 'name', '"char"'].flatMap(
  (left, row, types) =>
    types.flatMap((right, column) =>
      ['=', '<>', '>=', '>', '<'].map((operator, at) => ({
        operator: `tenant_a.${operator} (leftarg = ${left}, rightarg = ${right}, function = tenant_a.ambush_${row}_${column}_${at})`,
        routine: `tenant_a.ambush_${row}_${column}_${at}(${left}, ${right})`,
      })),
    ),
)

test('nor are they of a tenant that is a schema, whose name is masked', async () => {
  const hostile = AMBUSHES.map(
    ({ operator, routine }) =>
      `create function ${routine} returns boolean language plpgsql as $$ begin raise exception 'ambush'; end $$;
       create operator ${operator};`,
  )
  const home = await databaseOf(
    `create schema tenant_a; create table tenant_a.items (id integer primary key check (id > 0), name text);
     create view tenant_a.named as select * from tenant_a.items where name is not null; ${hostile.join('\n')}`,
  )
  const session = await postgres.connect(home.dsn)
  try {
    const options = { maskSchema: 'tenant_a' }
    const { objects } = await postgres.inspect(session, options)
    expect(JSON.stringify(objects.find(({ kind }) => kind === 'view'))).not.toContain('tenant_a')
    const fingerprint = await postgres.catalogueFingerprint(session, options)
    const missing = { maskSchema: 'tenant_b' }
    const nobody = /has no schema "tenant_b"\.$/
    await expect(postgres.inspect(session, missing)).rejects.toThrow(nobody)
    await expect(postgres.catalogueFingerprint(session, missing)).rejects.toThrow(nobody)
    await session.query('set search_path = tenant_a, pg_temp')
    await session.query(postgres.guard?.([fingerprint], options) ?? '')
    await expect(session.query(postgres.guard?.(['another'], options) ?? '')).rejects.toThrow(
      /has changed since/,
    )
  } finally {
    await session.close()
  }
})

test('a partition key by an operator class without operators, of which the server can say no condition', async () => {
  const schema = (note: string, bound: string): string =>
    `create operator class bare_order for type integer using btree as function 1 btint4cmp(integer, integer);
     create table parcels (zone integer, note ${note}) partition by range (zone bare_order);
     create table parcels_near partition of parcels for values from (1) to (10);
     create table parcels_far partition of parcels for values from (10) to (20) partition by list (note);
     create table parcels_far_none partition of parcels_far for values in ('none');
     create table known (a integer) partition by range (a);
     create table known_1 partition of known for values from (1) to (${bound});`
  await expectBothWays(schema("text default 'none'", '10'), schema('text not null', '20'), LOSS)
})

test('a table whose enum loses a value is written anew once, whatever it has of that', async () => {
  const schema = (labels: string): string =>
    `create type mood as enum (${labels}); create table days (at date, mood mood default 'fine', others mood[]);`
  const [a, b] = [
    await databaseOf(schema(`'fine', 'dull', 'bad'`)),
    await databaseOf(schema(`'fine', 'bad'`)),
  ]
  const plan = makePlan(postgres, await inspected(a.dsn), await inspected(b.dsn), { style: 'online' })
  expect(plan.steps.filter(({ rewrites }) => rewrites)).toHaveLength(1)
})

test('ten thousand objects', async () => {
  const tables = Array.from({ length: 1000 }, (_, n) => n)
  const schema = (extra: string): string =>
    tables
      .map(
        (n) =>
          `create table t${n} (id integer primary key, name text, amount numeric, at timestamptz, note text ${extra}); create index on t${n} (name);`,
      )
      .join('\n')
  const plan = await expectConverged(schema(''), schema(', more integer'))
  expect(plan.steps).toHaveLength(1000)
}, 120_000)

test('a table whose changes are told by an index is told by its key again before that index goes', async () => {
  const events = 'create table events (id integer primary key, at date not null)'
  const told = `${events}; create unique index seen on events (at); alter table events replica identity using index seen`
  const plan = await expectConverged(told, events)
  expect(plan.steps.map(({ sql }) => sql)).toEqual([
    'ALTER TABLE "public"."events" REPLICA IDENTITY DEFAULT',
    'DROP INDEX CONCURRENTLY "public"."seen"',
  ])
})

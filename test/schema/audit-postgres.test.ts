/** What an audit asks instead of a full inspection sees every change that an inspection sees. */
import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { adminQuery } from '../support/postgres.ts'
import { databaseOf } from '../support/postgres-schemas.ts'

const ROLE = `audited_${randomBytes(4).toString('hex')}`

const SCHEMA = `create table one (id integer primary key, name text not null, at date);
  create table two (id integer, name varchar(10), primary key (id));
  create table parted (id integer, at date) partition by range (at);
  create table part partition of parted for values from ('2020-01-01') to ('2021-01-01');
  create index one_name on one (name);
  create index one_lower on one (lower(name));
  create sequence numbers;
  create view seen as select id, name from one;
  create rule kept as on delete to two do instead nothing;
  create function f() returns integer language sql as 'select 1';
  create function h() returns trigger language plpgsql as 'begin return new; end';
  create function e() returns event_trigger language plpgsql as 'begin null; end';
  create trigger touched before update on one for each row execute function h();
  create policy own on one using (id > 0);
  create type mood as enum ('good', 'bad');
  create type pair as (a integer, b text);
  create type span as range (subtype = integer);
  create domain small as integer check (value < 10);
  create aggregate total (integer) (sfunc = int4pl, stype = integer);
  create text search configuration words (copy = simple);
  create text search dictionary terms (template = simple);
  create foreign data wrapper far;
  create server away foreign data wrapper far;
  create foreign table distant (id integer) server away;
  create user mapping for public server away;
  create publication told for table one;
  create statistics couple on id, name from one;
  create collation sorted from "C";
  create conversion turned for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
  create function f2(mood) returns integer language sql as 'select 1';
  create operator family kin using btree;
  create event trigger watching on ddl_command_end execute function e();
  alter event trigger watching disable;
  grant select on two to ${ROLE}`

/** Each changes what the one before has left. */
const CHANGES: readonly string[] = [
  `alter table one alter name set default 'x'`,
  `alter table one alter name set default 'y'`,
  'alter table one alter name drop not null',
  'alter table one alter name set statistics 7',
  'alter table one alter name set storage external',
  'alter table one alter name set (n_distinct = 5)',
  'alter table one alter at type timestamptz',
  'alter table one add extra integer generated always as identity',
  'alter sequence one_extra_seq increment 5',
  'alter table one rename extra to more',
  'alter table one drop more',
  'alter table one add constraint positive check (id > 0) not valid',
  'alter table one validate constraint positive',
  'alter table one rename constraint positive to above',
  'alter table one add constraint upwards foreign key (id) references two deferrable',
  'alter table one alter constraint upwards not deferrable',
  'alter table one replica identity full',
  'alter table one set (fillfactor = 70)',
  'alter table one set (toast.autovacuum_enabled = off)',
  'alter table one cluster on one_name',
  'alter index one_name set (fillfactor = 60)',
  'alter index one_lower alter column 1 set statistics 9',
  'alter table one enable row level security',
  'alter table one disable trigger touched',
  'alter trigger touched on one rename to felt',
  'alter policy own on one using (id > 1)',
  'alter policy own on one rename to mine',
  'alter table two disable rule kept',
  'alter rule kept on two rename to still',
  'alter table parted detach partition part',
  `alter table parted attach partition part for values from ('2020-01-01') to ('2022-01-01')`,
  'alter table part add check (id > 5)',
  'alter sequence numbers maxvalue 100',
  'alter sequence numbers owned by one.id',
  'alter sequence numbers owned by two.id',
  `alter view seen alter name set default 'z'`,
  'create or replace view seen as select id, name, at from one',
  'alter view seen set (security_barrier = true)',
  `create or replace function f() returns integer language sql as 'select 2'`,
  'alter function f() cost 7',
  'alter function f() stable',
  'revoke execute on function f() from public',
  `alter type mood add value 'odd'`,
  `alter type mood rename value 'odd' to 'even'`,
  'alter type pair add attribute c date',
  'alter type span rename to reach',
  'alter domain small set default 3',
  'alter domain small drop constraint small_check',
  'create or replace aggregate total (integer) (sfunc = int4mul, stype = integer)',
  'alter text search configuration words alter mapping replace simple with terms',
  'alter text search dictionary terms (accept = false)',
  `alter foreign data wrapper far options (add a '1')`,
  `alter server away options (add b '2')`,
  `alter foreign table distant options (add c '3')`,
  `alter user mapping for public server away options (add d '4')`,
  'alter publication told set (publish = insert)',
  'alter publication told add table two',
  'alter publication told set table one (id)',
  'alter statistics couple set statistics 5',
  'alter statistics couple rename to together',
  'alter collation sorted rename to ordered',
  'alter conversion turned rename to changed',
  'alter operator family kin using btree rename to clan',
  'alter event trigger watching enable replica',
  'grant select on one to public',
  'grant update (name) on one to public',
  'alter default privileges grant select on tables to public',
  'create cast (mood as integer) with function f2(mood)',
  `comment on table one is 'first'`,
  `comment on column one.id is 'key'`,
  `comment on schema public is 'ours'`,
  'create schema extra',
  'alter schema extra rename to spare',
  'alter table two set schema spare',
  'create access method pile type table handler heap_tableam_handler',
  'drop table one cascade',
  `alter role ${ROLE} rename to ${ROLE}_later`,
]

interface Sight {
  readonly marker: string
  readonly catalogue: string
  readonly snapshot: string
}

async function look(session: SchemaSession): Promise<Sight> {
  return {
    marker: (await postgres.changeMarker?.(session)) ?? '',
    catalogue: await postgres.catalogueFingerprint(session),
    snapshot: (await postgres.inspect(session)).fingerprint,
  }
}

async function sessionOn(schema: string): Promise<SchemaSession> {
  const database = await databaseOf(schema)
  const session = await postgres.connect(database.dsn)
  onTestFinished(() => session.close())
  return session
}

test('every change is seen by the mark, and by the fingerprint when the schema is another', async () => {
  await adminQuery(`create role ${ROLE}`)
  onTestFinished(() => adminQuery(`drop role if exists ${ROLE}, ${ROLE}_later`).then(() => undefined))
  const session = await sessionOn(SCHEMA)
  let before = await look(session)
  expect(await look(session)).toEqual(before)
  const unseen: string[] = []
  for (const change of CHANGES) {
    await session.query(`set search_path = public; ${change}; set search_path = pg_catalog`)
    const after = await look(session)
    // A plan's guard makes the same text of the same schema, though it asks in one statement.
    await session.query(postgres.guard?.([after.catalogue]) ?? '')
    if (after.marker === before.marker) unseen.push(`mark: ${change}`)
    const different = after.snapshot !== before.snapshot
    if (different && after.catalogue === before.catalogue) unseen.push(`fingerprint: ${change}`)
    before = after
  }
  expect(unseen).toEqual([])
})

test('what is written and is no change of the schema leaves the mark as it is', async () => {
  const session = await sessionOn('create table one (id integer primary key, name text)')
  const before = await postgres.changeMarker?.(session)
  await session.query(`insert into public.one select n, 'x' from generate_series(1, 1000) n`)
  await session.query('vacuum (freeze, analyze)')
  await session.query('begin; create table public.never (id integer); rollback')
  expect(await postgres.changeMarker?.(session)).toBe(before)
})

/** They hold no schema: data, statistics, what is reported and not compared. */
const NO_SCHEMA = [
  'pg_init_privs',
  'pg_largeobject',
  'pg_largeobject_metadata',
  'pg_seclabel',
  'pg_statistic',
  'pg_statistic_ext_data',
  'pg_subscription_rel',
]

/** See the mark's own description. */
const WITH_OTHERS = [
  'pg_aggregate',
  'pg_amop',
  'pg_amproc',
  'pg_attrdef',
  'pg_inherits',
  'pg_partitioned_table',
  'pg_publication_namespace',
  'pg_publication_rel',
  'pg_range',
  'pg_ts_config_map',
  'pg_user_mapping',
]

test('no catalogue of this server is unknown to the mark', async () => {
  const session = await sessionOn(
    'create foreign data wrapper far; create server away foreign data wrapper far',
  )
  const asked: string[] = []
  const query = (sql: string): ReturnType<SchemaSession['query']> => {
    asked.push(sql)
    return session.query(sql)
  }
  await postgres.changeMarker?.({ ...session, query })
  const catalogues = await session.query(
    `select relname from pg_class where relnamespace = 11 and relkind = 'r' and not relisshared`,
  )
  const names = catalogues.map(({ relname }) => String(relname))
  const known = new Set([...NO_SCHEMA, ...WITH_OTHERS, ...asked.join(' ').match(/pg_[a-z_]+/gu)!])
  expect(names.filter((name) => !known.has(name))).toEqual([])
})

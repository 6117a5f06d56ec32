/** A schema, and changes of every kind to it that an audit must see. */
import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { adminQuery } from '../support/postgres.ts'

/** A role for `audited`; one of the changes gives it another name. Removed when the test ends. */
export async function auditedRole(): Promise<string> {
  const role = `audited_${randomBytes(4).toString('hex')}`
  await adminQuery(`create role ${role}`)
  onTestFinished(() => adminQuery(`drop role if exists ${role}, ${role}_later`).then(() => undefined))
  return role
}

/** @param role one that exists and is given a right */
export const audited = (
  role: string,
): string => `create table one (id integer primary key, name text not null, at date);
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
  grant select on two to ${role}`

/** Each changes what the one before has left. */
export const changesWith = (role: string): readonly string[] => [
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
  `grant delete on one to ${role} with grant option; grant delete on one to pg_monitor`,
  // Nothing but who has given it.
  `revoke delete on one from pg_monitor; set role ${role}; grant delete on public.one to pg_monitor; reset role`,
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
  `alter role ${role} rename to ${role}_later`,
]

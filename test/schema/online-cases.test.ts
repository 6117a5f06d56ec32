/**
 * What plans for tables in use do, seen in the server's own books: nothing is worked through while it is locked against
 * writers unless a hazard says so, nothing else is locked meanwhile, and what each step says of itself is true.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sharedServer } from '../support/postgres.ts'
import { type PrivateServer, startDebianServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { openStage, type Seen, type Stage, watch } from '../support/watched-plans.ts'

const TABLES = `create domain small as integer;
create type mood as enum ('fine', 'dull', 'bad');
create table people (id integer primary key, code integer);
create table orders (id integer not null, person integer, note varchar(20), total integer, made timestamp, spare text,
  price numeric(10, 2), net cidr, few small, mood mood, tags varchar(20)[], took interval(3), bits varbit(8),
  amount integer);
create view both_tables as select o.id, p.code from orders o join people p on p.id = o.person;
create table refs (id integer primary key);
create table parts (id integer not null, at integer not null, ref integer, value integer) partition by range (at);
create table parts_1 partition of parts for values from (0) to (100);
create table parts_2 partition of parts for values from (100) to (1000);
create table parts_3 (id integer not null, at integer not null, ref integer, value integer);
create materialized view totals as select person, sum(total) as total from orders group by person with no data;
create unique index totals_person on totals (person)`
const ROWS = `insert into people select n, n from generate_series(1, 200) n;
insert into orders select n, n, 'note', n, '2026-01-01', 'spare', n, '10.0.0.0/8', n, 'fine', '{a}', '1 day', b'1', n
  from generate_series(1, 200) n;
insert into refs select n from generate_series(0, 2000) n;
insert into parts select n, n, n, n from generate_series(0, 999) n;
insert into parts_3 select n, n, n, n from generate_series(1000, 1999) n;
refresh materialized view totals`

interface Case {
  /** What is done to the tables above. */
  readonly change: string
  /** More tables, made before. */
  readonly also?: string
  /** What is seen; all else is empty. */
  readonly seen?: Partial<Seen>
}

const REWRITTEN: Partial<Seen> = { rewritten: ['orders'], hazards: ['table-rewrite'] }
const NAMED: Partial<Seen> = { hazards: ['long-lock'] }
const retype = (column: string, type: string): Case => ({
  change: `alter table orders alter ${column} type ${type}`,
})
const REFERRING = 'alter table orders add constraint to_people foreign key (person) references people'

const CASES: Readonly<Record<string, Case>> = {
  'two tables are written anew, each by itself': {
    change: 'alter table orders alter amount type bigint; alter table refs alter id type bigint',
    seen: { rewritten: ['orders', 'refs'], hazards: ['table-rewrite'] },
  },
  'a table is written anew while others get small changes': {
    change: `alter table orders alter amount type bigint; alter table people add nick text;
      comment on table refs is 'x'; create view codes as select code from people`,
    seen: REWRITTEN,
  },
  'two tables under one view': {
    change: `drop view both_tables; alter table orders alter id type bigint; alter table people alter code type bigint;
      create view both_tables as select o.id, p.code from orders o join people p on p.id = o.person`,
    seen: {
      rewritten: ['orders', 'people'],
      together: ['orders'],
      hazards: ['long-lock', 'table-rewrite'],
    },
  },
  'a longer varchar': retype('note', 'varchar(40)'),
  'a varchar becomes text': retype('note', 'text'),
  'a shorter varchar': { ...retype('note', 'varchar(10)'), seen: REWRITTEN },
  'text becomes varchar without a limit': retype('spare', 'varchar'),
  'more digits': retype('price', 'numeric(12, 2)'),
  'digits without a limit': retype('price', 'numeric'),
  'more digits after the point': { ...retype('price', 'numeric(12, 4)'), seen: REWRITTEN },
  'a time with a zone': retype('made', 'timestamptz'),
  'a time with its full precision': retype('made', 'timestamp(6)'),
  'a time with less precision': { ...retype('made', 'timestamp(3)'), seen: REWRITTEN },
  'an interval of any precision': retype('took', 'interval'),
  'cidr becomes inet': retype('net', 'inet'),
  'integer becomes oid': retype('amount', 'oid'),
  'more bits': retype('bits', 'varbit(16)'),
  'an array of longer varchars': { ...retype('tags', 'varchar(40)[]'), seen: REWRITTEN },
  'a domain that takes all values': { ...retype('spare', 'words'), also: 'create domain words as text' },
  'a domain with a check': {
    ...retype('spare', 'words'),
    also: `create domain words as text check (value <> '')`,
    seen: REWRITTEN,
  },
  'a longer varchar under a check and indexes': {
    ...retype('note', 'varchar(40)'),
    also: `alter table orders add constraint noted check (note <> ''); create index plain on orders (note);
      create index lowered on orders (lower(note)); create index noted_only on orders (id) where note <> ''`,
  },
  'a longer varchar under a unique index of an expression': {
    ...retype('note', 'varchar(40)'),
    also: 'create unique index lowered on orders (lower(note), id)',
    seen: NAMED,
  },
  'another collation under an index': {
    ...retype('spare', 'text collate "C"'),
    also: 'create index spared on orders (spare)',
  },
  'a value of an enum goes': {
    change: `alter table orders alter mood type text; drop type mood; create type mood as enum ('fine', 'bad');
      alter table orders alter mood type mood using mood::mood`,
    seen: REWRITTEN,
  },
  'a column with a default for each row': {
    change: 'alter table orders add token uuid default gen_random_uuid()',
    seen: REWRITTEN,
  },
  'a column of a domain with a check': {
    change: 'alter table orders add plus positive',
    also: 'create domain positive as integer check (value > 0)',
    seen: REWRITTEN,
  },
  'a column with a default, a check, a key and a reference': {
    change: `alter table orders add extra integer default 1 check (extra > 0), add other integer unique references people`,
  },
  'several columns NOT NULL': {
    change: 'alter table orders alter person set not null, alter note set not null',
  },
  'a primary key of columns that may be null': {
    change: 'alter table orders add primary key (person, total)',
  },
  'a foreign key': { change: REFERRING },
  'a foreign key with another action': {
    also: REFERRING,
    change: `alter table orders drop constraint to_people; ${REFERRING} on delete cascade`,
  },
  'a key that others refer to': {
    also: REFERRING,
    change: `alter table orders drop constraint to_people; alter table people drop constraint people_pkey;
      alter table people add primary key (id) include (code); ${REFERRING}`,
  },
  'another unique constraint of the same name': {
    also: 'alter table orders add constraint once unique (id)',
    change:
      'alter table orders drop constraint once; alter table orders add constraint once unique (id, total)',
  },
  'another index of the same name': {
    also: 'create index found on orders (total)',
    change: 'drop index found; create index found on orders (id)',
  },
  'an index less': { also: 'create index found on orders (total)', change: 'drop index found' },
  'an exclusion': {
    change: 'alter table orders add constraint apart exclude using btree (id with =)',
    seen: NAMED,
  },
  'an identity on a column without an index': {
    change: 'alter table orders alter id add generated by default as identity',
    seen: NAMED,
  },
  'an identity on a key': { change: 'alter table people alter id add generated by default as identity' },
  'a check of a domain': {
    change: 'alter domain small add constraint tiny check (value < 1000)',
    seen: NAMED,
  },
  'a domain NOT NULL': { change: 'alter domain small set not null', seen: NAMED },
  'a trigger, a policy, statistics, settings': {
    also: `create function seen() returns trigger language plpgsql as 'begin return new; end'`,
    change: `create trigger seen before insert on orders for each row execute function seen();
      alter table orders enable row level security; create policy all_rows on orders using (true);
      create statistics both_columns on id, total from orders; alter table orders alter total set statistics 500;
      alter table orders set (fillfactor = 70); alter table orders alter note set storage external;
      comment on column orders.note is 'x'; grant select on orders to public`,
  },
  'an unlogged table': {
    change: 'alter table refs set unlogged',
    seen: { rewritten: ['refs'], hazards: ['table-rewrite'] },
  },
  'a materialized view of another query': {
    change: `drop materialized view totals; create materialized view totals as select person, max(total) as total
      from orders group by person; create unique index totals_person on totals (person);
      comment on materialized view totals is 'x'; grant select on totals to public`,
  },
  'a materialized view with a new column, under a view': {
    also: 'create view on_totals as select person from totals',
    change: `drop view on_totals; drop materialized view totals; alter table orders add rebate integer;
      create materialized view totals as select person, sum(rebate) as total from orders group by person;
      create unique index totals_person on totals (person); create view on_totals as select person from totals`,
  },
  'a materialized view over a column that changes': {
    change: `drop materialized view totals; alter table orders alter total type bigint;
      create materialized view totals as select person, sum(total) as total from orders group by person;
      create unique index totals_person on totals (person)`,
    seen: { rewritten: ['orders'], hazards: ['long-lock', 'table-rewrite'] },
  },
  'a partition is let go': { change: 'alter table parts detach partition parts_2' },
  'a partition is let go beside one that takes the rest': {
    also: 'create table parts_rest partition of parts default',
    change: 'alter table parts detach partition parts_2',
  },
  'a partition goes': { change: 'drop table parts_2' },
  'a partition comes, with a key, an index and a reference': {
    also: `create table parts_rest partition of parts default; alter table parts add primary key (id, at);
      create index parts_value on parts (value); alter table parts add foreign key (ref) references refs`,
    change: 'alter table parts attach partition parts_3 for values from (1000) to (2000)',
  },
  'a partitioned table gets a key, an index, a check, a reference': {
    change: `alter table parts add primary key (id, at), add check (value >= 0), alter value set not null,
      add foreign key (ref) references refs; create index on parts (value)`,
  },
}

const NOTHING: Seen = { rewritten: [], together: [], unnamed: [], hazards: [], wrong: [], left: [] }

function cases(stage: () => Stage, names = Object.keys(CASES)): void {
  test.each(names)('%s', async (name) => {
    const { also = 'select 1', change = '', seen = {} } = CASES[name] ?? {}
    const found = await watch(stage(), `${TABLES};${also}`, ROWS, change)
    expect(found.plan.steps).not.toEqual([])
    expect(found.seen).toEqual({ ...NOTHING, ...seen })
  })
}

describe('on PostgreSQL 18', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage(sharedServer())
  })
  afterAll(() => stage.close())
  cases(() => stage)

  test('what is proved of a table is proved in one statement', async () => {
    const change =
      'alter table orders alter person set not null, alter note set not null, alter total set not null'
    const { plan } = await watch(stage, TABLES, ROWS, change)
    expect(plan.steps.filter(({ sql }) => sql.includes('VALIDATE'))).toHaveLength(1)
  })
})

withProgram('postgres15').describe('on PostgreSQL 15', () => {
  let server: PrivateServer
  let stage: Stage
  beforeAll(async () => {
    server = await startDebianServer({ settings: { fsync: 'off' } })
    stage = await openStage(server)
  })
  afterAll(async () => {
    await stage.close()
    await server.remove()
  })
  // Where what is done there, or by the server, is another.
  const other = /NOT NULL|partition|materialized|identity|domain|key|view/
  cases(
    () => stage,
    Object.keys(CASES).filter((name) => other.test(name)),
  )
})

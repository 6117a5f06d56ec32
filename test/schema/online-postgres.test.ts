/**
 * Plans for tables in use: while a lock that stops writers is held, nothing may work for as long as the table is large.
 * Seen in the server's own books: the locks of the transaction, the rows that it read, the files that it wrote anew.
 */
import { expect, test } from 'vitest'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import { groupsFrom } from '../../src/schema/execute.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'

const TABLES = `create table customers (id integer primary key, email text);
create table orders (id integer not null, customer integer, total integer, note varchar(20), state text default 'new');
create table events (id integer, at date) partition by range (at);
create table events_may (id integer, at date);
create table events_rest partition of events default;`
const ROWS = `insert into customers select n, 'c' || n from generate_series(1, 100) n;
insert into orders select n, n, n, 'note', 'new' from generate_series(1, 100) n;
insert into events_may select n, date '2026-05-01' from generate_series(1, 100) n;
insert into events select n, date '2026-01-01' from generate_series(1, 100) n;`

/** What is done to the tables above. */
const CHANGES: Readonly<Record<string, string>> = {
  'an index': 'create index orders_customer on orders (customer)',
  'a unique index': 'create unique index orders_id on orders (id)',
  'a partial index with an expression': 'create index on orders (lower(note)) where total > 0',
  'a primary key': 'alter table orders add primary key (id)',
  'a unique constraint': 'alter table orders add unique (customer)',
  'a foreign key': 'alter table orders add foreign key (customer) references customers',
  'a check': 'alter table orders add constraint positive check (total > 0)',
  'not null': 'alter table orders alter column total set not null',
  'a column with a default': `alter table orders add channel text not null default 'web'`,
  'a wider text': 'alter table orders alter column note type varchar(40)',
  'a text without limit': 'alter table orders alter column note type text',
  'a default': 'alter table orders alter column total set default 0',
  'a column less': 'alter table orders drop column state',
  'a partition beside one that takes the rest': `alter table events attach partition events_may
    for values from ('2026-05-01') to ('2026-06-01')`,
  'all at once': `alter table orders add primary key (id), add foreign key (customer) references customers,
    alter column total set not null, add check (total < 1000); create index on orders (customer, total)`,
}

/** Locks that let nobody write. PostgreSQL manual, table 13.2. */
const STOPS_WRITERS = `('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`

interface Books {
  /** What stands for its contents on disk, and how many of its rows this session has read. */
  readonly file: string
  readonly read: string
  readonly stopsWriters: boolean
}

/** Of the tables that were there before the plan. */
async function booksOf(session: SchemaSession): Promise<Map<string, Books>> {
  const rows = await session.query(
    `select c.relname as name, c.relfilenode::text as file, s.seq_tup_read::text as read,
       exists (select from pg_catalog.pg_locks l where l.relation = c.oid and l.pid = pg_catalog.pg_backend_pid()
         and l.mode in ${STOPS_WRITERS})::text as stops
     from pg_catalog.pg_class c join pg_catalog.pg_stat_xact_user_tables s on s.relid = c.oid
     where c.relname in ('orders', 'customers', 'events_may', 'events_rest')`,
  )
  return new Map(
    rows.map(({ name, file, read, stops }) => [
      String(name),
      { file: String(file), read: String(read), stopsWriters: stops === 'true' },
    ]),
  )
}

/** Tables that are locked against writers, and were read or written anew as a whole since `before`. */
function heldUp(before: ReadonlyMap<string, Books>, now: ReadonlyMap<string, Books>): string[] {
  return [...now.keys()].filter((name) => {
    const [then, books] = [before.get(name), now.get(name)]
    return books?.stopsWriters === true && (books.read !== then?.read || books.file !== then.file)
  })
}

/** Runs a plan and watches it. @returns what was held up, by statement. */
async function watched(change: string, style: 'online' | 'plain'): Promise<string[]> {
  const [from, to] = [await databaseOf(TABLES + ROWS), await databaseOf(`${TABLES}${change}`)]
  const target = await inspected(to.dsn)
  const plan = makePlan(postgres, await inspected(from.dsn), target, { style })
  const session = await postgres.connect(from.dsn)
  const found: string[] = []
  try {
    for (const statement of postgres.preamble) await session.query(statement)
    for (const { begin, end, transactional } of groupsFrom(plan, 0)) {
      if (transactional) await session.query('begin')
      // The books also show what earlier transactions of the session read.
      const before = await booksOf(session)
      for (const { sql } of plan.steps.slice(begin, end)) {
        await session.query(sql)
        if (transactional && heldUp(before, await booksOf(session)).length > 0) found.push(sql)
      }
      if (transactional) await session.query('commit')
    }
  } finally {
    await session.close()
  }
  expect(diff(await inspected(from.dsn), target).map(({ id }) => id)).toEqual([])
  return found
}

test.each(Object.keys(CHANGES))('%s holds up no writer', async (name) => {
  expect(await watched(CHANGES[name] ?? '', 'online')).toEqual([])
})

test('a table that must be written anew for several reasons is written anew once', async () => {
  const change = `alter table orders alter column total type bigint, alter column note type varchar(10),
    add column token uuid not null default gen_random_uuid(), add column doubled bigint generated always as (id * 2) stored`
  const [from, to] = [await databaseOf(TABLES + ROWS), await databaseOf(`${TABLES}${change}`)]
  const target = await inspected(to.dsn)
  const plan = makePlan(postgres, await inspected(from.dsn), target, { style: 'online' })
  expect(plan.steps.filter(({ rewrites }) => rewrites)).toMatchObject([
    { hazards: expect.arrayContaining([expect.objectContaining({ name: 'table-rewrite' })]) },
  ])
  const session = await postgres.connect(from.dsn)
  for (const { sql } of plan.steps) await session.query(sql)
  await session.close()
  expect(diff(await inspected(from.dsn), target)).toEqual([])
})

test('plain plans do hold up writers, and are seen to', async () => {
  const blocking = [
    'an index',
    'a foreign key',
    'a check',
    'not null',
    'a primary key',
    'a partition beside one that takes the rest',
  ]
  for (const name of blocking) {
    expect([name, await watched(CHANGES[name] ?? '', 'plain')]).toEqual([name, [expect.any(String)]])
  }
})

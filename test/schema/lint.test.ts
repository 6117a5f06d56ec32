/** Versions written by hand, rehearsed on a real server: what is said of each statement, and what is not. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Scratch } from '../../src/schema/dialects/dialect.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { Finding } from '../../src/schema/lint/finding.ts'
import { openFindings } from '../../src/schema/lint/findings.ts'
import { lintVersion } from '../../src/schema/lint/lint.ts'
import { RehearsalPlace } from '../../src/schema/lint/rehearse.ts'
import { askSquawk, findSquawk } from '../../src/schema/lint/squawk.ts'
import type { HazardName } from '../../src/schema/plan/hazards.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { splitStatements } from '../../src/schema/statements.ts'
import { inspected } from '../support/postgres-schemas.ts'
import { adminClient, createDatabase, type TestDatabase } from '../support/postgres.ts'

const TABLES = `create table customers (id integer primary key, email text);
create table orders (id integer primary key, customer integer, total integer, note varchar(20), state text);
create materialized view totals as select sum(total) from orders;`

let source: Snapshot
let scratch: Scratch
let home: TestDatabase
beforeAll(async () => {
  home = await createDatabase('lint')
  const client = await adminClient(home.name)
  try {
    await client.query(TABLES)
  } finally {
    await client.end()
  }
  source = await inspected(home.dsn)
  scratch = await postgres.scratch(home.dsn)
})
afterAll(async () => {
  await scratch.close()
  await home.drop()
})

/** The tables alone, whatever was there before. */
async function placeOn(schema: Snapshot): Promise<RehearsalPlace> {
  await scratch.session.query('drop schema public cascade; create schema public')
  const place = await RehearsalPlace.open(postgres, { ...scratch, isOwnServer: false }, schema)
  onTestFinished(() => place.close())
  return place
}

async function rehearsed(
  sql: string,
  allow: readonly HazardName[] = [],
  schema: Snapshot = source,
): Promise<Finding[]> {
  const tools = { squawk: undefined, place: await placeOn(schema), allow }
  const input = { name: 'v', file: null, firstLine: 1, sql }
  return (await lintVersion(input, tools)).flatMap(({ findings }) => findings)
}

/** What is expected to be said of a statement on the tables above, by rule. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  'create index on orders (customer)': ['long-lock'],
  'create index concurrently on orders (customer)': ['not-atomic'],
  'create unique index concurrently on orders (customer)': ['may-fail', 'not-atomic'],
  'alter table orders add unique (customer)': ['long-lock', 'may-fail'],
  'alter table orders add foreign key (customer) references customers': ['long-lock', 'may-fail'],
  'alter table orders add foreign key (customer) references customers not valid': [],
  'alter table orders add check (total > 0)': ['long-lock', 'may-fail'],
  'alter table orders add check (total > 0) not valid': [],
  'alter table orders alter column state set not null': ['long-lock', 'may-fail'],
  'alter table orders add column x text': [],
  "alter table orders add column x text not null default 'web'": [],
  'alter table orders add column x text not null': ['long-lock', 'required-column'],
  'alter table orders add column x timestamptz default clock_timestamp()': ['table-rewrite'],
  'alter table orders add column x bigint generated always as identity': ['table-rewrite'],
  'alter table orders alter column note type text': [],
  'alter table orders alter column note type varchar(10)': ['table-rewrite', 'may-fail'],
  'alter table customers alter column id type bigint': ['table-rewrite'],
  'alter table orders alter column id type numeric(5, 2)': ['table-rewrite', 'may-fail'],
  'alter table orders drop column note': ['dropped-column'],
  'drop table customers': ['dropped-table'],
  'drop materialized view totals': ['dropped-table'],
  'truncate orders': ['removed-rows'],
  'delete from customers': ['removed-rows'],
  "update orders set state = 'new'": [],
  "insert into customers values (1, 'a')": [],
  'alter table orders rename column note to remark': ['renamed'],
  'alter table customers rename to clients': ['renamed'],
  'grant select on orders to public': ['access-change'],
  'alter table orders enable row level security': ['access-change'],
  'vacuum full orders': ['table-rewrite', 'not-atomic'],
  'reindex table orders': ['long-lock'],
  'create table fresh (id integer); create index on fresh (id); alter table fresh add check (id > 0)': [],
  'create table fresh as select * from customers; drop table fresh': [],
  'comment on table orders is $$seen$$': [],
  'create database beyond': ['not-rehearsed'],
  'alter table missing add column x text': ['fails'],
}

test.each(Object.keys(CASES))('%s', async (sql) => {
  expect((await rehearsed(sql)).map(({ rule }) => rule).toSorted()).toEqual(
    [...(CASES[sql] ?? [])].toSorted(),
  )
})

test('it says which statement, on which line, what it does to whom and what to write instead', async () => {
  const findings = await rehearsed('-- first\nselect 1;\n\nalter table orders\n  add check (total > 0);')
  expect(findings[0]).toEqual({
    version: 'v',
    file: null,
    statement: 2,
    line: 4,
    source: 'rehearsal',
    rule: 'long-lock',
    hazard: 'long-lock',
    level: 'error',
    message:
      'It reads public.orders from end to end under a lock (ACCESS EXCLUSIVE): nobody can read or write there meanwhile.',
    instead: 'Add orders_total_check with NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own.',
    allowed: false,
  })
})

describe('a lock that is kept', () => {
  const change = "alter table orders add column x text;\nupdate customers set email = 'a';"

  test('while a later statement of the transaction works through a table', async () => {
    const [finding, ...more] = await rehearsed(change)
    expect(more).toEqual([])
    expect(finding).toMatchObject({ rule: 'held-lock', hazard: 'long-lock', line: 2 })
    expect(finding?.message).toBe(
      'Locked since line 1 (ACCESS EXCLUSIVE) and not to be used while this works through public.customers: public.orders.',
    )
  })

  test('and not beyond its end', async () => {
    expect(await rehearsed(`begin; ${change.replace('\n', ' commit;\n')}`)).toEqual([])
  })
})

test('what is allowed by name, on the command line or in the version, stands in nobody’s way', async () => {
  const sql = 'drop table customers; create index on orders (total);'
  const open = async (text: string, allow: readonly HazardName[] = []): Promise<string[]> =>
    openFindings([
      { name: 'v', direction: 'upgrade', file: null, findings: await rehearsed(text, allow), rehearsed: [] },
    ]).map(({ rule }) => rule)
  expect(await open(sql)).toEqual(['dropped-table', 'long-lock'])
  expect(await open(sql, ['data-loss'])).toEqual(['long-lock'])
  expect(await open(`-- tenantry: allow data-loss, long-lock\n${sql}`)).toEqual([])
})

test('what fails is said with its reason; what came before it is still seen', async () => {
  const findings = await rehearsed(
    'create index on orders (total);\nselect no_such_column from orders;\nselect 1',
  )
  expect(findings.map(({ rule, line }) => `${rule} ${line}`)).toEqual(['long-lock 1', 'fails 2'])
  expect(findings[1]?.message).toMatch(/no_such_column.*SQLSTATE 42703/)
})

describe('the way back is tried after the way there', () => {
  const back = async (sql: string, downgrade: string): Promise<string[]> => {
    const tools = { squawk: undefined, place: await placeOn(source), allow: [] }
    const there = { file: null, firstLine: 1, sql }
    const versions = await lintVersion(
      { name: 'v', ...there, downgrade: { ...there, sql: downgrade } },
      tools,
    )
    return versions
      .filter(({ direction }) => direction === 'downgrade')
      .flatMap(({ findings }) => findings.map(({ level, rule, line }) => `${level} ${rule} ${line}`))
  }
  const ADD = 'alter table orders add column x text; create table more (id integer)'

  test('one that takes back what the version did is no concern, whatever it removes', async () => {
    expect(await back(ADD, 'drop table more; alter table orders drop column x')).toEqual([])
    expect(await back('alter table orders alter column note type text', 'select 1')).toEqual([
      'warning not-back 1',
    ])
  })

  test('it fails', async () => {
    expect(await back(ADD, 'drop table more;\nalter table orders drop column y')).toEqual(['error fails 2'])
  })

  test('it leaves something, which may stand in the way of the next try', async () => {
    expect(await back(ADD, 'alter table orders drop column x')).toEqual([
      'warning not-back 1',
      'error not-again 1',
    ])
    expect(
      await back('alter table orders alter column state drop not null', 'create index on orders (total)'),
    ).toEqual(['warning long-lock 1', 'warning not-back 1'])
  })

  test('it removes what was there before, or takes a lock for long', async () => {
    expect(await back(ADD, 'drop table more; alter table orders drop column x, drop column note')).toEqual([
      'warning dropped-column 1',
      'warning not-back 1',
    ])
  })

  test('the next version finds what this one has made', async () => {
    const place = await placeOn(source)
    const input = { name: 'v', file: null, firstLine: 1, sql: ADD }
    const tools = { squawk: undefined, place, allow: [] }
    await lintVersion(
      { ...input, downgrade: { ...input, sql: 'drop table more; alter table orders drop x' } },
      tools,
    )
    const [next] = await lintVersion({ ...input, sql: 'insert into more values (1)' }, tools)
    expect(next?.findings).toEqual([])
  })
})

test('partitions go by the name of their table', async () => {
  const parts = [1, 2, 3, 4, 5, 6].map(
    (at) => `create table part${at} partition of whole for values in (${at});`,
  )
  const place = await placeOn(source)
  await place.run({
    sql: `create table whole (at integer) partition by list (at); ${parts.join('')}`,
    firstLine: 1,
  })
  const sql = 'create index on whole (at);\nalter table whole add check (at > 0)'
  const tools = { squawk: undefined, place, allow: [] }
  const [version] = await lintVersion({ name: 'v', file: null, firstLine: 1, sql }, tools)
  expect(version?.findings.map(({ rule, line }) => `${line} ${rule}`)).toEqual([
    '1 long-lock',
    '2 long-lock',
    '2 may-fail',
  ])
  expect(version?.findings[0]?.message).toMatch(/^It reads public\.whole from end to end/)
  expect(version?.findings[0]?.instead).toMatch(/ATTACH PARTITION/)
  expect(version?.findings[1]?.instead).toMatch(/NOT VALID/)
})

test('a constraint that is deferred fails at the end of its transaction', async () => {
  const findings = await rehearsed(
    'alter table orders add foreign key (customer) references customers deferrable initially deferred not valid;\n' +
      'insert into orders (id, customer) values (1, 7)',
  )
  expect(findings.map(({ rule }) => rule)).toContain('fails')
})

test('tables that are known to be small are no concern', async () => {
  const objects = source.objects.map((one) =>
    one.kind === 'table' ? { ...one, facts: { ...one.facts, bytes: 8192 } } : one,
  )
  expect(await rehearsed('create index on orders (total)', [], { ...source, objects })).toEqual([])
})

describe('squawk', () => {
  const sql =
    "select 'ééé😀'; drop table é;\nalter table t alter column c type text;\nalter table t add d integer;"
  const ask = async (seen: readonly number[]): Promise<string[]> => {
    const program = await findSquawk()
    expect(program).toBeDefined()
    const said = await askSquawk(program ?? '', sql, splitStatements(sql), new Set(seen))
    return said.map(({ rule, statement, line, level }) => `${statement}:${line} ${level} ${rule}`)
  }

  test('its findings come with their statement and our hazards', async () => {
    expect(await ask([])).toEqual([
      '2:1 error squawk/ban-drop-table',
      '3:2 error squawk/changing-column-type',
      '4:3 note squawk/prefer-bigint-over-int',
    ])
  })

  test('a rehearsal counts more than what it concludes', async () => {
    expect(await ask([1, 2, 3, 4])).toEqual(['4:3 note squawk/prefer-bigint-over-int'])
  })
})

import { expect, test } from 'vitest'
import { stepsOf } from '../../src/schema/statements.ts'
import { errorOf } from './errors.ts'

/** Steps in short: the kind, then its statements. */
const stepsIn = (sql: string): string[] =>
  stepsOf(sql).map((step) => `${step.kind}: ${step.statements.map(({ text }) => text).join(' | ')}`)

test('neighbours share a transaction; what cannot run in one stands alone', () => {
  expect(stepsIn('select 1; select 2; vacuum; create index concurrently on t (a); select 3')).toEqual([
    'transaction: select 1 | select 2',
    'single: vacuum',
    'single: create index concurrently on t (a)',
    'transaction: select 3',
  ])
})

test('nothing has no steps', () => {
  expect(stepsOf('')).toEqual([])
  expect(stepsOf('-- nothing to do\n;;\n')).toEqual([])
  expect(stepsOf('begin; /* nothing */ commit; begin; commit;')).toEqual([])
})

test('the text of a step is the source, comments between statements included, safe to append to', () => {
  const [step] = stepsOf('-- head\nselect 1; -- one\n\n/* two */ select 2 -- tail\n;\n-- end\n')
  expect(step?.sql).toBe('select 1; -- one\n\n/* two */ select 2')
  expect(step?.statements.map(({ line }) => line)).toEqual([2, 4])
})

test('BEGIN and COMMIT mark steps and are left out', () => {
  const alembic = `BEGIN;
CREATE TABLE a (id int);
INSERT INTO alembic_version (version_num) VALUES ('a1');
COMMIT;
CREATE INDEX CONCURRENTLY i ON a (id);
BEGIN;
UPDATE alembic_version SET version_num='a2';
COMMIT;
`
  expect(stepsIn(alembic)).toEqual([
    "transaction: CREATE TABLE a (id int) | INSERT INTO alembic_version (version_num) VALUES ('a1')",
    'single: CREATE INDEX CONCURRENTLY i ON a (id)',
    "transaction: UPDATE alembic_version SET version_num='a2'",
  ])
  expect(
    stepsIn('select 0; begin work; select 1; commit work; start transaction; select 2; end; select 3'),
  ).toEqual([
    'transaction: select 0',
    'transaction: select 1',
    'transaction: select 2',
    'transaction: select 3',
  ])
})

test('savepoints stay inside of their step', () => {
  expect(stepsIn('savepoint a; select 1; rollback to a; release a')).toHaveLength(1)
})

test('with the directive everything outside of BEGIN … COMMIT stands alone', () => {
  const sql =
    '-- V7\n--  Tenantry: No-Transaction \nselect 1; select 2; begin; select 3; select 4; commit; select 5'
  expect(stepsIn(sql)).toEqual([
    'single: select 1',
    'single: select 2',
    'transaction: select 3 | select 4',
    'single: select 5',
  ])
})

test.each([
  ['select 1;\n-- tenantry: no-transaction\nselect 2'],
  ['/*\n-- tenantry: no-transaction\n*/ select 1; select 2'],
  ["select '\n-- tenantry: no-transaction\n'; select 2"],
  ['-- not tenantry: no-transaction\nselect 1; select 2'],
])('it is a line comment of its own before the first statement: %j', (sql) => {
  expect(stepsIn(sql)).toHaveLength(1)
})

test.each([
  ['select 1;\nrollback', 'Line 2: rollback cannot be part of a version'],
  ['abort', 'Line 1: abort cannot'],
  ["begin;\nprepare transaction 'x'", "Line 2: prepare transaction 'x' cannot"],
  ["commit prepared 'x'", 'cannot be part of a version'],
  ['begin isolation level serializable; select 1; commit', 'begin isolation level serializable cannot'],
  ['begin; select 1; commit and chain; select 2; commit', 'commit and chain cannot'],
  ['begin;\n\nbegin; commit; commit', 'Line 3: begin begins a transaction inside the one that line 1 began'],
  ['select 1;\ncommit', 'Line 2: commit has no BEGIN before it'],
  ['begin; commit;\nend', 'Line 2: end has no BEGIN'],
  ['\nbegin; select 1', 'Line 2: begin is never followed by COMMIT'],
])('%j is refused', async (sql, expected) => {
  const error = await errorOf(() => stepsOf(sql))
  expect(error.code).toBe('source_invalid')
  expect(error.message).toContain(expected)
  expect(error.facts.nextSteps).toHaveLength(1)
})

test('a statement that cannot run in the transaction around it: what to do, for Alembic too', async () => {
  const error = await errorOf(() =>
    stepsOf('BEGIN;\nselect 1;\ncreate index\n  concurrently i on t (a);\nCOMMIT;'),
  )
  expect(error.code).toBe('source_invalid')
  expect(error.message).toBe(
    'Line 3: create index concurrently i on t (a) cannot run inside the transaction that line 1 began',
  )
  expect(error.facts.nextSteps?.[0]).toContain('with op.get_context().autocommit_block():')
})

test('time grows with the text, not with its square', () => {
  const line = "insert into t values (1, 'it''s', E'x\\n', $a$ body; $a$, now() /* c */); -- z\n"
  const many = line.repeat(Math.ceil(10_000_000 / line.length))
  const one = `insert into t values ${"(1, 'a', null), ".repeat(625_000)} (1, 'a', null)`
  const oneLine = 'alter table a add column b int; '.repeat(312_500)
  for (const sql of [many, one, oneLine]) {
    const started = performance.now()
    expect(stepsOf(sql)).toHaveLength(1)
    // Generous: a loaded machine is slow, but work that grows with the square takes a minute here.
    expect(performance.now() - started).toBeLessThan(10_000)
  }
})

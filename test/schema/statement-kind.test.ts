import { expect, test } from 'vitest'
import { splitStatements } from '../../src/schema/statements.ts'
import { BLOCK_CASES } from './block-cases.ts'

const kindOf = (sql: string): string | undefined => splitStatements(sql)[0]?.kind

test.each(BLOCK_CASES)('$kind: $sql', ({ sql, kind }) => {
  expect(kindOf(sql)).toBe(kind)
})

test.each(BLOCK_CASES)('in any case, with comments and breaks: $sql', ({ sql, kind }) => {
  expect(kindOf(`/* ; */ ${sql.replaceAll(' ', ' /* a -- \n */ \t-- b\n').toUpperCase()}`)).toBe(kind)
})

test.each([
  'begin',
  'BEGIN WORK',
  'begin transaction isolation level serializable',
  'start transaction',
  'commit',
  'commit and chain',
  'commit work',
  'end',
  'end transaction',
  'rollback',
  'rollback work',
  'rollback and chain',
  'abort',
  "prepare transaction 'x'",
  "commit prepared 'x'",
  "rollback prepared 'x'",
  'Commit /* and */ -- so on\n',
])('control: %s', (sql) => {
  expect(kindOf(sql)).toBe('transaction-control')
})

test.each([
  'savepoint a',
  'release savepoint a',
  'rollback to a',
  'rollback work to savepoint a',
  'rollback transaction to a',
  'prepare p as select 1',
  'set transaction isolation level serializable',
  'create table start (begin int)',
])('no control: %s', (sql) => {
  expect(kindOf(sql)).toBe('transactional')
})

/**
 * Statements that work in several transactions of their own (CREATE INDEX CONCURRENTLY and its like) can die half
 * way and leave something behind: an index that is marked invalid, a partition that is half detached. What each
 * leaves is known; here it is found and cleared, or completed.
 */
import { literal } from '../../engine/sql.ts'
import type { Session } from '../../engine/session.ts'
import { createLexer } from '../../schema/sql-lexer.ts'

export type ConcurrentStatement =
  /** `index` is the name as written, unqualified; undefined when PostgreSQL chooses it. */
  | { readonly kind: 'create index'; readonly index: string | undefined; readonly table: string }
  | { readonly kind: 'drop index'; readonly index: string }
  | { readonly kind: 'reindex'; readonly object: 'index' | 'table'; readonly name: string }
  | { readonly kind: 'detach partition'; readonly table: string; readonly partition: string }
  /** Safe to run again from the start. */
  | { readonly kind: 'repeatable' }

/** What a statement is, from its words. Names come back as written, ready for `to_regclass`. */
export function readConcurrent(sql: string): ConcurrentStatement {
  const words = tokensOf(sql)
  const has = (word: string): boolean => words.includes(word)
  if (words[0] === 'create' && has('index')) return readCreateIndex(words)
  if (words[0] === 'drop' && words[1] === 'index') {
    const at = words[3] === 'if' ? 5 : 3
    return { kind: 'drop index', index: nameAt(words, at) }
  }
  if (words[0] === 'reindex') {
    const at = words.findIndex((word) => word === 'index' || word === 'table')
    if (at < 0) return { kind: 'repeatable' }
    const nameStart = words[at + 1] === 'concurrently' ? at + 2 : at + 1
    return {
      kind: 'reindex',
      object: words[at] === 'index' ? 'index' : 'table',
      name: nameAt(words, nameStart),
    }
  }
  const detach = words.indexOf('detach')
  if (words[0] === 'alter' && detach > 0) {
    let table = 2
    if (words[table] === 'if') table += 2
    if (words[table] === 'only') table += 1
    return { kind: 'detach partition', table: nameAt(words, table), partition: nameAt(words, detach + 2) }
  }
  return { kind: 'repeatable' }
}

function readCreateIndex(words: readonly string[]): ConcurrentStatement {
  let at = words.indexOf('concurrently') + 1
  if (words[at] === 'if') at += 3
  const named = words[at] !== 'on'
  const index = named ? words[at] : undefined
  let table = words.indexOf('on', at) + 1
  if (words[table] === 'only') table += 1
  return { kind: 'create index', index, table: nameAt(words, table) }
}

function tokensOf(sql: string): string[] {
  const lexer = createLexer(sql)
  const tokens: string[] = []
  while (lexer.next() !== 'end') tokens.push(lexer.text())
  return tokens
}

/** A name, qualified or not, that begins at token `at`. */
function nameAt(tokens: readonly string[], at: number): string {
  let name = tokens[at] ?? ''
  for (let next = at + 1; tokens[next] === '.'; next += 2) name += `.${tokens[next + 1] ?? ''}`
  return name
}

/** Object ids of the invalid indexes on a table. */
export async function invalidIndexes(session: Session, table: string): Promise<string[]> {
  const [result] = await session.query(
    `select indexrelid::pg_catalog.int8 from pg_catalog.pg_index
     where indrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${literal(table)}) and not indisvalid`,
    { keepRows: true },
  )
  return result?.rows.map((row) => row[0] ?? '') ?? []
}

/**
 * Clears or completes what an interrupted run left.
 * @param invalidBefore invalid indexes that were there before the first run: not ours to touch.
 * @returns true when the statement's work is complete, false when it must run (again).
 */
export async function recover(
  session: Session,
  statement: ConcurrentStatement,
  invalidBefore: readonly string[],
  wasStarted: boolean,
): Promise<boolean> {
  switch (statement.kind) {
    case 'create index':
      return recoverCreateIndex(session, statement, invalidBefore, wasStarted)
    case 'drop index':
      return (
        wasStarted && !(await exists(session, `select pg_catalog.to_regclass(${literal(statement.index)})`))
      )
    case 'reindex':
      await dropLeftOvers(session, statement, invalidBefore)
      return false
    case 'detach partition':
      return wasStarted && finishDetach(session, statement)
    case 'repeatable':
      return false
  }
}

async function recoverCreateIndex(
  session: Session,
  statement: { index: string | undefined; table: string },
  invalidBefore: readonly string[],
  wasStarted: boolean,
): Promise<boolean> {
  const { index, table } = statement
  if (index === undefined) {
    if (wasStarted)
      await dropIndexes(
        session,
        (await invalidIndexes(session, table)).filter((oid) => !invalidBefore.includes(oid)),
      )
    return false
  }
  const [result] = await session.query(
    `select i.indexrelid::pg_catalog.int8, i.indisvalid from pg_catalog.pg_index as i
     join pg_catalog.pg_class as t on t.oid OPERATOR(pg_catalog.=) i.indrelid
     join pg_catalog.pg_class as c on c.oid OPERATOR(pg_catalog.=) i.indexrelid
       and c.relnamespace OPERATOR(pg_catalog.=) t.relnamespace
     where t.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${literal(table)})
       and c.relname OPERATOR(pg_catalog.=) (pg_catalog.parse_ident(${literal(index)}))[1]::pg_catalog.name`,
    { keepRows: true },
  )
  const [oid, valid] = result?.rows[0] ?? []
  if (oid == null) return false
  if (valid === 't') return wasStarted
  // Also one that somebody else left: CREATE INDEX CONCURRENTLY IF NOT EXISTS would pass over it in silence.
  await dropIndexes(session, [oid])
  return false
}

async function dropLeftOvers(
  session: Session,
  statement: { object: 'index' | 'table'; name: string },
  invalidBefore: readonly string[],
): Promise<void> {
  const table = statement.object === 'table' ? statement.name : await tableOfIndex(session, statement.name)
  if (table === undefined) return
  const left = (await invalidIndexes(session, table)).filter((oid) => !invalidBefore.includes(oid))
  await dropIndexes(session, left, '_cc(new|old)[0-9]*$')
}

async function tableOfIndex(session: Session, index: string): Promise<string | undefined> {
  const [result] = await session.query(
    `select indrelid::pg_catalog.regclass from pg_catalog.pg_index
     where indexrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${literal(index)})`,
    { keepRows: true },
  )
  return result?.rows[0]?.[0] ?? undefined
}

async function dropIndexes(session: Session, oids: readonly string[], namePattern = ''): Promise<void> {
  for (const oid of oids) {
    const [result] = await session.query(
      `select oid::pg_catalog.regclass from pg_catalog.pg_class
       where oid OPERATOR(pg_catalog.=) ${literal(oid)}::pg_catalog.oid and relname OPERATOR(pg_catalog.~) ${literal(namePattern)}`,
      { keepRows: true },
    )
    const name = result?.rows[0]?.[0]
    // The name comes quoted and qualified from regclass.
    if (name != null) await session.query(`drop index concurrently ${name}`)
  }
}

/** A partition whose detaching began is either gone from the table or waits for FINALIZE. */
async function finishDetach(
  session: Session,
  statement: { table: string; partition: string },
): Promise<boolean> {
  const [result] = await session.query(
    `select inhdetachpending from pg_catalog.pg_inherits
     where inhrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${literal(statement.partition)})
       and inhparent OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${literal(statement.table)})`,
    { keepRows: true },
  )
  const pending = result?.rows[0]?.[0]
  if (pending === undefined) return true
  if (pending !== 't') return false
  await session.query(`alter table ${statement.table} detach partition ${statement.partition} finalize`)
  return true
}

async function exists(session: Session, sql: string): Promise<boolean> {
  const [result] = await session.query(sql, { keepRows: true })
  return result?.rows[0]?.[0] != null
}

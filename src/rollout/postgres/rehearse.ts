/** What can be tried inside a transaction of a statement that PostgreSQL refuses to run there. */
import { literal } from '../../engine/sql.ts'
import type { Session } from '../../engine/session.ts'
import { createLexer } from '../../schema/sql-lexer.ts'
import type { Step } from '../../schema/statements.ts'
import { readConcurrent } from './concurrent-index.ts'

/** Building an index blocks writes: tried only where it is a matter of milliseconds. */
const SMALL_TABLE_BYTES = 8 * 1024 * 1024

/**
 * A statement with the same effect that can run in a transaction and be rolled back, or undefined when there is
 * none that is harmless on this tenant.
 */
export async function rehearsalOf(
  session: Session,
  opening: readonly string[],
  step: Step,
): Promise<string | undefined> {
  const statement = readConcurrent(step.sql)
  if (statement.kind === 'drop index') return withoutConcurrently(step.sql)
  if (statement.kind !== 'create index') return undefined
  const size = `select pg_catalog.pg_total_relation_size(pg_catalog.to_regclass(${literal(statement.table)}))`
  const results = await session.query([...opening, size].join(';\n'), { keepRows: true })
  const bytes = results.at(-1)?.rows[0]?.[0]
  // A table that is not there yet may be made by an earlier statement of the change: then it is small.
  return bytes != null && Number(bytes) > SMALL_TABLE_BYTES ? undefined : withoutConcurrently(step.sql)
}

function withoutConcurrently(sql: string): string {
  const lexer = createLexer(sql)
  while (lexer.next() !== 'end') {
    if (lexer.kind === 'word' && lexer.text() === 'concurrently') {
      return sql.slice(0, lexer.start) + sql.slice(lexer.end)
    }
  }
  return sql
}

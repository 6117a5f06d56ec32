/** Putting the SQL of several revisions together so that it still runs as each of them asks. */
import { rulesFor, type VersionDialect } from '../version-dialects.ts'
import { hasNoTransactionDirective, NO_TRANSACTION_DIRECTIVE, stepsOf } from '../statements.ts'

export interface Piece {
  readonly sql: string
  /** Goes above it, as a comment. */
  readonly title?: string
}

/**
 * One text of several. When one of them runs outside a transaction, the whole text carries the directive, and the
 * others are put between BEGIN and COMMIT to keep their transactions.
 */
export function joinPieces(pieces: readonly Piece[], dialect: VersionDialect = 'postgres'): string {
  // Elsewhere each statement finds its own way: the directive says nothing.
  const mixed = dialect === 'postgres' && pieces.some(({ sql }) => hasNoTransactionDirective(sql))
  const texts = pieces.map(({ sql, title }) => {
    const heading = title === undefined ? '' : `-- ${title.replaceAll(/\s+/g, ' ')}\n`
    const body = mixed && !hasNoTransactionDirective(sql) ? explicit(sql) : withoutDirective(sql)
    return `${heading}${rulesFor(dialect).close(body).trim()}\n`
  })
  return (mixed ? `${NO_TRANSACTION_DIRECTIVE}\n` : '') + texts.join('\n')
}

/** The directive stands once, on top of the whole. */
function withoutDirective(sql: string): string {
  return sql.startsWith(`${NO_TRANSACTION_DIRECTIVE}\n`)
    ? sql.slice(NO_TRANSACTION_DIRECTIVE.length + 1)
    : sql
}

function explicit(sql: string): string {
  const steps = stepsOf(sql)
  if (steps.length === 0) return ''
  return steps
    .map((step) => (step.kind === 'transaction' ? `BEGIN;\n${step.sql};\nCOMMIT;\n` : `${step.sql};\n`))
    .join('\n')
}

/** A plan as a script for the sqlite3 program. */

/**
 * Text that `sqlite3 file.db < script` runs as it is: it stops at the first error, which leaves a transaction
 * uncommitted.
 * @param statements without their semicolons
 */
export function scriptOf(statements: readonly string[]): string {
  // A line of its own for the semicolon: a statement may end with a comment.
  const text = statements.map((statement) => `${statement}${/--[^\n]*$/.test(statement) ? '\n' : ''};`)
  return ['.bail on', ...text, ''].join('\n')
}

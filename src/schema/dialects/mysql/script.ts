/** A plan as a script for the mariadb and mysql programs. */

/**
 * Text that `mariadb database < script` runs as it is; it stops at the first error. The program takes comments out of
 * what it sends: where bodies of routines have some, run it as `mariadb --comments`.
 * @param statements without their semicolons
 */
export function scriptOf(statements: readonly string[]): string {
  return statements.flatMap(apart).map(chunk).join('')
}

/**
 * A statement between two settings as three. MySQL takes a semicolon behind a routine for a part of it, so nothing may
 * follow in the same message.
 */
export function apart(statement: string): readonly string[] {
  const [, before, sql, after] = /^(SET [^;]*);\n([^]*);\n(SET [^;]*)$/.exec(statement) ?? []
  return before === undefined ? [statement] : [before, sql ?? '', after ?? '']
}

/** A semicolon inside needs another mark at the end, and so may a comment at the end. */
function chunk(statement: string): string {
  const [comments = ''] = /^(?:-- [^\n]*\n)*/.exec(statement) ?? []
  const text = statement.slice(comments.length)
  if (!/;|--|#/.test(text)) return `${statement};\n`
  let mark = '$$'
  while (text.includes(mark)) mark += '$'
  return `${comments}DELIMITER ${mark}\n${text}\n${mark}\nDELIMITER ;\n`
}

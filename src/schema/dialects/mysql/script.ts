/** A plan as a script for the mariadb and mysql programs. */
import { SESSION_SETTINGS } from '../../../engine/mysql-connection.ts'

/**
 * Text that `mariadb database < script` runs as it is; it stops at the first error. The program takes comments out of
 * what it sends: where bodies of routines have some, run it as `mariadb --comments`.
 * @param statements without their semicolons
 */
export function scriptOf(statements: readonly string[]): string {
  return [SESSION_SETTINGS, ...statements].map(chunk).join('')
}

/** A semicolon inside needs another mark at the end, and so does a comment at the end. */
function chunk(statement: string): string {
  if (!/;|--|#/.test(statement)) return `${statement};\n`
  let mark = '$$'
  while (statement.includes(mark)) mark += '$'
  return `DELIMITER ${mark}\n${statement}\n${mark}\nDELIMITER ;\n`
}

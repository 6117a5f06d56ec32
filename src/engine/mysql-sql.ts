/** Quoting for MySQL and MariaDB: the counterpart of `sql.ts`, and the only place that does it. */
import { TenantryError } from '../lib/errors.ts'

const MAX_IDENTIFIER_CHARACTERS = 64

/**
 * An identifier in backticks.
 * @throws TenantryError `invalid_input` for an empty name, one with a NUL, or one longer than 64 characters.
 */
export function mysqlIdent(name: string): string {
  if (name === '' || name.includes('\0') || name.length > MAX_IDENTIFIER_CHARACTERS) {
    throw new TenantryError('invalid_input', `${JSON.stringify(name)} cannot be a name in the database.`)
  }
  return `\`${name.replaceAll('`', '``')}\``
}

/** A string constant, right whether backslashes escape (the default) or not: one that holds any is written in hex. */
export function mysqlLiteral(text: string): string {
  if (/[\\\0]/.test(text)) return `_utf8mb4 0x${Buffer.from(text).toString('hex')}`
  return `'${text.replaceAll("'", "''")}'`
}

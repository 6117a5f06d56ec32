/** Quoting of everything that becomes part of an SQL text: the only place that does it. */
import { TenantryError } from '../lib/errors.ts'

/** PostgreSQL truncates longer names silently, which makes two names one. */
const MAX_IDENTIFIER_BYTES = 63

/**
 * A quoted identifier.
 * @throws TenantryError `invalid_input` for an empty name, one with a NUL, or one longer than 63 bytes.
 */
export function ident(name: string): string {
  if (name === '' || name.includes('\0')) {
    throw new TenantryError('invalid_input', `${JSON.stringify(name)} cannot be a name in the database.`)
  }
  if (Buffer.byteLength(name) > MAX_IDENTIFIER_BYTES) {
    throw new TenantryError('invalid_input', `The name ${JSON.stringify(name)} is longer than 63 bytes.`, {
      nextSteps: ['Use a shorter name: PostgreSQL would cut it silently.'],
    })
  }
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A quoted string constant, safe whatever `standard_conforming_strings` says.
 * @throws TenantryError `invalid_input` for a text with a NUL, which PostgreSQL cannot hold.
 */
export function literal(text: string): string {
  if (text.includes('\0'))
    throw new TenantryError('invalid_input', 'A text with a NUL byte cannot be stored.')
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

/**
 * A quoted identifier of SQLite, where names may be as long as they like.
 * @throws TenantryError `invalid_input` for a name with a NUL.
 */
export function sqliteIdent(name: string): string {
  if (name.includes('\0')) {
    throw new TenantryError('invalid_input', `${JSON.stringify(name)} cannot be a name in the database.`)
  }
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A quoted string constant of SQLite, where a backslash is an ordinary character.
 * @throws TenantryError `invalid_input` for a text with a NUL, at which a statement would end.
 */
export function sqliteLiteral(text: string): string {
  if (text.includes('\0'))
    throw new TenantryError('invalid_input', 'A text with a NUL byte cannot be stored.')
  return `'${text.replaceAll("'", "''")}'`
}

/** One hash for a schema, from one query where the same text was seen before. */
import { createHash } from 'node:crypto'
import type { SchemaSession } from '../dialect.ts'
import { inspect } from './inspect/index.ts'

const QUERY = `SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> 'tenantry_ledger' ORDER BY type, name`

/** Fingerprints by the hash of what sqlite_schema holds: a fleet has few different ones. */
const known = new Map<string, string>()
const MOST_KNOWN = 1000

/**
 * Equal exactly when the schemas are, however they came to be: the text of sqlite_schema differs between a table
 * that was made and one that was altered, so a text that is new is looked at closely, once.
 */
export async function catalogueFingerprint(session: SchemaSession): Promise<string> {
  const rows = await session.query(QUERY)
  const text = createHash('sha256').update(JSON.stringify(rows)).digest('hex')
  const found = known.get(text)
  if (found !== undefined) return found
  const { fingerprint } = await inspect(session)
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(text, fingerprint)
  return fingerprint
}

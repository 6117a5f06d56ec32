/** One hash for the schema of a database. */
import type { SchemaSession } from '../dialect.ts'
import { inspect } from './inspect/index.ts'

/**
 * From the definitions themselves: information_schema does not show all of them (options of sequences, an index's
 * USING), and opens every table just like SHOW CREATE does.
 */
export async function catalogueFingerprint(session: SchemaSession): Promise<string> {
  return (await inspect(session)).fingerprint
}

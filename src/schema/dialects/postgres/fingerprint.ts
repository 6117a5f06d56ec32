import type { InspectOptions, SchemaSession } from '../dialect.ts'
import { inspect } from './inspect/index.ts'

/** Equal for two databases of one server version exactly when their schemas are. */
export async function catalogueFingerprint(
  session: SchemaSession,
  options?: InspectOptions,
): Promise<string> {
  return (await inspect(session, options)).fingerprint
}

/** The one lock of a tenant that is a database: whoever changes it holds it, and a session that ends gives it back. */
import type { SchemaSession } from '../dialect.ts'

/** Names of locks are the server's and at most 64 characters long. */
export const TENANT_LOCK = `CONCAT('tenantry:', MD5(DATABASE()))`

export async function lock(session: SchemaSession): Promise<boolean> {
  const [row] = await session.query(`SELECT GET_LOCK(${TENANT_LOCK}, 0) AS held`)
  return Number(row?.['held']) === 1
}

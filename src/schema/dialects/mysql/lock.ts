/** The one lock of a tenant that is a database: whoever changes it holds it, and a session that ends gives it back. */
import type { SchemaSession } from '../dialect.ts'

/** Names of locks are the server's and at most 64 characters long. MySQL 9.6 and later have no MD5 any more. */
export const TENANT_LOCK = `CONCAT('tenantry:', LEFT(SHA2(DATABASE(), 256), 32))`

export async function lock(session: SchemaSession): Promise<boolean> {
  const [row] = await session.query(`SELECT GET_LOCK(${TENANT_LOCK}, 0) AS held`)
  return Number(row?.['held']) === 1
}

import type { PlanStep } from '../../plan/plan.ts'
import type { SchemaSession } from '../dialect.ts'
import { ident } from '../../../engine/sql.ts'

/**
 * A CREATE INDEX CONCURRENTLY that was interrupted leaves its index behind, invalid: it costs every write and serves
 * no read. (PostgreSQL manual, "Building Indexes Concurrently".) Only indexes that the step names are dropped.
 */
export async function clearLeftovers(session: SchemaSession, step: PlanStep): Promise<void> {
  const rows = await session.query(
    `select n.nspname as schema, c.relname as name from pg_catalog.pg_index x
     join pg_catalog.pg_class c on c.oid = x.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where not x.indisvalid and c.relkind = 'i'`,
  )
  for (const row of rows) {
    const [schema, name] = [String(row['schema']), String(row['name'])]
    if (!step.sql.includes(ident(name))) continue
    await session.query(`drop index concurrently ${ident(schema)}.${ident(name)}`)
  }
}

import { ident, literal } from '../../../engine/sql.ts'
import type { PlanStep } from '../../plan/plan.ts'
import type { SchemaSession } from '../dialect.ts'

/**
 * CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY that were interrupted leave the index behind, invalid: it costs
 * every write, serves no read, and stands in the way of the next build. (PostgreSQL manual, "Building Indexes
 * Concurrently".) No snapshot tells of it, so a plan may stand before or after such a step. Only the index that the
 * step builds or drops is touched; one that a build of somebody else's is at work on is waited for, as long as the
 * step may.
 */
export async function clearLeftovers(
  session: SchemaSession,
  step: PlanStep,
  when: 'before' | 'applied',
): Promise<void> {
  // A DROP that is still to run can be repeated as it is; a build that counts as applied has left nothing.
  const leaves = when === 'before' ? /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY / : /^DROP INDEX CONCURRENTLY /
  if (!leaves.test(step.sql)) return
  const rows = await session.query(
    `select n.nspname as schema, c.relname as name, t.relname as table from pg_catalog.pg_index x
     join pg_catalog.pg_class c on c.oid = x.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     join pg_catalog.pg_class t on t.oid = x.indrelid
     where not x.indisvalid and c.relkind = 'i'`,
  )
  for (const row of rows) {
    const [schema, name, table] = [row['schema'], row['name'], row['table']].map((part) =>
      ident(String(part)),
    )
    const built = step.sql.includes(` CONCURRENTLY ${name} ON ${schema}.${table} `)
    const dropped = step.sql === `DROP INDEX CONCURRENTLY ${schema}.${name}`
    if (built || dropped) await session.query(`drop index concurrently ${schema}.${name}`)
  }
}

const DETACH = /^ALTER TABLE (.+) DETACH PARTITION (.+) CONCURRENTLY$/

/**
 * A DETACH PARTITION CONCURRENTLY that was interrupted has taken the partition out of the table for all but itself, and
 * cannot be begun again: all that can be done is to end it. (PostgreSQL manual, "ALTER TABLE".)
 */
export async function finishInterrupted(session: SchemaSession, step: PlanStep): Promise<boolean> {
  const [, parent = '', partition = ''] = DETACH.exec(step.sql) ?? []
  if (partition === '') return false
  const [row] = await session.query(
    `select from pg_catalog.pg_inherits where inhdetachpending
     and inhrelid = pg_catalog.to_regclass(${literal(partition)})
     and inhparent = pg_catalog.to_regclass(${literal(parent)})`,
  )
  if (row === undefined) return false
  await session.query(`alter table ${parent} detach partition ${partition} finalize`)
  return true
}

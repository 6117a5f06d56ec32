/**
 * Drizzle: `drizzle.__drizzle_migrations`. Known by the hash of the file: `created_at` is the time in the journal, by
 * which Drizzle decides and which moves when branches are joined.
 */
import type { NativeLedger } from './ledger.ts'

export const drizzle: NativeLedger = {
  tool: 'drizzle',
  table: '__drizzle_migrations',
  schemas: ['drizzle', ''],
  columns: ['hash', 'created_at'],
  select: (table) => `select created_at::text, hash::text, null, 'applied' from ${table} order by id`,
  reach: 'itself',
  byChecksum: true,
}

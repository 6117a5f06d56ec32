/**
 * Drizzle: `__drizzle_migrations`, on PostgreSQL in the schema `drizzle`. Known by the hash of the file: `created_at`
 * is the time in the journal, by which Drizzle decides and which moves when branches are joined. `id` orders nothing on
 * SQLite: its type is SERIAL there, which fills in no numbers.
 */
import type { NativeLedger } from './ledger.ts'

export const drizzle: NativeLedger = {
  tool: 'drizzle',
  table: '__drizzle_migrations',
  schemas: ['drizzle', ''],
  columns: ['hash', 'created_at'],
  rows: { id: 'created_at', checksum: 'hash', order: 'id, created_at' },
  reach: 'itself',
  byChecksum: true,
}

/** dbmate: `schema_migrations` with a row per version. */
import type { NativeLedger } from './ledger.ts'

export const dbmate: NativeLedger = {
  tool: 'dbmate',
  table: 'schema_migrations',
  schemas: [''],
  columns: ['version'],
  lacks: ['dirty'],
  rows: { id: 'version', order: 'version' },
  reach: 'itself',
}

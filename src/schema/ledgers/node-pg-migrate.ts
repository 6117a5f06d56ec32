/** node-pg-migrate: `pgmigrations` with the file names without their endings. */
import type { NativeLedger } from './ledger.ts'

export const nodePgMigrate: NativeLedger = {
  tool: 'node-pg-migrate',
  table: 'pgmigrations',
  schemas: [''],
  columns: ['id', 'name', 'run_on'],
  rows: { id: 'name', order: 'id' },
  reach: 'itself',
}

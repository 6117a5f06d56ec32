/** node-pg-migrate: `pgmigrations` with the file names without their endings. */
import { isoTime, type NativeLedger } from './ledger.ts'

export const nodePgMigrate: NativeLedger = {
  tool: 'node-pg-migrate',
  table: 'pgmigrations',
  schemas: [''],
  columns: ['id', 'name', 'run_on'],
  select: (table) => `select name::text, null, ${isoTime('run_on')}, 'applied' from ${table} order by id`,
  reach: 'itself',
}

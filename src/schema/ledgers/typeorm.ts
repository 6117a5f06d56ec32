/** TypeORM: `migrations` with the names of the classes. */
import type { NativeLedger } from './ledger.ts'

export const typeorm: NativeLedger = {
  tool: 'typeorm',
  table: 'migrations',
  schemas: [''],
  columns: ['id', 'timestamp', 'name'],
  select: (table) => `select name::text, null, null, 'applied' from ${table} order by timestamp, id`,
  reach: 'itself',
}

/** TypeORM: `migrations` with the names of the classes. */
import type { NativeLedger } from './ledger.ts'

export const typeorm: NativeLedger = {
  tool: 'typeorm',
  table: 'migrations',
  schemas: [''],
  columns: ['id', 'timestamp', 'name'],
  rows: { id: 'name', order: 'timestamp, id' },
  reach: 'itself',
}

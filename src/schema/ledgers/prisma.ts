/** Prisma: `_prisma_migrations`. A try that failed and was resolved stays as a row, beside the one that went through. */
import type { NativeLedger } from './ledger.ts'

export const prisma: NativeLedger = {
  tool: 'prisma',
  table: '_prisma_migrations',
  schemas: [''],
  columns: ['id', 'checksum', 'finished_at', 'migration_name', 'rolled_back_at', 'started_at'],
  rows: {
    id: 'migration_name',
    checksum: 'checksum',
    state: `case when finished_at is null then 'failed' else 'applied' end`,
    where: 'rolled_back_at is null',
    order: 'started_at, id',
  },
  reach: 'itself',
}

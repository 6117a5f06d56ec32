/** Prisma: `_prisma_migrations`. A try that failed and was resolved stays as a row, beside the one that went through. */
import { isoTime, type NativeLedger } from './ledger.ts'

export const prisma: NativeLedger = {
  tool: 'prisma',
  table: '_prisma_migrations',
  schemas: [''],
  columns: ['id', 'checksum', 'finished_at', 'migration_name', 'rolled_back_at', 'started_at'],
  select: (table) => `select migration_name::text, checksum::text, ${isoTime('finished_at')},
    case when finished_at is null then 'failed' else 'applied' end
    from ${table} where rolled_back_at is null order by started_at, id`,
  reach: 'itself',
}

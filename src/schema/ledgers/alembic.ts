/** Alembic: `alembic_version` has the heads, each of which stands for all that it builds on. */
import type { NativeLedger } from './ledger.ts'

export const alembic: NativeLedger = {
  tool: 'alembic',
  table: 'alembic_version',
  schemas: [''],
  columns: ['version_num'],
  select: (table) => `select version_num::text, null, null, 'applied' from ${table} order by 1`,
  reach: 'what it requires',
}

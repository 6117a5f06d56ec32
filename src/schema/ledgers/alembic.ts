/** Alembic: `alembic_version` has the heads, each of which stands for all that it builds on. */
import type { NativeLedger } from './ledger.ts'

export const alembic: NativeLedger = {
  tool: 'alembic',
  table: 'alembic_version',
  schemas: [''],
  columns: ['version_num'],
  rows: { id: 'version_num', order: 'version_num' },
  reach: 'what it requires',
}

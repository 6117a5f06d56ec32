/** Sequelize: `"SequelizeMeta"` with the file names; umzug's storage has the same form. */
import { withoutExtension } from './knex.ts'
import type { NativeLedger } from './ledger.ts'

export const sequelize: NativeLedger = {
  tool: 'sequelize',
  table: 'SequelizeMeta',
  schemas: [''],
  columns: ['name'],
  rows: { id: 'name', order: 'name' },
  keyOf: withoutExtension,
  reach: 'itself',
}

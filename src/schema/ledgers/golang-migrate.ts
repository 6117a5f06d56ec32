/** golang-migrate: `schema_migrations` with one row, the version up to which all is there, and whether it broke off. */
import { type NativeLedger, plainNumber } from './ledger.ts'

export const golangMigrate: NativeLedger = {
  tool: 'golang-migrate',
  table: 'schema_migrations',
  schemas: [''],
  columns: ['version', 'dirty'],
  rows: {
    id: 'version',
    state: `case when dirty then 'unfinished' else 'applied' end`,
    where: 'version >= 0',
    order: 'version',
  },
  keyOf: plainNumber,
  reach: 'all before',
}

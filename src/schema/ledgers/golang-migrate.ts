/** golang-migrate: `schema_migrations` with one row, the version up to which all is there, and whether it broke off. */
import { type NativeLedger, plainNumber } from './ledger.ts'

export const golangMigrate: NativeLedger = {
  tool: 'golang-migrate',
  table: 'schema_migrations',
  schemas: [''],
  columns: ['version', 'dirty'],
  select: (table) =>
    `select version::text, null, null, case when dirty then 'unfinished' else 'applied' end from ${table} where version >= 0`,
  keyOf: plainNumber,
  reach: 'all before',
}

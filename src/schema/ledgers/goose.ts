/** goose: `goose_db_version` with a row per migration; older ones of its versions added rows for what was undone. */
import { isoTime, type NativeLedger, plainNumber } from './ledger.ts'

export const goose: NativeLedger = {
  tool: 'goose',
  table: 'goose_db_version',
  schemas: [''],
  columns: ['id', 'version_id', 'is_applied'],
  // The row of version 0 says that the table was made.
  select: (table) => `select version_id::text, null, ${isoTime('tstamp')},
    case when is_applied then 'applied' else 'undone' end from ${table} where version_id <> 0 order by id`,
  keyOf: plainNumber,
  reach: 'itself',
}

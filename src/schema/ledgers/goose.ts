/** goose: `goose_db_version` with a row per migration; older ones of its versions added rows for what was undone. */
import { type NativeLedger, plainNumber } from './ledger.ts'

export const goose: NativeLedger = {
  tool: 'goose',
  table: 'goose_db_version',
  schemas: [''],
  columns: ['id', 'version_id', 'is_applied'],
  rows: {
    id: 'version_id',
    state: `case when is_applied then 'applied' else 'undone' end`,
    // The row of version 0 says that the table was made.
    where: 'version_id <> 0',
    order: 'id',
  },
  keyOf: plainNumber,
  reach: 'itself',
}

/**
 * Atlas: `atlas_schema_revisions` in a schema of the same name, or in the one that it manages. The type is a set of
 * bits: 1 baseline, 2 executed, 4 marked as done by hand.
 */
import type { NativeLedger } from './ledger.ts'

export const atlas: NativeLedger = {
  tool: 'atlas',
  table: 'atlas_schema_revisions',
  schemas: ['atlas_schema_revisions', ''],
  columns: ['version', 'type', 'applied', 'total', 'hash', 'executed_at', 'error'],
  rows: {
    id: 'version',
    checksum: `nullif(hash, '')`,
    state: `case when type = 1 then 'baseline' when error is not null and error <> '' and type & 4 = 0 then 'failed'
      when applied < total and type & 4 = 0 then 'unfinished' else 'applied' end`,
    where: `version not like '.%'`,
    order: 'version',
  },
  reach: 'itself',
}

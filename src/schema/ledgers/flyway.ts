/**
 * Flyway: `flyway_schema_history`, a row per thing done in order of `installed_rank`: migrations, undos, baselines,
 * repeatable ones (without a version), markers of deletion.
 */
import type { NativeLedger } from './ledger.ts'

export const flyway: NativeLedger = {
  tool: 'flyway',
  table: 'flyway_schema_history',
  schemas: [''],
  columns: ['installed_rank', 'version', 'type', 'script', 'checksum', 'success'],
  rows: {
    id: 'coalesce(version, script)',
    checksum: 'checksum',
    state: `case when not success then 'failed' when type like 'UNDO%' or type = 'DELETE' then 'undone'
      when type in ('BASELINE', 'SQL_BASELINE', 'JDBC_BASELINE') then 'baseline' else 'applied' end`,
    where: `type <> 'SCHEMA'`,
    order: 'installed_rank',
  },
  keyOf: (id) =>
    /^[\d._]+$/.test(id)
      ? id
          .split(/[._]/)
          .map(plainPart)
          .join('.')
          .replace(/(?:\.0)+$/, '')
      : id,
  reach: 'itself',
}

function plainPart(digits: string): string {
  return String(BigInt(digits === '' ? '0' : digits))
}

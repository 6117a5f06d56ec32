/**
 * Flyway: `flyway_schema_history`, a row per thing done in order of `installed_rank`: migrations, undos, baselines,
 * repeatable ones (without a version), markers of deletion.
 */
import { isoTime, type NativeLedger } from './ledger.ts'

export const flyway: NativeLedger = {
  tool: 'flyway',
  table: 'flyway_schema_history',
  schemas: [''],
  columns: ['installed_rank', 'version', 'type', 'script', 'checksum', 'success'],
  select: (
    table,
  ) => `select coalesce(version::text, script::text), checksum::text, ${isoTime('installed_on')},
    case when not success then 'failed' when type::text like 'UNDO%' or type::text = 'DELETE' then 'undone'
      when type::text in ('BASELINE', 'SQL_BASELINE', 'JDBC_BASELINE') then 'baseline' else 'applied' end
    from ${table} where type::text <> 'SCHEMA' order by installed_rank`,
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

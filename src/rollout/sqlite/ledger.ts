/** The ledger in a tenant that is a SQLite file. */
import { sqliteLiteral } from '../../engine/sql.ts'
import type { SqliteFile } from '../../engine/sqlite-file.ts'

export interface LedgerRow {
  readonly checksum: string
  readonly rolloutId: string
}

const CREATE = `CREATE TABLE IF NOT EXISTS main.tenantry_ledger (
  version_id TEXT NOT NULL PRIMARY KEY,
  checksum TEXT NOT NULL,
  rollout_id TEXT NOT NULL,
  applied_at TEXT NOT NULL
) WITHOUT ROWID`

const EXISTS = `SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'tenantry_ledger'`

/** The versions that a tenant has; none where there is no ledger. */
export function readLedger(file: SqliteFile): Map<string, LedgerRow> {
  if (file.run(EXISTS).length === 0) return new Map()
  const rows = file.run(
    'SELECT version_id, checksum, rollout_id FROM main.tenantry_ledger ORDER BY version_id',
  )
  return new Map(
    rows.map((row) => [
      row['version_id'] as string,
      { checksum: row['checksum'] as string, rolloutId: row['rollout_id'] as string },
    ]),
  )
}

/** Makes the ledger where there is none. */
export function insertRow(file: SqliteFile, versionId: string, row: LedgerRow): void {
  file.run(CREATE)
  const values = [versionId, row.checksum, row.rolloutId].map(sqliteLiteral).join(', ')
  file.run(
    `INSERT INTO main.tenantry_ledger (version_id, checksum, rollout_id, applied_at)
     VALUES (${values}, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`,
  )
}

export function deleteRow(file: SqliteFile, versionId: string): void {
  file.run(`DELETE FROM main.tenantry_ledger WHERE version_id = ${sqliteLiteral(versionId)}`)
}

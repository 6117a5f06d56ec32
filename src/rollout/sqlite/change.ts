/** From a version to what runs on each SQLite tenant: statements in one transaction, settings before it. */
import { sqliteStepsOf, type SqliteSteps } from '../../schema/dialects/sqlite/version-steps.ts'
import type { Direction } from '../change.ts'

export interface SqliteChange extends SqliteSteps {
  readonly versionId: string
  readonly checksum: string
  readonly direction: Direction
}

interface VersionText {
  readonly version_id: string
  readonly checksum: string
  readonly upgrade_sql: string
  readonly downgrade_sql: string | null
}

/** @throws TenantryError `source_invalid` for statements that cannot run in the ledger row's transaction */
export function sqliteChangeOf(version: VersionText, direction: Direction): SqliteChange {
  const sql = direction === 'upgrade' ? version.upgrade_sql : (version.downgrade_sql ?? '')
  return {
    versionId: version.version_id,
    checksum: version.checksum,
    direction,
    ...sqliteStepsOf(sql),
  }
}

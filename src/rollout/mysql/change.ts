/** From a version to what runs on each MySQL tenant. */
import {
  mysqlStepsOf,
  type MysqlStatement,
  type MysqlStep,
} from '../../schema/dialects/mysql/version-steps.ts'
import type { Version } from '../../schema/versions.ts'
import type { Direction, RolloutWork } from '../change.ts'

export interface MysqlChange {
  readonly versionId: string
  readonly checksum: string
  readonly direction: Direction
  readonly steps: readonly MysqlStep[]
  /** Of all steps. */
  readonly statements: readonly MysqlStatement[]
}

/** What runs on one tenant, whichever tenant it is. */
export interface MysqlWork extends Pick<
  RolloutWork,
  'rolloutId' | 'direction' | 'undoOf' | 'dryRun' | 'maxAttempts'
> {
  /** In the order of application. */
  readonly changes: readonly MysqlChange[]
}

/** @throws TenantryError `source_invalid` for statements that no version can hold */
export function mysqlChangeOf(version: Version, direction: Direction): MysqlChange {
  const steps = mysqlStepsOf(direction === 'upgrade' ? version.upgrade_sql : (version.downgrade_sql ?? ''))
  return {
    versionId: version.version_id,
    checksum: version.checksum,
    direction,
    steps,
    statements: steps.flatMap(({ statements }) => statements),
  }
}

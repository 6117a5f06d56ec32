/** Stops a change that was planned for one schema where it meets another. */
import { DatabaseFailure } from '../../../engine/failure.ts'
import type { SqliteFile } from '../../../engine/sqlite-file.ts'
import { inspectNow } from './inspect/index.ts'

/** SQLite has no hash of its own: a function of Tenantry's, there while a version is applied. */
export const GUARD = 'tenantry_schema_is_one_of'

/** Fails with TN010 unless the schema has one of the fingerprints that it is called with. */
export function defineGuard(file: SqliteFile): void {
  file.define(GUARD, (...accepted) => {
    const { fingerprint } = inspectNow((sql) => file.run(sql))
    if (accepted.includes(fingerprint)) return 1
    throw new DatabaseFailure('TN010', 'the schema has changed since this change was planned')
  })
}

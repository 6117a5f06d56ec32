/** What a snapshot is after a rename: SQLite itself does it, in memory, and all that mentions the name follows. */
import { DatabaseFailure } from '../../../engine/failure.ts'
import { TenantryError } from '../../../lib/errors.ts'
import { idOf, type SchemaObject, type Snapshot } from '../../snapshot/snapshot.ts'
import { withSchema } from './in-memory.ts'
import { inspectNow } from './inspect/index.ts'
import { renameStatement } from './rules/rename.ts'

/**
 * @param name the new name path
 * @throws TenantryError `invalid_input` when SQLite refuses, e.g. because a view is broken
 */
export function rename(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): Snapshot {
  try {
    return withSchema(snapshot, (file) => {
      file.run(renameStatement(from, name))
      return { ...inspectNow((sql) => file.run(sql)), serverVersion: snapshot.serverVersion }
    })
  } catch (thrown) {
    if (!(thrown instanceof DatabaseFailure)) throw thrown
    throw new TenantryError('invalid_input', `${idOf(from)} cannot be renamed: ${thrown.message}`, {
      cause: thrown,
      nextSteps: ['Leave the rename out, or put in order first what SQLite complains about.'],
    })
  }
}

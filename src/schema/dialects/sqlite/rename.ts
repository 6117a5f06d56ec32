/** What a snapshot is after a rename: SQLite itself does it, in memory, and all that mentions the name follows. */
import { SqliteFile } from '../../../engine/sqlite-file.ts'
import { DatabaseFailure } from '../../../engine/failure.ts'
import { TenantryError } from '../../../lib/errors.ts'
import { idOf, type SchemaObject, type Snapshot } from '../../snapshot/snapshot.ts'
import { inspectNow } from './inspect/index.ts'
import { renameStatement } from './rules/rename.ts'

/**
 * @param name the new name path
 * @throws TenantryError `invalid_input` when SQLite refuses, e.g. because a view is broken
 */
export function rename(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): Snapshot {
  const file = SqliteFile.open(':memory:', { busyMs: 0 })
  try {
    for (const statement of statementsOf(snapshot)) file.run(statement)
    file.run(renameStatement(from, name))
    return { ...inspectNow((sql) => file.run(sql)), serverVersion: snapshot.serverVersion }
  } catch (thrown) {
    if (!(thrown instanceof DatabaseFailure)) throw thrown
    throw new TenantryError('invalid_input', `${idOf(from)} cannot be renamed: ${thrown.message}`, {
      cause: thrown,
      nextSteps: ['Leave the rename out, or put in order first what SQLite complains about.'],
    })
  } finally {
    file.close()
  }
}

/** The statements that make a schema, in the order in which it was made. */
function statementsOf(snapshot: Snapshot): string[] {
  return snapshot.objects
    .filter(({ facts }) => typeof facts?.['sql'] === 'string')
    .toSorted((a, b) => Number(a.facts?.['position']) - Number(b.facts?.['position']))
    .map(({ facts }) => facts?.['sql'] as string)
}

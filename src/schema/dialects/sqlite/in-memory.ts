/** A schema made in memory, where SQLite itself can be asked about it. */
import { DatabaseFailure } from '../../../engine/failure.ts'
import { SqliteFile } from '../../../engine/sqlite-file.ts'
import type { Snapshot } from '../../snapshot/snapshot.ts'

/** @throws DatabaseFailure when this SQLite cannot make it, e.g. for want of a module */
export function withSchema<T>(snapshot: Snapshot, work: (file: SqliteFile) => T): T {
  const file = SqliteFile.open(':memory:', { busyMs: 0 })
  try {
    for (const statement of statementsOf(snapshot)) file.run(statement)
    return work(file)
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

const known = new WeakMap<Snapshot, boolean>()

/**
 * Whether all views and triggers find what they name. Where one does not, SQLite refuses to drop or rename any
 * column of any table.
 */
export function isSound(snapshot: Snapshot): boolean {
  const found = known.get(snapshot) ?? tryDrop(snapshot)
  known.set(snapshot, found)
  return found
}

function tryDrop(snapshot: Snapshot): boolean {
  try {
    return withSchema(snapshot, (file) => {
      file.run('PRAGMA legacy_alter_table = ON')
      file.run('CREATE TABLE "tenantry probe" (a, b)')
      file.run('ALTER TABLE "tenantry probe" DROP COLUMN b')
      return true
    })
  } catch (thrown) {
    if (thrown instanceof DatabaseFailure) return false
    throw thrown
  }
}

/** RENAME TO and RENAME COLUMN: SQLite follows the name in indexes, triggers, views and foreign keys. */
import { sqliteIdent } from '../../../../engine/sql.ts'
import type { Action } from '../../../plan/action.ts'
import type { Renamed } from '../../../diff/diff.ts'
import type { SchemaObject } from '../../../snapshot/snapshot.ts'
import { action, joined, writtenName } from './actions.ts'

/** @param name the new name path */
export function renameStatement(from: SchemaObject, name: readonly string[]): string {
  const to = sqliteIdent(name.at(-1) as string)
  if (from.kind !== 'column') return `ALTER TABLE ${sqliteIdent(writtenName(from))} RENAME TO ${to}`
  const table = sqliteIdent(from.name[0] as string)
  return `ALTER TABLE ${table} RENAME COLUMN ${sqliteIdent(writtenName(from))} TO ${to}`
}

/** In the legacy mode of a plan's session only the table itself would take the new name. */
export function renameActions({ from, to }: Renamed): readonly Action[] {
  return [
    action(
      joined([
        'PRAGMA legacy_alter_table = OFF',
        renameStatement(from, to.name),
        'PRAGMA legacy_alter_table = ON',
      ]),
    ),
  ]
}

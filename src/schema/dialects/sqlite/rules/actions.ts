/** What all rules of SQLite have in common. */
import type { Action } from '../../../plan/action.ts'
import { objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'

/** The one lock of the file: readers go on in WAL mode, and wait for the commit in the others. */
const LOCK = 'exclusive'

export function action(sql: string, rest: Omit<Action, 'sql' | 'lock'> = {}): Action {
  return { sql, lock: LOCK, ...rest }
}

/** Statements that are one step. */
export function joined(statements: readonly string[]): string {
  return statements.join(';\n')
}

/** A text that the snapshot keeps beside the properties. */
export function fact(object: SchemaObject | undefined, name: 'sql' | 'name' | 'definition'): string {
  return (object?.facts?.[name] as string | undefined) ?? ''
}

/** The name as it is written where the object is made. */
export function writtenName(object: SchemaObject): string {
  return fact(object, 'name') || (object.name.at(-1) as string)
}

/** Id of the table of a column, constraint, index or trigger. */
export function tableOf(object: SchemaObject): string {
  return object.parent ?? objectId('table', object.name[0] as string)
}

/** A property that is a text. */
export function textOf(object: SchemaObject, name: string): string {
  return (object.properties[name] as string | null | undefined) ?? ''
}

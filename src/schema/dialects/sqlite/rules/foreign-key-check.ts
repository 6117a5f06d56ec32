/** After a rebuild, and before the commit: rows must satisfy the foreign keys that the plan adds or changes. */
import { sqliteLiteral } from '../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import { sameJson, type Json } from '../../../snapshot/canonical.ts'
import { byCodePoint, idOf, objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { fold } from '../text/tokens.ts'
import { action, joined, writtenName, textOf } from './actions.ts'
import { failsWhere } from './fails-where.ts'
import { tableChange } from './table-change.ts'

/**
 * Checks for the foreign keys from and to a rebuilt table. A key that this plan leaves alone needs none: the rows
 * are copied as they are, and what was broken before is not the plan's business.
 */
export function foreignKeyChecks(context: RuleContext, rebuilt: string): Action[] {
  return context.target.objects
    .filter((object) => object.kind === 'foreign_key')
    .filter(
      (key) => speaker(context, key) === rebuilt && mayBreak(context, key) && canBeChecked(context, key),
    )
    .map((key) => checkAction(context, key))
}

function childOf(key: SchemaObject): string {
  return objectId('table', key.name[0] as string)
}

function parentOf(key: SchemaObject): string {
  return objectId('table', fold(textOf(key, 'parent')))
}

/** Of the tables that a key connects, the first that is rebuilt: its step brings the check. */
function speaker(context: RuleContext, key: SchemaObject): string | undefined {
  return [childOf(key), parentOf(key)]
    .toSorted(byCodePoint)
    .find((id) => tableChange(context, id).way === 'rebuild')
}

function mayBreak(context: RuleContext, key: SchemaObject): boolean {
  const before = context.before(idOf(key))
  if (before === undefined) return true
  const told = ['columns', 'parent', 'parentColumns'] as const
  if (told.some((name) => !sameJson(before.properties[name] as Json, key.properties[name] as Json)))
    return true
  const changed = new Set(
    [childOf(key), parentOf(key)].flatMap((id) => tableChange(context, id).parts.map((part) => part.id)),
  )
  const child = columnIds(key.name[0] as string, key.properties['columns'])
  const parent = columnIds(parentName(key), parentColumns(context, key))
  return [...child, ...parent].some((id) => changed.has(id))
}

function columnIds(table: string, columns: Json | undefined): string[] {
  return Array.isArray(columns) ? columns.map((name) => objectId('column', table, fold(String(name)))) : []
}

function parentName(key: SchemaObject): string {
  return fold(textOf(key, 'parent'))
}

/** The columns that a key refers to: those it names, or the primary key. */
function parentColumns(context: RuleContext, key: SchemaObject): readonly string[] {
  const named = key.properties['parentColumns']
  if (Array.isArray(named)) return named.map((name) => fold(String(name)))
  const primary = context.partsAfter(parentOf(key)).find(({ kind }) => kind === 'primary_key')
  return (primary?.properties['columns'] as readonly string[] | undefined) ?? []
}

/** `foreign_key_check` fails on a key whose parent columns are not unique: such a schema is not ours to refuse. */
function canBeChecked(context: RuleContext, key: SchemaObject): boolean {
  if (context.after(parentOf(key)) === undefined) return false
  return siblingsOf(context, key).every((sibling) => hasUniqueParent(context, sibling))
}

/** All foreign keys of the same table, this one among them: SQLite checks them together. */
function siblingsOf(context: RuleContext, key: SchemaObject): SchemaObject[] {
  return context.partsAfter(childOf(key)).filter(({ kind }) => kind === 'foreign_key')
}

function hasUniqueParent(context: RuleContext, key: SchemaObject): boolean {
  // A parent that goes away may still be there when the check runs.
  if (context.after(parentOf(key)) === undefined) return context.before(parentOf(key)) === undefined
  const wanted = listKey(parentColumns(context, key))
  const size = (key.properties['columns'] as readonly string[]).length
  if (wanted.split('\0').length !== size) return false
  return context.partsAfter(parentOf(key)).some((part) => {
    if (part.kind === 'primary_key')
      return listKey(part.properties['columns'] as readonly string[]) === wanted
    if (part.kind !== 'unique') return false
    const terms = part.properties['terms'] as unknown as readonly { column: string }[]
    return listKey(terms.map(({ column }) => column)) === wanted
  })
}

function listKey(columns: readonly string[]): string {
  return columns.toSorted(byCodePoint).join('\0')
}

function checkAction(context: RuleContext, key: SchemaObject): Action {
  const child = writtenName(context.after(childOf(key)) as SchemaObject)
  const parent = textOf(key, 'parent')
  const message = `rows of ${child} have no counterpart in ${parent}`
  return action(
    joined(
      failsWhere(
        message,
        `SELECT count(*) FROM pragma_foreign_key_check(${sqliteLiteral(child)}) ` +
          `WHERE "parent" = ${sqliteLiteral(parent)} COLLATE NOCASE`,
      ),
    ),
    {
      alters: [],
      needs: [...new Set([childOf(key), ...siblingsOf(context, key).map(parentOf)])],
      long: true,
      hazards: [{ name: 'may-fail', detail: `It fails where ${message}.` }],
    },
  )
}

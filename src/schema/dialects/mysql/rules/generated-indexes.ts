/**
 * An index that the server once made for a foreign key by itself is marked as such, which no catalogue shows: it
 * goes away silently when another index, or one for another foreign key, can take its place. Where the target has it,
 * it is made anew in the same statement, as one that stays.
 */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import { sameJson } from '../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import type { RuleContext } from '../../../plan/action.ts'
import { indexColumns } from '../inspect/tables.ts'
import { indexText } from '../text/key.ts'
import { asTexts } from '../text/properties.ts'
import { partsOf, tableOf } from './sides.ts'

/** Whether an index of the target is there already, and has the shape and the name that the server would give it. */
export function mayBeGenerated(index: SchemaObject, context: RuleContext): boolean {
  const before = context.before(idOf(index))
  if (before === undefined || !sameJson(before.properties, index.properties)) return false
  if (index.properties['index'] !== 'plain' || index.properties['options'] !== undefined) return false
  const [first = ''] = indexColumns(asTexts(index.properties['columns']))
  const name = index.name[1] as string
  const keys = partsOf(context, tableOf(index), 'before', 'foreign_key')
  return name.replace(/_\d+$/, '') === first || keys.some((key) => key.name[1] === name)
}

export function madeAnew(index: SchemaObject): string[] {
  const name = index.name[1] as string
  return [`DROP KEY ${mysqlIdent(name)}`, `ADD ${indexText(name, index.properties)}`]
}

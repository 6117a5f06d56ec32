/** What a child's column has otherwise than the parent's that it was made from. */
import { said } from '../said.ts'
import type { Action } from '../../../plan/action.ts'
import type { SchemaObject } from '../../../snapshot/snapshot.ts'
import { columnExtras } from './column-text.ts'
import { ownName } from './names.ts'
import { ownNotNull } from './not-null-constraint.ts'
import { brief, tableOf } from './tools.ts'

export function overridesOf(child: SchemaObject, parent: SchemaObject): Action[] {
  const alter = `ALTER TABLE ONLY ${tableOf(child)} ALTER COLUMN ${ownName(child)}`
  const own = child.properties
  const given = parent.properties
  const actions: Action[] = []
  if (own['default'] !== given['default'] && given['generated'] === undefined) {
    const value = own['default']
    actions.push(brief(value === undefined ? `${alter} DROP DEFAULT` : `${alter} SET DEFAULT ${said(value)}`))
  }
  const hasFromParent = given['notNull'] === true && given['notNullNoInherit'] !== true
  return [...actions, ...(hasFromParent ? [] : ownNotNull(child)), ...columnExtras(child)]
}

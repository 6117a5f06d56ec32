/** NOT NULL, without reading the table under a lock. */
import { ident } from '../../../../../engine/sql.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, AlterAnswer, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { tableIdOf } from './column-text.ts'
import { coveredByParent, sameOn, stableChildren, stableDescendants } from '../partitions/family.ts'
import { ownName } from '../names.ts'
import { notNullConstraint } from './not-null-constraint.ts'
import { brief, isQuiet, majorOf, standIn, tableOf, unlessNew, validation } from '../tools.ts'

export function notNullAnswer(change: Altered, context: RuleContext): AlterAnswer {
  if (majorOf(context) >= 18) return notNullConstraint(change, context)
  const { to } = change
  if (coveredByParent(change, 'notNull', context)) return { actions: [] }
  // Children's columns change with it: what needs them to be NOT NULL comes after.
  const below = stableDescendants(tableIdOf(to), context).flatMap(
    (child) => sameOn(child, to, context.after) ?? [],
  )
  const alters = [idOf(to), ...below.map(idOf)]
  const actions = to.properties['notNull'] === true ? setNotNull(to, context) : dropNotNull(to, context)
  return { actions: actions.map((action) => ({ ...action, alters })) }
}

function setNotNull(column: SchemaObject, context: RuleContext): Action[] {
  const tableId = tableIdOf(column)
  const children = stableChildren(tableId, context)
  const childrenToo = children.every(
    (child) => sameOn(child, column, context.after)?.properties['notNull'] === true,
  )
  const table = `ALTER TABLE ${childrenToo ? '' : 'ONLY '}${tableOf(column)}`
  const name = column.name.join('.')
  const hazards = unlessNew(tableId, context, 'may-fail', `It fails when ${name} is NULL in a row.`)
  const set = `${table} ALTER COLUMN ${ownName(column)} SET NOT NULL`
  if (isQuiet(tableId, context)) return [brief(set, { hazards })]
  const check = ident(standIn(column.name.at(-1) ?? '', '_tenantry_not_null'))
  return [
    brief(`${table} ADD CONSTRAINT ${check} CHECK (${ownName(column)} IS NOT NULL) NOT VALID`, { hazards }),
    validation(table, check),
    brief(set),
    brief(`${table} DROP CONSTRAINT ${check}`),
  ]
}

/** Children lose it as well; those that keep it are given it again. */
function dropNotNull(column: SchemaObject, context: RuleContext): Action[] {
  const drop = brief(`ALTER TABLE ${tableOf(column)} ALTER COLUMN ${ownName(column)} DROP NOT NULL`)
  const kept = stableDescendants(tableIdOf(column), context).flatMap((child) => {
    const same = sameOn(child, column, context.after)
    return same?.properties['notNull'] === true ? [same] : []
  })
  return [
    drop,
    ...kept.map((same) =>
      brief(`ALTER TABLE ONLY ${tableOf(same)} ALTER COLUMN ${ownName(same)} SET NOT NULL`),
    ),
  ]
}

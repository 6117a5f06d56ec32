/** NOT NULL, without reading the table under a lock. */
import { ident } from '../../../../engine/sql.ts'
import type { Altered } from '../../../diff/diff.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { usualNotNullName } from '../inspect/columns.ts'
import { tableIdOf } from './column-text.ts'
import { coveredByParent, sameOn, stableChildren, stableDescendants } from './family.ts'
import { ownName } from './names.ts'
import { brief, isQuiet, majorOf, standIn, tableOf, textOf, unlessEmpty } from './tools.ts'

export function notNullActions(change: Altered, context: RuleContext): Action[] {
  const { from, to } = change
  const [before, after] = [from.properties['notNull'] === true, to.properties['notNull'] === true]
  if (before && after) return changedConstraint(change, context)
  if (coveredByParent(change, 'notNull', context)) return []
  // Children's columns change with it: what needs them to be NOT NULL comes after.
  const below = stableDescendants(tableIdOf(to), context).flatMap(
    (child) => sameOn(child, to, context.after) ?? [],
  )
  const alters = [idOf(to), ...below.map(idOf)]
  const actions = after ? setNotNull(to, context) : dropNotNull(to, context)
  return actions.map((action) => ({ ...action, alters }))
}

function setNotNull(column: SchemaObject, context: RuleContext): Action[] {
  const tableId = tableIdOf(column)
  const children = stableChildren(tableId, context)
  const childrenToo = children.every(
    (child) => sameOn(child, column, context.after)?.properties['notNull'] === true,
  )
  const table = `ALTER TABLE ${childrenToo ? '' : 'ONLY '}${tableOf(column)}`
  const name = column.name.join('.')
  const hazards = unlessEmpty(tableId, context, 'may-fail', `It fails when ${name} is NULL in a row.`)
  const named = textOf(column.properties, 'notNullName')
  const own = named !== undefined || column.properties['notNullNoInherit'] === true
  if (majorOf(context) >= 18) return asConstraint(column, table, own, hazards, context)
  const set = `${table} ALTER COLUMN ${ownName(column)} SET NOT NULL`
  if (isQuiet(tableId, context)) return [brief(set, { hazards })]
  const check = ident(standIn(column.name.at(-1) ?? '', '_tenantry_not_null'))
  return [
    brief(`${table} ADD CONSTRAINT ${check} CHECK (${ownName(column)} IS NOT NULL) NOT VALID`, { hazards }),
    validate(table, check),
    brief(set, { ownTransaction: true }),
    brief(`${table} DROP CONSTRAINT ${check}`),
  ]
}

function validate(table: string, constraint: string): Action {
  return {
    sql: `${table} VALIDATE CONSTRAINT ${constraint}`,
    lock: 'share update exclusive',
    long: true,
    ownTransaction: true,
  }
}

/** From 18 on it is a constraint, which can be validated like any other. */
function asConstraint(
  column: SchemaObject,
  table: string,
  own: boolean,
  hazards: Action['hazards'],
  context: RuleContext,
): Action[] {
  const { properties } = column
  const quiet = isQuiet(tableIdOf(column), context)
  const notValid = properties['notNullNotValid'] === true
  if (quiet && !own && !notValid)
    return [brief(`${table} ALTER COLUMN ${ownName(column)} SET NOT NULL`, { hazards: hazards ?? [] })]
  const constraint = ident(constraintNameOf(column))
  const inherit = properties['notNullNoInherit'] === true ? ' NO INHERIT' : ''
  const add = `${table} ADD CONSTRAINT ${constraint} NOT NULL ${ownName(column)}${inherit}`
  if (notValid || !quiet) {
    return [
      brief(`${add} NOT VALID`, { hazards: hazards ?? [] }),
      ...(notValid ? [] : [validate(table, constraint)]),
    ]
  }
  return [brief(add, { hazards: hazards ?? [] })]
}

/** Its name in the catalogue from 18 on, unless a parent gave it another. */
export function constraintNameOf(column: SchemaObject): string {
  const [, table = '', name = ''] = column.name
  return textOf(column.properties, 'notNullName') ?? usualNotNullName(table, name)
}

function changedConstraint({ from, to, properties }: Altered, context: RuleContext): Action[] {
  if (majorOf(context) < 18) return []
  const table = `ALTER TABLE ${tableOf(to)}`
  const [oldName, newName] = [constraintNameOf(from), constraintNameOf(to)]
  const actions: Action[] = []
  if (oldName !== newName)
    actions.push(brief(`${table} RENAME CONSTRAINT ${ident(oldName)} TO ${ident(newName)}`))
  if (properties.includes('notNullNotValid') && to.properties['notNullNotValid'] !== true) {
    actions.push(validate(table, ident(newName)))
  }
  if (properties.includes('notNullNoInherit')) {
    const word = to.properties['notNullNoInherit'] === true ? 'NO INHERIT' : 'INHERIT'
    actions.push(brief(`${table} ALTER CONSTRAINT ${ident(newName)} ${word}`))
  }
  return actions
}

/** Children lose it as well; those that keep it are given it again. */
function dropNotNull(column: SchemaObject, context: RuleContext): Action[] {
  const drop = brief(`ALTER TABLE ${tableOf(column)} ALTER COLUMN ${ownName(column)} DROP NOT NULL`)
  if (majorOf(context) >= 18) return [drop]
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

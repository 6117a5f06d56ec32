/**
 * NOT NULL from PostgreSQL 18 on: a constraint with a name, which children get from their parents, unless it is
 * NO INHERIT, and which can be added before the rows are proved.
 */
import { ident } from '../../../../engine/sql.ts'
import type { Altered } from '../../../diff/diff.ts'
import type { Action, AlterAnswer, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { usualNotNullName } from '../usual-names.ts'
import { tableIdOf } from './column-text.ts'
import {
  attachmentsBefore,
  parentOf,
  sameOn,
  stableChildren,
  stableDescendants,
  stableParents,
} from './family.ts'
import { ownName } from './names.ts'
import { brief, isQuiet, tableOf, textOf, unlessEmpty } from './tools.ts'

/** Its name in the catalogue, unless a parent gave it another. */
export function constraintNameOf(column: SchemaObject): string {
  const [, table = '', name = ''] = column.name
  return textOf(column.properties, 'notNullName') ?? usualNotNullName(table, name)
}

/** Of a domain's, from 17 on. */
export function domainNotNullName({ name: [, name = ''], properties }: SchemaObject): string {
  return textOf(properties, 'notNullName') ?? usualNotNullName(name)
}

/** The name that a column's has, or is to have, whoever gave it. */
export function notNullNameOn(column: SchemaObject): string {
  return isInherited(column) ? nameBefore(column) : constraintNameOf(column)
}

/** The name that it has, whoever gave it. */
function nameBefore(column: SchemaObject): string {
  return textOf(column.facts ?? {}, 'notNullConstraint') ?? constraintNameOf(column)
}

function isInherited(column: SchemaObject): boolean {
  return column.facts?.['notNullInherited'] === true
}

function has(column: SchemaObject | undefined): boolean {
  return column?.properties['notNull'] === true
}

/** Whether children have it because this column has. */
function gives(column: SchemaObject | undefined): boolean {
  return has(column) && column?.properties['notNullNoInherit'] !== true
}

/** Statements for a column that gets it, loses it, or has it otherwise, and for the children that it concerns. */
export function notNullConstraint(change: Altered, context: RuleContext): AlterAnswer {
  const { from, to } = change
  if (followsParent(to, context)) return { actions: [] }
  const below = stableDescendants(tableIdOf(to), context).flatMap((child): Altered[] => {
    const [before, after] = [sameOn(child, from, context.before), sameOn(child, to, context.after)]
    if (before === undefined || after === undefined) return []
    return [{ type: 'alter', id: idOf(after), from: before, to: after, properties: [] }]
  })
  const answer = answerFor(change, below, context)
  const alters = [idOf(to), ...below.map(({ id }) => id)]
  return { ...answer, actions: answer.actions.map((action) => ({ ...action, alters })) }
}

/** Whether a parent that begins or ceases to give it does all that is to be done here. */
function followsParent(column: SchemaObject, context: RuleContext): boolean {
  return stableParents(tableIdOf(column), context).some((parent) => {
    const [before, after] = [sameOn(parent, column, context.before), sameOn(parent, column, context.after)]
    if (before === undefined || after === undefined) return false
    return gives(before) !== gives(after) || followsParent(after, context)
  })
}

function answerFor(change: Altered, below: readonly Altered[], context: RuleContext): AlterAnswer {
  const { from, to } = change
  if (gives(from) && !gives(to)) return { actions: ceases(change, below, context) }
  if (!has(from)) return { actions: begins(change, below, context) }
  if (!has(to)) return { actions: [dropped(to)] }
  return adjusted(change, below, context)
}

/** The children that keep it hold it themselves first, so that it goes nowhere in between. */
function ceases({ from, to }: Altered, below: readonly Altered[], context: RuleContext): Action[] {
  const name = nameBefore(from)
  const kept = below.filter((child) => has(child.from) && has(child.to))
  const lost = below.filter((child) => has(child.from) && !has(child.to))
  // Whatever its name: it becomes the child's own as well.
  const held = (child: Altered): Action =>
    brief(`${alterTable(child.to)} ALTER COLUMN ${ownName(child.to)} SET NOT NULL`)
  return [
    ...(has(to) && lost.length === 0 ? [] : kept.map(held)),
    ...(has(to)
      ? [brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(name)} NO INHERIT`), ...named(name, to)]
      : [dropped(to)]),
    ...lost.map((child) => dropped(child.to)),
    ...kept.flatMap((child) => (isBelow(child, kept, context) ? [] : inItsForm(child))),
  ]
}

/** Whether one of these gives it to this child. */
function isBelow(child: Altered, others: readonly Altered[], context: RuleContext): boolean {
  const above = stableParents(tableIdOf(child.to), context)
  return others.some(({ to }) => above.includes(tableIdOf(to)))
}

/** Of a child that has it on its own account now: its name, and whether its own children have it. */
function inItsForm({ from, to }: Altered): Action[] {
  if (isUnproved(to)) return [dropped(to), brief(`${addition(to)} NOT VALID`)]
  const renamed = isInherited(to) ? [] : named(nameBefore(from), to)
  if (to.properties['notNullNoInherit'] !== true) return renamed
  return [...renamed, brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(constraintNameOf(to))} NO INHERIT`)]
}

function begins({ to }: Altered, below: readonly Altered[], context: RuleContext): Action[] {
  const tableId = tableIdOf(to)
  const quiet = [tableId, ...below.map((child) => tableIdOf(child.to))].every((id) => isQuiet(id, context))
  const hazards = unlessEmpty(
    tableId,
    context,
    'may-fail',
    `It fails when ${to.name.join('.')} is NULL in a row.`,
  )
  const notValid = isUnproved(to)
  const noInherit = to.properties['notNullNoInherit'] === true
  const own = notValid || noInherit || textOf(to.properties, 'notNullName') !== undefined || below.length > 0
  if (quiet && !own) return [brief(`${alterTable(to)} ALTER COLUMN ${ownName(to)} SET NOT NULL`, { hazards })]
  const add = `${addition(to)}${notValid || !quiet ? ' NOT VALID' : ''}`
  return [
    ...(noInherit ? [] : opened(below)),
    // Proved is not merged with what is not.
    ...(quiet && !notValid ? below.filter(({ from }) => isUnproved(from)).map(proved) : []),
    brief(add, { hazards }),
    ...(quiet || notValid ? [] : [validated(to)]),
  ]
}

function isUnproved(column: SchemaObject): boolean {
  return column.properties['notNullNotValid'] === true
}

function proved({ from, to }: Altered): Action {
  return brief(`${alterTable(to)} VALIDATE CONSTRAINT ${ident(nameBefore(from))}`)
}

/** What children have without giving it on stands in the way of what a parent gives. */
function opened(below: readonly Altered[]): Action[] {
  return below
    .filter(({ from }) => has(from) && !gives(from))
    .map(({ from, to }) => brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(nameBefore(from))} INHERIT`))
}

/** It stays, by another name, proved or not, given to children or not any more. */
function adjusted(change: Altered, below: readonly Altered[], context: RuleContext): AlterAnswer {
  const { from, to } = change
  const name = nameBefore(from)
  const inherited = isInherited(from) || isInherited(to)
  const renamed = inherited ? [] : named(name, to)
  const others = gives(from) ? below.filter((child) => nameBefore(child.from) !== name) : []
  // A name is changed on all children with it, and must be the same there.
  if (renamed.length > 0 && others.length > 0) {
    const apart = others.flatMap(({ to: { name: path, parent } }) =>
      attachmentsBefore(parent ?? '', context).filter(
        (one) => path !== undefined && stableChildren(parentOf(one), context).includes(parent ?? ''),
      ),
    )
    return { actions: [...renamed, ...forms(change, below)], rebuild: apart.map(idOf) }
  }
  return { actions: [...renamed, ...forms(change, below)] }
}

function forms({ from, to }: Altered, below: readonly Altered[]): Action[] {
  const [wasProved, isProved] = [!isUnproved(from), !isUnproved(to)]
  const actions: Action[] = []
  if (!gives(from) && gives(to)) {
    actions.push(...opened(below))
    actions.push(brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(constraintNameOf(to))} INHERIT`))
  }
  if (wasProved && !isProved) actions.push(dropped(to), brief(`${addition(to)} NOT VALID`))
  if (!wasProved && isProved && !isInherited(to)) actions.push(validated(to))
  return actions
}

function alterTable(column: SchemaObject): string {
  return `ALTER TABLE ${tableOf(column)}`
}

function dropped(column: SchemaObject): Action {
  return brief(`${alterTable(column)} ALTER COLUMN ${ownName(column)} DROP NOT NULL`)
}

/** `ALTER TABLE … ADD CONSTRAINT … NOT NULL …`, without NOT VALID. */
function addition(column: SchemaObject): string {
  const inherit = column.properties['notNullNoInherit'] === true ? ' NO INHERIT' : ''
  return `${alterTable(column)} ADD CONSTRAINT ${ident(constraintNameOf(column))} NOT NULL ${ownName(column)}${inherit}`
}

/** Of a column that its parent's statement made without it. */
export function ownNotNull(column: SchemaObject): Action[] {
  const { properties } = column
  if (!has(column) || isUnproved(column)) return []
  const plain = textOf(properties, 'notNullName') === undefined && properties['notNullNoInherit'] !== true
  return [
    brief(plain ? `${alterTable(column)} ALTER COLUMN ${ownName(column)} SET NOT NULL` : addition(column)),
  ]
}

/** Of a column that is new: what CREATE TABLE and ADD COLUMN cannot say, and rows that come back may break. */
export function notNullNotValid(column: SchemaObject): Action[] {
  if (!isUnproved(column)) return []
  return [brief(`${addition(column)} NOT VALID`)]
}

function named(name: string, to: SchemaObject): Action[] {
  const wanted = constraintNameOf(to)
  if (name === wanted) return []
  return [brief(`${alterTable(to)} RENAME CONSTRAINT ${ident(name)} TO ${ident(wanted)}`)]
}

function validated(column: SchemaObject): Action {
  return {
    sql: `${alterTable(column)} VALIDATE CONSTRAINT ${ident(constraintNameOf(column))}`,
    lock: 'share update exclusive',
    long: true,
    ownTransaction: true,
  }
}

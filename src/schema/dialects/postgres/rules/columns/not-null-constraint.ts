/**
 * NOT NULL from PostgreSQL 18 on: a constraint with a name, which children get from their parents, unless it is
 * NO INHERIT, and which can be added before the rows are proved.
 */
import { ident } from '../../../../../engine/sql.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, AlterAnswer, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { tableIdOf } from './column-text.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  isPartition,
  parentOf,
  sameOn,
  stableChildren,
  stableDescendants,
  stableParents,
  withoutFormer,
} from '../partitions/family.ts'
import { ownName } from '../names.ts'
import { heldOtherwise, isStirred } from './not-null-family.ts'
import { withNameSaid } from './not-null-names.ts'
import {
  addition,
  alterTable,
  constraintNameOf,
  dropped,
  gives,
  has,
  held,
  isInherited,
  isOfParent,
  isUnproved,
  nameBefore,
  named,
  validated,
} from './not-null-text.ts'
import { brief, isQuiet, majorOf, textOf, unlessNew } from '../tools.ts'

/** Statements for a column that gets it, loses it, or has it otherwise, and for the children that it concerns. */
export function notNullConstraint(change: Altered, context: RuleContext): AlterAnswer {
  const { from, to } = change
  const family = has(from) && has(to) ? heldOtherwise(to, context) : undefined
  if (followsParent(to, context)) return { actions: family ?? [] }
  const below = stableDescendants(tableIdOf(to), context).flatMap((child): Altered[] => {
    const [before, after] = [sameOn(child, from, context.before), sameOn(child, to, context.after)]
    if (before === undefined || after === undefined) return []
    return [{ type: 'alter', id: idOf(after), from: before, to: after, properties: [] }]
  })
  const answer = answerFor(change, below, family, context)
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

function answerFor(
  change: Altered,
  below: readonly Altered[],
  family: readonly Action[] | undefined,
  context: RuleContext,
): AlterAnswer {
  const { from, to } = change
  if (gives(from) && !gives(to)) return { actions: ceases(change, below, context) }
  if (!has(from)) return { actions: begins(change, below, context) }
  if (!has(to)) return { actions: [dropped(to)] }
  return family === undefined
    ? adjusted(change, below, context)
    : { actions: [...family, ...forms(change, below, context)] }
}

/** The children that keep it hold it themselves first, so that it goes nowhere in between. */
function ceases({ from, to }: Altered, below: readonly Altered[], context: RuleContext): Action[] {
  const name = nameBefore(from)
  const kept = below.filter((child) => has(child.from) && has(child.to))
  const lost = below.filter((child) => has(child.from) && !has(child.to))
  const keepers = kept.filter((child) => !isOfParent(child.to)).map(({ to: own }) => held(own))
  return [
    ...(has(to) && lost.length === 0 ? [] : keepers),
    ...(has(to)
      ? [brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(name)} NO INHERIT`), ...named(name, to)]
      : [dropped(to)]),
    ...lost.map((child) => dropped(child.to)),
    ...kept.flatMap((child) => (isBelow(child, kept, context) ? [] : inItsForm(child, context))),
  ]
}

/** Whether one of these gives it to this child. */
function isBelow(child: Altered, others: readonly Altered[], context: RuleContext): boolean {
  const above = stableParents(tableIdOf(child.to), context)
  return others.some(({ to }) => above.includes(tableIdOf(to)))
}

/** Of a child that has it on its own account now: its name, and whether its own children have it. */
function inItsForm({ from, to }: Altered, context: RuleContext): Action[] {
  if (isUnproved(to)) return [dropped(to), brief(`${addition(to)} NOT VALID`)]
  const renamed = isInherited(to) || isStirred(to, context) ? [] : named(nameBefore(from), to)
  if (to.properties['notNullNoInherit'] !== true) return renamed
  return [...renamed, brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(constraintNameOf(to))} NO INHERIT`)]
}

function begins({ to }: Altered, below: readonly Altered[], context: RuleContext): Action[] {
  const tableId = tableIdOf(to)
  const quiet = [tableId, ...below.map((child) => tableIdOf(child.to))].every((id) => isQuiet(id, context))
  const hazards = unlessNew(
    tableId,
    context,
    'may-fail',
    `It fails when ${to.name.join('.')} is NULL in a row.`,
  )
  const notValid = isUnproved(to)
  const noInherit = to.properties['notNullNoInherit'] === true
  const isNamed = textOf(withNameSaid(to, context).properties, 'notNullName') !== undefined
  const own = notValid || noInherit || isNamed || below.length > 0
  if (quiet && !own) return [brief(`${alterTable(to)} ALTER COLUMN ${ownName(to)} SET NOT NULL`, { hazards })]
  const add = `${addition(to)}${notValid || !quiet ? ' NOT VALID' : ''}`
  return [
    ...(noInherit ? [] : prepared(below, notValid || !quiet, context)),
    // Proved is not merged with what is not.
    ...(quiet && !notValid ? below.filter(({ from }) => isUnproved(from)).map(proved) : []),
    brief(add, { hazards }),
    ...(quiet || notValid ? [] : [validated(to)]),
  ]
}

function proved({ from, to }: Altered): Action {
  return brief(`${alterTable(to)} VALIDATE CONSTRAINT ${ident(nameBefore(from))}`)
}

/** What children hold themselves, or should not, is settled before their parent gives them the same. */
function prepared(below: readonly Altered[], notValid: boolean, context: RuleContext): Action[] {
  const children = below.filter(
    ({ to }) => !attachmentsBefore(tableIdOf(to), context).some(isPartition) && !isUnproved(to),
  )
  const [passive, holding] = [true, false].map((ofParent) =>
    children.filter(({ to }) => isOfParent(to) === ofParent && has(to)),
  ) as [Altered[], Altered[]]
  return [
    ...opened(below),
    ...holding.filter(({ from }) => isOfParent(from)).map(({ to }) => held(to)),
    ...passive.filter(({ from }) => has(from) && !isInherited(from)).map(({ to }) => dropped(to)),
    ...holding.flatMap(({ from, to }) => {
      if (!has(from)) return [brief(`${addition(to)}${notValid ? ' NOT VALID' : ''}`)]
      return isStirred(to, context) ? [] : named(nameBefore(from), to)
    }),
  ]
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
  const stays = isInherited(from) && isInherited(to)
  if (stays && isOfParent(from) && !isOfParent(to)) return { actions: [held(to)] }
  // Children that go may have it by another name.
  const needs = withoutFormer(tableIdOf(to), context)
  // A partition's is its parent's by any name.
  const attached = isInherited(to) && attachmentsAfter(tableIdOf(to), context).some(isPartition)
  const own = isInherited(from) || isOfParent(to) || attached ? [] : named(name, to)
  const renamed = own.map((action) => ({ ...action, needs }))
  const others = gives(from) ? below.filter((child) => nameBefore(child.from) !== name) : []
  // A name is changed on all partitions with it, and must be the same there.
  if (renamed.length > 0 && others.length > 0) {
    const apart = others.flatMap(({ to: { parent } }) =>
      attachmentsBefore(parent ?? '', context).filter((one) =>
        stableChildren(parentOf(one), context).includes(parent ?? ''),
      ),
    )
    return { actions: [...renamed, ...forms(change, below, context)], rebuild: apart.map(idOf) }
  }
  return { actions: [...renamed, ...forms(change, below, context)] }
}

function forms({ from, to }: Altered, below: readonly Altered[], context: RuleContext): Action[] {
  const [wasProved, isProved] = [!isUnproved(from), !isUnproved(to)]
  const actions: Action[] = []
  if (!gives(from) && gives(to)) {
    actions.push(...prepared(below, false, context))
    actions.push(brief(`${alterTable(to)} ALTER CONSTRAINT ${ident(constraintNameOf(to))} INHERIT`))
  }
  if (wasProved && !isProved) actions.push(dropped(to), brief(`${addition(to)} NOT VALID`))
  if (!wasProved && isProved && !isInherited(to)) actions.push(validated(to))
  return actions
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

/** Whether a new column cannot come with its NOT NULL: children that are given it would not hold theirs themselves. */
export function isHeldApart(
  column: SchemaObject,
  children: readonly SchemaObject[],
  context: RuleContext,
): boolean {
  if (majorOf(context) < 18 || !has(column) || isUnproved(column)) return false
  return children.some(
    (child) => !isOfParent(child) && !attachmentsAfter(tableIdOf(child), context).some(isPartition),
  )
}

export function withoutNotNull(column: SchemaObject): SchemaObject {
  const { notNull: _, ...properties } = column.properties
  return { ...column, properties }
}

/** Each child's own first: the parent's is merged with it. */
export function notNullApart(
  column: SchemaObject,
  children: readonly SchemaObject[],
  context: RuleContext,
): Action[] {
  const holding = gives(column)
    ? children.filter((child) => has(child) && !isOfParent(child) && !isUnproved(child))
    : []
  const below = holding.filter((child) => !attachmentsAfter(tableIdOf(child), context).some(isPartition))
  return [...below, column].map((one) => brief(addition(one)))
}

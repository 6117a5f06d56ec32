/**
 * Whether a child has its NOT NULL only from its parents or holds it itself as well, and under which name: neither can
 * be said of what is inherited. The parents keep theirs to themselves for a moment; what their children have is their
 * own then, to be named or dropped, and to be given again.
 */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { tableIdOf } from './column-text.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  childrenAfter,
  goneId,
  isPartition,
  letGo,
  parentOf,
  sameOn,
  stableParents,
  withoutFormer,
} from '../partitions/family.ts'
import { ownName } from '../names.ts'
import {
  alterTable,
  constraintNameOf,
  dropped,
  gives,
  has,
  held,
  isInherited,
  isOfParent,
  nameBefore,
  named,
} from './not-null-text.ts'
import { brief, isQuiet, standIn, validation } from '../tools.ts'

/** Columns in the target that have their NOT NULL from one another. */
function kinOf(column: SchemaObject, context: RuleContext): SchemaObject[] {
  const found = new Map<string, SchemaObject>()
  const open = [column]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (found.has(idOf(one))) continue
    found.set(idOf(one), one)
    open.push(...giversOf(one, context), ...givenTo(one, context))
  }
  return [...found.values()]
}

/** Those further down first, and of two parents the one that its child names first: it gives the name. */
function fromBelow(kin: readonly SchemaObject[], context: RuleContext): SchemaObject[] {
  const depths = new Map<string, number>()
  const depth = (one: SchemaObject): number => {
    const known = depths.get(idOf(one))
    if (known !== undefined) return known
    const result = Math.max(0, ...giversOf(one, context).map((giver) => depth(giver) + 1))
    depths.set(idOf(one), result)
    return result
  }
  const places = new Map<string, number>()
  for (const attachment of kin.flatMap((one) => attachmentsAfter(tableIdOf(one), context))) {
    const parent = parentOf(attachment)
    places.set(parent, Math.max(places.get(parent) ?? 0, Number(attachment.facts?.['position'] ?? 0)))
  }
  const place = (one: SchemaObject): number => places.get(tableIdOf(one)) ?? 0
  return kin.toSorted((a, b) => depth(b) - depth(a) || place(a) - place(b))
}

function giversOf(column: SchemaObject, context: RuleContext): SchemaObject[] {
  return attachmentsAfter(tableIdOf(column), context)
    .filter((attachment) => !isPartition(attachment))
    .flatMap((attachment) => sameOn(parentOf(attachment), column, context.after) ?? [])
    .filter(gives)
}

function givenTo(column: SchemaObject, context: RuleContext): SchemaObject[] {
  if (!gives(column)) return []
  return childrenAfter(tableIdOf(column), context)
    .filter((child) => !attachmentsAfter(child, context).some(isPartition))
    .flatMap((child) => sameOn(child, column, context.after) ?? [])
}

/** Attachments of tables that exist: what such a table has becomes its own. */
function arrivals(kin: readonly SchemaObject[], context: RuleContext): SchemaObject[] {
  return kin
    .filter((column) => isOfParent(column) && !context.isNew(tableIdOf(column)))
    .flatMap((column) => attachmentsAfter(tableIdOf(column), context))
    .filter((attachment) => !isPartition(attachment) && context.isNew(idOf(attachment)))
}

function firstId(objects: readonly SchemaObject[]): string | undefined {
  return objects
    .map(idOf)
    .toSorted()
    .find(() => true)
}

/** What nobody else does for the column and its kin; undefined when there is nothing of that kind to do. */
export function heldOtherwise(to: SchemaObject, context: RuleContext): readonly Action[] | undefined {
  const kin = kinOf(to, context)
  const stirred = kin.filter((column) => isStirred(column, context))
  if (stirred.length === 0) return undefined
  const elsewhere = arrivals(kin, context).length > 0 || firstId(stirred) !== idOf(to)
  return elsewhere ? [] : settled(kin, context)
}

/** After a table has come to its parents: what it should have only from them is its own. */
export function heldByArrival(attachment: SchemaObject, context: RuleContext): readonly Action[] {
  const child = attachment.parent ?? ''
  return context
    .partsAfter(child)
    .filter((part) => part.kind === 'column' && isOfParent(part))
    .flatMap((column) => {
      const kin = kinOf(column, context)
      return firstId(arrivals(kin, context)) === idOf(attachment) ? settled(kin, context) : []
    })
}

/** What a parent had named keeps that name when the child is let go. */
export function leftNames(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  const again = comesAgain(attachment, context) === 1
  const leaving = attachmentsBefore(child, context).filter((one) => context.isDropped(idOf(one)))
  // One that comes again waits for this.
  const [first] = leaving.toSorted(
    (a, b) => comesAgain(b, context) - comesAgain(a, context) || (idOf(a) < idOf(b) ? -1 : 1),
  )
  if (context.isDropped(child) || first !== attachment || (again && isPartition(attachment))) return []
  return context.partsBefore(child).flatMap((column): Action[] => {
    const after = context.after(idOf(column))
    const name = column.facts?.['notNullConstraint']
    if (typeof name !== 'string' || !isInherited(column) || after === undefined || !has(after)) return []
    if (keepsGiver(column, context) || isOfParent(after) || isStirred(after, context)) return []
    // What waits for it to be let go waits for this: what another parent gives keeps its name.
    return named(name, after).map((action) => ({
      ...action,
      drops: [idOf(attachment)],
      needs: [...leaving.map((one) => goneId(idOf(one))), ...withoutFormer(child, context)],
    }))
  })
}

function comesAgain(attachment: SchemaObject, context: RuleContext): number {
  return context.after(idOf(attachment)) === undefined ? 0 : 1
}

/** Whether it stays what is inherited, held otherwise or called otherwise than now. */
export function isStirred(to: SchemaObject, context: RuleContext): boolean {
  const from = context.before(idOf(to))
  if (from === undefined || !has(from) || !has(to) || context.isDropped(tableIdOf(to))) return false
  if (attachmentsAfter(tableIdOf(to), context).some(isPartition)) return false
  const givenBefore = (parent: string): boolean => gives(sameOn(parent, from, context.before))
  const parents = stableParents(tableIdOf(to), context).filter((parent) =>
    gives(sameOn(parent, to, context.after)),
  )
  const otherName = nameBefore(from) !== constraintNameOf(to)
  if (parents.length === 0) return otherName && renamesOthers(from, to, context)
  return parents.some(givenBefore) && (isOfParent(to) ? !isOfParent(from) : otherName)
}

/** Whether a parent's new name would become that of a child that is, or should be, called otherwise. */
function renamesOthers(from: SchemaObject, to: SchemaObject, context: RuleContext): boolean {
  if (!gives(from) || !gives(to)) return false
  return givenTo(to, context).some((child) => {
    const before = context.before(idOf(child))
    const stays = stableParents(tableIdOf(child), context).includes(tableIdOf(to))
    if (before === undefined || !stays || !isInherited(before)) return false
    if (nameBefore(before) !== nameBefore(from)) return true
    return !isOfParent(child) && constraintNameOf(child) !== constraintNameOf(to)
  })
}

function settled(kin: readonly SchemaObject[], context: RuleContext): Action[] {
  const source = (column: SchemaObject): SchemaObject => context.before(idOf(column)) ?? column
  const upward = fromBelow(kin, context)
  const alone = upward.filter((column) => !isOfParent(column) && givenTo(column, context).length > 0)
  const given = upward.filter(isOfParent).toReversed()
  const guards = given.filter((column) => !isQuiet(tableIdOf(column), context)).map(guard)
  const nameOf = (column: SchemaObject): string =>
    isNamedHere(column, kin, context) ? nameBefore(source(column)) : constraintNameOf(column)
  const needs = kin.flatMap((column) => [
    idOf(column),
    ...attachmentsAfter(tableIdOf(column), context).map(idOf),
    ...letGo(tableIdOf(column), context),
    ...stableParents(tableIdOf(column), context)
      .flatMap((parent) => sameOn(parent, column, context.before) ?? [])
      .map(idOf),
  ])
  const actions = [
    ...guards.flatMap(({ before }) => before),
    // What is only inherited so far would go with the parent's.
    ...kin.filter((column) => !isOfParent(column) && isOfParent(source(column))).map(held),
    ...alone.toReversed().map((column) => passing(column, nameOf(column), 'NO INHERIT')),
    ...given.map(dropped),
    ...kin.filter((column) => !isOfParent(column)).flatMap((column) => named(nameOf(column), column)),
    ...alone.map((column) => passing(column, constraintNameOf(column), 'INHERIT')),
    ...guards.map(({ after }) => after),
  ]
  return actions.map((action) => ({ ...action, alters: kin.map(idOf), needs, creates: [] }))
}

/** Whether it has its former name still: none of its own statements gave it another. */
function isNamedHere(column: SchemaObject, kin: readonly SchemaObject[], context: RuleContext): boolean {
  const before = context.before(idOf(column))
  if (before === undefined || !has(before) || context.isNew(tableIdOf(column))) return false
  if (isInherited(before) && !keepsGiver(before, context)) return isStirred(column, context)
  return kin.some((one) => isStirred(one, context))
}

/** Whether a parent that gives it stays all along. */
function keepsGiver(before: SchemaObject, context: RuleContext): boolean {
  return stableParents(tableIdOf(before), context).some((one) => gives(sameOn(one, before, context.before)))
}

function passing(column: SchemaObject, name: string, how: 'INHERIT' | 'NO INHERIT'): Action {
  return brief(`${alterTable(column)} ALTER CONSTRAINT ${ident(name)} ${how}`)
}

/** A check that is valid spares the server reading the rows again under its lock. */
function guard(column: SchemaObject): { before: Action[]; after: Action } {
  const table = alterTable(column)
  const check = ident(standIn(column.name.at(-1) ?? '', '_tenantry_not_null'))
  const condition = `CHECK (${ownName(column)} IS NOT NULL) NO INHERIT NOT VALID`
  return {
    before: [brief(`${table} ADD CONSTRAINT ${check} ${condition}`), validation(table, check)],
    after: brief(`${table} DROP CONSTRAINT ${check}`),
  }
}

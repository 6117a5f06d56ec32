/** A table becomes, or ceases to be, a partition or a child of another. */
import { said } from '../../said.ts'
import type { Action, KindRule, RuleContext, StepAside } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import {
  ancestorsAfter,
  ancestorsBefore,
  attachmentsAfter,
  attachmentsBefore,
  childrenAfter,
  descendantsBefore,
  goneId,
  isMadeAnew,
  isPartition,
  letGo,
  parentOf,
  sameOn,
  stableParents,
} from './family.ts'
import { isForItself, mistaken } from '../constraints/check-family.ts'
import { guard, readByAttaching, refusedByServer } from './attach-reads.ts'
import { foreignKeysOfParent, lockedByAttaching } from './attach-foreign-keys.ts'
import { broughtByAttaching, renamed } from '../constraints/exclusion-family.ts'
import { checksInTheWay, formerAttachments, withoutGivenChecks } from '../constraints/given-checks.ts'
import { twinsInTheWay } from '../indexes/index-family.ts'
import { detachConcurrently, detached, leavesQuietly } from './detach.ts'
import { quote } from '../names.ts'
import { byPosition } from '../positions.ts'
import { comparedAnew } from '../indexes/compared-anew.ts'
import { incompleteInTheWay, indexesThatMeet } from '../indexes/incomplete.ts'
import { heldByArrival, leftNames } from '../columns/not-null-family.ts'
import { brief, isQuiet, unlessNew, validation } from '../tools.ts'

function create(attachment: SchemaObject, context: RuleContext): readonly Action[] {
  const child = quote(attachment.name.slice(0, 2))
  const parent = quote(attachment.properties['of'] as string[])
  const needs = [
    ...leaving(attachment, context),
    ...valuesInBounds(attachment, context),
    ...incompleteInTheWay(attachment, context).map(goneId),
  ]
  if (!isPartition(attachment)) {
    const siblings = byPosition(attachmentsAfter(attachment.parent ?? '', context)).map(idOf)
    const earlier = siblings.slice(0, siblings.indexOf(idOf(attachment)))
    const inherit = brief(`ALTER TABLE ${child} INHERIT ${parent}`, {
      creates: [idOf(attachment)],
      needs: [
        ...needs,
        ...letGo(attachment.parent ?? '', context),
        ...formerAttachments(attachment.parent ?? '', context),
        ...withoutGivenChecks(attachment, context),
        ...earlier,
      ],
    })
    return [inherit, ...heldByArrival(attachment, context)]
  }
  const guards = readByAttaching(attachment, context).map((read) => guard(read, attachment))
  const brought = broughtByAttaching(attachment.parent ?? '', context)
  return [
    ...checksOfParent(attachment, context),
    ...foreignKeysOfParent(attachment, context),
    ...guards.flatMap(({ checked }) =>
      // On a partitioned table it would be asked of what is attached to that later.
      checked.map((action) => ({
        ...action,
        needs: [
          ...ofTablesThatStay([...needs, ...attachment.dependsOn], context),
          ...attachedBelow(attachment.parent ?? '', context),
        ],
      })),
    ),
    ...comparedAnew(indexesThatMeet(attachment, context), context),
    brief(`ALTER TABLE ${parent} ATTACH PARTITION ${child} ${said(attachment.properties['bound'])}`, {
      creates: [idOf(attachment), ...brought.map(idOf)],
      needs: [...needs, ...attachmentsBelow(brought, attachment, context)],
      lock: lockedByAttaching(attachment, context),
      hazards: [
        ...unlessNew(
          attachment.parent ?? '',
          context,
          'may-fail',
          `It fails when rows of ${child} do not belong there.`,
        ),
        ...refusedByServer(attachment, context),
        ...guards.flatMap(({ unchecked }) => unchecked),
      ],
    }),
    ...guards.flatMap(({ done }) => done),
    ...renamed(brought).map((action) => ({ ...action, creates: [] })),
  ]
}

/** Ids of enums that a bound may name new values of, which are there for others than who adds them. */
function valuesInBounds(attachment: SchemaObject, context: RuleContext): string[] {
  const enums = (object: SchemaObject | undefined): string[] =>
    (object?.dependsOn ?? []).flatMap((id) =>
      id.startsWith('domain:') ? enums(context.after(id)) : id.startsWith('enum:') ? [id] : [],
    )
  return isPartition(attachment)
    ? context.partsAfter(parentOf(attachment)).flatMap((part) => (part.kind === 'column' ? enums(part) : []))
    : []
}

/** What is proved before a table is made anew waits for nothing of it. */
function ofTablesThatStay(ids: readonly string[], context: RuleContext): string[] {
  return ids.filter((id) => {
    const bare = id.replace(/^gone:/, '')
    const object = context.before(bare) ?? context.after(bare)
    const table = object?.parent ?? bare
    return !table.startsWith('table:') || !isMadeAnew(table, context)
  })
}

/** Ids of the attachments of all that a table has below it in the target. */
function attachedBelow(table: string, context: RuleContext): string[] {
  return childrenAfter(table, context).flatMap((child) => [
    ...attachmentsAfter(child, context).map(idOf),
    ...attachedBelow(child, context),
  ])
}

/** What a partition is given, it gives on to those that are attached to it. */
function attachmentsBelow(
  brought: readonly SchemaObject[],
  attachment: SchemaObject,
  context: RuleContext,
): string[] {
  return brought
    .filter(({ parent }) => parent !== attachment.parent)
    .flatMap(({ parent }) => attachmentsAfter(parent ?? '', context).map(idOf))
}

/** What the tables have that goes: columns, triggers, and indexes, which would be taken for those that are wanted. */
function leaving(attachment: SchemaObject, context: RuleContext): string[] {
  const parent = parentOf(attachment)
  const checks = ancestorsBefore(parent, context).flatMap((table) =>
    checksOf(table, context.partsBefore).filter((part) => context.after(idOf(part)) === undefined),
  )
  const own = [attachment.parent ?? '', parent, ...ancestorsAfter(parent, context)].flatMap((table) =>
    context
      .partsBefore(table)
      .filter((part) => LEAVES.has(part.kind) && context.after(idOf(part)) === undefined)
      .map((part) => (part.kind === 'column' ? goneId(idOf(part)) : idOf(part))),
  )
  return [...own, ...checks.map(idOf)]
}

const LEAVES = new Set(['column', 'constraint', 'index', 'trigger'])

/** A table must have the checks of all above it before it is attached; those of its own may be the same. */
function checksOfParent(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  const own = namesOf(context.partsAfter(child))
  // One that was a partition before has them still, but for those that went with a column.
  const kept = ancestorsBefore(child, context)
    .flatMap((table) => checksOf(table, context.partsBefore))
    .filter((part) => !losesColumn(child, part, context))
  const isKept = (part: SchemaObject): boolean => kept.some((one) => isLike(part, one, context))
  const above = [parentOf(attachment), ...ancestorsAfter(parentOf(attachment), context)]
  const checks = above.flatMap((table) => checksOf(table, context.partsAfter))
  return [...new Map(checks.map((part) => [part.name.at(-1), part])).values()]
    .filter((part) => !own.has(part.name.at(-1)) && (context.isNew(child) || !isKept(part)))
    .flatMap((part): Action[] => {
      const table = `ALTER TABLE ${quote(attachment.name.slice(0, 2))}`
      const constraint = quote(part.name.slice(-1))
      const enforced = !said(part.properties['definition']).endsWith(' NOT ENFORCED')
      const notValid = part.properties['notValid'] === true
      const apart = enforced && !notValid && !isQuiet(child, context)
      const add = `${table} ADD CONSTRAINT ${constraint} ${said(part.properties['definition'])}`
      return [
        brief(`${add}${apart || notValid ? ' NOT VALID' : ''}`, {
          creates: [],
          needs: [child, ...attachment.dependsOn, ...part.dependsOn],
        }),
        ...(apart ? [validated(table, constraint)] : []),
      ]
    })
}

function losesColumn(child: string, check: SchemaObject, context: RuleContext): boolean {
  const columns = (check.facts?.['columns'] ?? []) as readonly string[]
  return context
    .partsBefore(child)
    .some(
      (part) =>
        part.kind === 'column' && columns.includes(part.name.at(-1) ?? '') && context.isDropped(idOf(part)),
    )
}

function validated(table: string, constraint: string): Action {
  return { ...validation(table, constraint), creates: [] }
}

function checksOf(table: string, partsOf: RuleContext['partsAfter']): SchemaObject[] {
  return partsOf(table).filter(
    (part) => part.kind === 'constraint' && part.properties['type'] === 'check' && !isForItself(part),
  )
}

function drop(attachment: SchemaObject, context: RuleContext): readonly Action[] {
  const child = quote(attachment.name.slice(0, 2))
  const parent = quote(attachment.properties['of'] as string[])
  if (!isPartition(attachment))
    return [
      ...mistaken(attachment, context).map(({ aside }) => aside),
      brief(`ALTER TABLE ${child} NO INHERIT ${parent}`, {
        drops: [idOf(attachment)],
        creates: [goneId(idOf(attachment))],
      }),
      ...mistaken(attachment, context).map(({ back }) => back),
      ...leftBehind(attachment, context),
      ...leftNames(attachment, context),
    ]
  const waiting = leavesQuietly(attachment, context)
  return [
    ...(waiting ? detachConcurrently(attachment, context) : [detached(attachment, context)]),
    ...leftBehind(attachment, context),
    ...leftNames(attachment, context),
  ]
}

/**
 * What came with the parent stays when it is let go: checks, unless they go with a column of theirs, and foreign keys.
 * They hold on to what they call and refer to, also on a table that goes later.
 */
export function leftBehind(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  const goes = context.isDropped(child)
  const again = goes ? undefined : context.after(idOf(attachment))
  const given = again === undefined ? [] : givenBy(again, attachmentsAfter, context)
  const wanted = goes ? [] : [...context.partsAfter(child), ...given]
  const own = namesOf(context.partsBefore(child))
  return givenBy(attachment, attachmentsBefore, context)
    .filter((part) => !own.has(part.name.at(-1)) && !wanted.some((one) => isLike(one, part, context)))
    .map((part) =>
      brief(
        `ALTER TABLE ${quote(attachment.name.slice(0, 2))} DROP CONSTRAINT IF EXISTS ${quote(part.name.slice(-1))}`,
        // Whatever waits for the attachment to go waits for this as well.
        { drops: [idOf(attachment)] },
      ),
    )
}

function namesOf(parts: readonly SchemaObject[]): Set<string | undefined> {
  return new Set(parts.filter(({ kind }) => kind === 'constraint').map(({ name }) => name.at(-1)))
}

function givenBy(
  attachment: SchemaObject,
  attachments: typeof attachmentsAfter,
  context: RuleContext,
): SchemaObject[] {
  const after = attachments === attachmentsAfter
  const partsOf = after ? context.partsAfter : context.partsBefore
  const parent = parentOf(attachment)
  const above = after ? ancestorsAfter(parent, context) : ancestorsBefore(parent, context)
  return [parent, ...above].flatMap((table) => {
    const foreignKeys = isPartition(attachment) ? partsOf(table).filter(isForeignKey) : []
    return [...checksOf(table, partsOf), ...foreignKeys]
  })
}

function isForeignKey({ properties }: SchemaObject): boolean {
  return properties['type'] === 'foreign key'
}

/** Whether what is left of one can be the other; only when what it calls and refers to stays. */
function isLike(wanted: SchemaObject, left: SchemaObject, context: RuleContext): boolean {
  if (wanted.kind !== left.kind || wanted.name.at(-1) !== left.name.at(-1)) return false
  if (wanted.properties['definition'] !== left.properties['definition']) return false
  // A function that is made anew; the columns are the child's own.
  if (!isForeignKey(left))
    return left.dependsOn.every((id) => !context.isDropped(id) || context.before(id)?.parent === left.parent)
  const table = said(left.facts?.['references'])
  const stays = (id: string): boolean => !context.isDropped(id) || context.before(id)?.parent !== table
  return !context.isDropped(table) && left.dependsOn.every(stays)
}

/** A child that has columns only from its parent gets them only when it is made: together with the parent. */
function givenAgain(attachment: SchemaObject, context: RuleContext): StepAside | undefined {
  const child = attachment.parent ?? ''
  const inherits = context.partsAfter(child).some(({ properties }) => properties['inherited'] === true)
  return isPartition(attachment) || !inherits || context.isDropped(child)
    ? undefined
    : { release: [], restore: [], rebuild: [child] }
}

/** Columns that are only a parent's come with it: one that the child has when the parent comes stays its own. */
function comesTooLate(attachment: SchemaObject, context: RuleContext): boolean {
  const child = attachment.parent ?? ''
  if (isPartition(attachment) || context.before(child) === undefined || context.isNew(child)) return false
  const stable = stableParents(child, context)
  return context
    .partsAfter(child)
    .filter(({ kind, properties }) => kind === 'column' && properties['inherited'] === true)
    .some((column) => !stable.some((parent) => sameOn(parent, column, context.after)))
}

/** What partitions below it say of triggers from above is forgotten when it is let go. */
function statesBelow(attachment: SchemaObject, context: RuleContext): string[] {
  const child = attachment.parent ?? ''
  if (!isPartition(attachment) || context.before(child) === undefined) return []
  return descendantsBefore(child, context)
    .flatMap((table) => context.partsBefore(table))
    .filter((part) => part.kind === 'trigger_state' && context.after(idOf(part)) !== undefined)
    .map(idOf)
}

/** Whether the parents that stay come first, in the order that they have. */
function keepsOrder(child: string, context: RuleContext): boolean {
  const before = byPosition(attachmentsBefore(child, context)).map(idOf)
  const after = byPosition(attachmentsAfter(child, context)).map(idOf)
  const kept = before.filter((id) => after.includes(id))
  return kept.every((id, at) => after[at] === id)
}

export const attachmentRule: KindRule = {
  create,
  drop,
  alter: ({ to, properties }, context) => {
    if (properties.some((name) => name !== 'at')) return 'replace'
    const child = to.parent ?? ''
    const all = attachmentsAfter(child, context).map(idOf)
    return { actions: [], rebuild: keepsOrder(child, context) ? [] : all }
  },
  unsettles: (attachment, context) =>
    comesTooLate(attachment, context)
      ? [attachment.parent as string]
      : [
          ...checksInTheWay(attachment, context),
          ...statesBelow(attachment, context),
          ...(isPartition(attachment) ? twinsInTheWay(attachment.parent ?? '', context) : []),
          ...incompleteInTheWay(attachment, context),
        ],
  // It waits for what both tables have, and need not be let go when some of that is made anew.
  stepAside: (attachment, _, dependencies, context) =>
    dependencies.includes(parentOf(attachment)) || context.isDropped(attachment.parent ?? '')
      ? givenAgain(attachment, context)
      : { release: [], restore: [] },
}

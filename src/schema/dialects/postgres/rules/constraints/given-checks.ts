/**
 * Checks that a child is to have from its parents alone. INHERIT asks for them on the child and leaves them its own:
 * so the parent is without them at that moment, and gives them to the child when it gets them back.
 */
import { said } from '../../said.ts'
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  childrenAfter,
  goneId,
  isPartition,
  parentOf,
  sameOn,
} from '../partitions/family.ts'

function isInheritedCheck({ kind, properties }: SchemaObject): boolean {
  if (kind !== 'constraint' || properties['type'] !== 'check') return false
  return !said(properties['definition']).endsWith(' NO INHERIT')
}

/** Whether a table that is there already becomes a child. */
function arrives(attachment: SchemaObject, context: RuleContext): boolean {
  const child = attachment.parent ?? ''
  const isThere = context.before(child) !== undefined && !context.isNew(child)
  return !isPartition(attachment) && isThere && context.isNew(idOf(attachment))
}

/** Of the target. */
function givenChecks(attachment: SchemaObject, context: RuleContext): SchemaObject[] {
  if (!arrives(attachment, context)) return []
  const child = attachment.parent ?? ''
  const checksOf = (table: string): SchemaObject[] => [
    ...context.partsAfter(table).filter(isInheritedCheck),
    ...attachmentsAfter(table, context).flatMap((one) => checksOf(parentOf(one))),
  ]
  return checksOf(parentOf(attachment)).filter((check) => sameOn(child, check, context.after) === undefined)
}

/** Ids of those that are there already, and are made anew. */
export function checksInTheWay(attachment: SchemaObject, context: RuleContext): string[] {
  return givenChecks(attachment, context)
    .map(idOf)
    .filter((id) => context.before(id) !== undefined)
}

/** In `needs` of INHERIT. */
export function withoutGivenChecks(attachment: SchemaObject, context: RuleContext): string[] {
  return checksInTheWay(attachment, context).map(goneId)
}

/** In `needs` of a check: ids of the attachments that it comes after. */
export function arrivalsBelow(tableId: string, context: RuleContext): string[] {
  return childrenAfter(tableId, context).flatMap((child) => [
    ...attachmentsAfter(child, context)
      .filter((one) => parentOf(one) === tableId && arrives(one, context))
      .map(idOf),
    ...arrivalsBelow(child, context),
  ])
}

/** In `needs`: ids of attachments that go for good, together with what they leave behind. */
export function formerAttachments(tableId: string, context: RuleContext): string[] {
  return attachmentsBefore(tableId, context)
    .map(idOf)
    .filter((id) => context.after(id) === undefined)
}

/** Whether the child's own is to be its parents' alone. */
export function becomesGiven(check: SchemaObject, context: RuleContext): boolean {
  return attachmentsAfter(check.parent ?? '', context).some((attachment) =>
    givenChecks(attachment, context).some((given) => given.name.at(-1) === check.name.at(-1)),
  )
}

/** Checks and foreign keys that parents and children have together. */
import { said } from '../../said.ts'
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  descendantsBefore,
  goneId,
  isPartition,
  parentOf,
  sameOn,
  stableDescendants,
} from '../partitions/family.ts'
import { becomesGiven } from './given-checks.ts'

/** What a table has from its parent becomes its own when it is let go. */
export function comesFromParent(constraint: SchemaObject, context: RuleContext): boolean {
  return attachmentsBefore(constraint.parent ?? '', context).some((attachment) => {
    if (!context.isDropped(idOf(attachment))) return false
    const above = sameOn(parentOf(attachment), constraint, context.before)
    // That one goes before the table is let go.
    const gone =
      above !== undefined && context.isDropped(idOf(above)) && above.dependsOn.includes(idOf(attachment))
    return !gone && isOnParent(constraint, attachment, context.before, context)
  })
}

/** A partition's own becomes its parent's; a child's stays its own when it is attached, and is in the way of the parent's. */
export function goesToParent(constraint: SchemaObject, context: RuleContext): boolean {
  return attachmentsAfter(constraint.parent ?? '', context).some((attachment) => {
    if (!isOnParent(constraint, attachment, context.after, context)) return false
    if (becomesGiven(constraint, context)) return false
    if (isPartition(attachment) || context.isNew(idOf(attachment))) return true
    const [before, after] = [context.before, context.after].map((lookUp) =>
      sameOn(parentOf(attachment), constraint, lookUp),
    )
    return before !== undefined && after !== undefined && !context.isDropped(idOf(before))
  })
}

function isOnParent(
  constraint: SchemaObject,
  attachment: SchemaObject,
  lookUp: RuleContext['before'],
  context: RuleContext,
): boolean {
  const { type, definition } = constraint.properties
  if ((type !== 'check' && type !== 'foreign key') || context.isNew(constraint.parent ?? '')) return false
  return sameOn(parentOf(attachment), constraint, lookUp)?.properties['definition'] === definition
}

/** Tells that the partitions of the table that it refers to, and its namesake, have gone. */
export function goneBefore(foreignKey: SchemaObject, context: RuleContext): string[] {
  const table = foreignKey.facts?.['references']
  const partitions = typeof table === 'string' ? descendantsBefore(table, context) : []
  return [idOf(foreignKey), ...partitions].filter((id) => context.isDropped(id)).map(goneId)
}

/** Checks that children have as their own as well, and that go; a parent's of that name holds on to them. */
export function checksBelow(constraint: SchemaObject, context: RuleContext): SchemaObject[] {
  const { type, definition } = constraint.properties
  if (type !== 'check' || said(definition).endsWith(' NO INHERIT')) return []
  return stableDescendants(constraint.parent ?? '', context).flatMap((child) => {
    const same = sameOn(child, constraint, context.before)
    return same !== undefined && context.isDropped(idOf(same)) ? [same] : []
  })
}

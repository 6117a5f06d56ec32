/** Indexes of partitioned tables that were made ON ONLY: whole when every partition has one attached, and not before. */
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import {
  attachedId,
  attachmentsAfter,
  childrenAfter,
  isPartition,
  parentOf,
  stableChildren,
  withoutFormer,
} from '../partitions/family.ts'
import { quote } from '../names.ts'
import { brief } from '../tools.ts'
import { attachedParts, indexIdOf } from './index-family.ts'

function isIncomplete(part: SchemaObject): boolean {
  return part.properties['incomplete'] === true
}

/**
 * In `needs` of one that is made: one that a partition lacks at this moment stays incomplete, although that partition
 * goes; and a partition that is to have none, and comes later, is given one.
 */
export function settledPartitions(part: SchemaObject, context: RuleContext): string[] {
  const gone = withoutFormer(part.parent ?? '', context)
  return isIncomplete(part) ? [...gone, ...partitionsWithout(part, context)] : gone
}

function partitionsWithout(part: SchemaObject, context: RuleContext): string[] {
  return childrenAfter(part.parent ?? '', context)
    .filter((child) => attachedParts(part, [child], context.partsAfter).length === 0)
    .flatMap((child) => attachmentsAfter(child, context).map(idOf))
}

/** Ids of the parent's that a partition, which is to have none, would be given one for. */
export function incompleteInTheWay(attachment: SchemaObject, context: RuleContext): string[] {
  if (!isPartition(attachment)) return []
  return context
    .partsAfter(parentOf(attachment))
    .filter((part) => isIncomplete(part) && context.before(idOf(part)) !== undefined)
    .filter((part) => attachedParts(part, [attachment.parent ?? ''], context.partsAfter).length === 0)
    .map(idOf)
}

/** What a partition has for its parent's indexes, and those. */
export function indexesThatMeet(attachment: SchemaObject, context: RuleContext): SchemaObject[] {
  const parent = context.after(parentOf(attachment))
  return context.partsAfter(attachment.parent ?? '').flatMap((part) => {
    const name = part.kind === 'index' ? part.properties['attachedTo'] : undefined
    if (typeof name !== 'string') return []
    const above = context.after(indexIdOf(parent, name, context.after) ?? '')
    return above === undefined ? [part] : [part, above]
  })
}

/**
 * The server looks whether it is whole whenever one is attached to it, also one that is attached already. Undefined
 * where there is none: it has to be made anew.
 */
export function completed(part: SchemaObject, context: RuleContext): Action[] | undefined {
  const table = part.parent ?? ''
  const below = attachedParts(part, stableChildren(table, context), context.partsAfter)
  const [first] = below
  if (first === undefined) return undefined
  const wasAttached = (one: SchemaObject): boolean =>
    !context.isDropped(idOf(one)) &&
    context.before(idOf(one))?.properties['attachedTo'] === one.properties['attachedTo']
  if (!below.every(wasAttached)) return []
  const [above, own] = [part, first].map((one) => quote([one.name[0] ?? '', one.name.at(-1) ?? '']))
  return [
    brief(`ALTER INDEX ${above} ATTACH PARTITION ${own}`, {
      alters: [idOf(part)],
      needs: [...below.map((one) => attachedId(idOf(one))), ...withoutFormer(table, context)],
    }),
  ]
}

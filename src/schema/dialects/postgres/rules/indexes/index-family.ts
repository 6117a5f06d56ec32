/**
 * Indexes of partitions that are attached to their parent's: they go with it and cannot go alone. Constraints that are
 * indexes likewise.
 */
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { sameJson } from '../../../../snapshot/canonical.ts'
import { idOf, objectId, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { goneId, stableChildren, stableParents } from '../partitions/family.ts'
import { standIn, textOf } from '../tools.ts'

/** A table's index, or its constraint, of that name. */
export function indexIdOf(
  table: SchemaObject | undefined,
  name: string,
  lookUp: (id: string) => SchemaObject | undefined,
): string | undefined {
  if (table === undefined) return undefined
  return [objectId('constraint', ...table.name, name), objectId('index', ...table.name, name)].find(
    (id) => lookUp(id) !== undefined,
  )
}

/** The parts of children that are attached to this index or constraint. */
export function attachedParts(
  part: SchemaObject,
  children: readonly string[],
  partsOf: (id: string) => readonly SchemaObject[],
): SchemaObject[] {
  const name = part.name.at(-1)
  return children.flatMap((child) => partsOf(child).filter((one) => isIndex(one) && attachedTo(one) === name))
}

function isIndex({ kind }: SchemaObject): boolean {
  return kind === 'index' || kind === 'constraint'
}

function attachedTo({ properties }: SchemaObject): string | undefined {
  return textOf(properties, 'attachedTo')
}

/** All that is attached to it, and to that in turn, and goes with it. */
export function goesWith(part: SchemaObject, context: RuleContext): SchemaObject[] {
  return attachedParts(part, stableChildren(part.parent ?? '', context), context.partsBefore)
    .flatMap((one) => [one, ...goesWith(one, context)])
    .filter((one) => context.isDropped(idOf(one)))
}

/** Ids of what cannot stay when an index is made anew: what goes along with it, and what does not let it go alone. */
export function unsettledBy(part: SchemaObject, context: RuleContext): string[] {
  return [...goesAlong(part, context), ...holdsOn(part, context)]
}

function goesAlong(part: SchemaObject, context: RuleContext): string[] {
  const former = context.before(idOf(part))
  if (former === undefined || becomes(former, context) !== undefined) return []
  const children = stableChildren(former.parent ?? '', context)
  return attachedParts(former, children, context.partsBefore).map(idOf)
}

/** The parent's index, when another one than this is attached to it so far, which cannot be had under this name. */
function holdsOn(part: SchemaObject, context: RuleContext): string[] {
  const above = aboveBefore(part, context)
  const attached = above === undefined ? undefined : attachedOn(part.parent ?? '', above, context)
  if (above === undefined || attached === undefined || !context.isDropped(idOf(attached))) return []
  return becomes(attached, context) === undefined ? [idOf(above)] : []
}

/** The index that this one of the target is attached to, as it is in the source; a parent that stays has it. */
function aboveBefore(part: SchemaObject, context: RuleContext): SchemaObject | undefined {
  const name = attachedTo(part)
  const [parent] = stableParents(part.parent ?? '', context)
  if (name === undefined || parent === undefined) return undefined
  const above = context.after(indexIdOf(context.after(parent), name, context.after) ?? '')
  if (above === undefined) return undefined
  return formerOf(above, context) ?? context.before(idOf(above))
}

/** A table's index that is attached to this one in the source. */
function attachedOn(table: string, above: SchemaObject, context: RuleContext): SchemaObject | undefined {
  return attachedParts(above, [table], context.partsBefore)[0]
}

/** The index of the source that goes on as this one of the target, under its name: attached to the same index. */
export function formerOf(part: SchemaObject, context: RuleContext): SchemaObject | undefined {
  const above = aboveBefore(part, context)
  if (above === undefined || (context.isDropped(idOf(above)) && becomes(above, context) === undefined))
    return undefined
  const former = attachedOn(part.parent ?? '', above, context)
  if (former === undefined || former.kind !== part.kind || idOf(former) === idOf(part)) return undefined
  return sameJson(unattached(former), unattached(part)) ? former : undefined
}

function unattached({ properties }: SchemaObject): SchemaObject['properties'] {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => name !== 'attachedTo'))
}

/** The index of the target that this one of the source goes on as, under another name. */
export function becomes(part: SchemaObject, context: RuleContext): SchemaObject | undefined {
  if (attachedTo(part) === undefined) return undefined
  return context
    .partsAfter(part.parent ?? '')
    .find((one) => attachedTo(one) !== undefined && isIndex(one) && sameId(formerOf(one, context), part))
}

function sameId(one: SchemaObject | undefined, other: SchemaObject): boolean {
  return one !== undefined && idOf(one) === idOf(other)
}

/** Ids of those like it that are to be attached, as it is not: the server takes the first that it finds. */
export function twins(part: SchemaObject, context: RuleContext): string[] {
  if (attachedTo(part) !== undefined) return []
  return context
    .partsAfter(part.parent ?? '')
    .filter((one) => one.kind === part.kind && attachedTo(one) !== undefined && isLike(one, part))
    .map(idOf)
}

/** Ids of those that are there already when the table becomes a partition, and would be taken. */
export function twinsInTheWay(table: string, context: RuleContext): string[] {
  if (context.before(table) === undefined || context.isNew(table)) return []
  const there = context
    .partsAfter(table)
    .filter((part) => isIndex(part) && context.before(idOf(part)) !== undefined)
  return there.filter((part) => twins(part, context).length > 0).map(idOf)
}

function isLike({ properties: one }: SchemaObject, { properties: other }: SchemaObject): boolean {
  return ['definition', 'using', 'unique'].every((name) => one[name] === other[name])
}

/** The name that it has while its own may still be another's. */
export function passingName(part: SchemaObject): string {
  return standIn(part.name.at(-1) ?? '', '_tenantry_name')
}

/** What tells of an index that it is gone under the name that it had. */
export function goneAs(part: SchemaObject): Pick<Action, 'drops' | 'creates'> {
  return { drops: [idOf(part)], creates: [goneId(idOf(part))] }
}

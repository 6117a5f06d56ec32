/** Who is whose partition or child, before and after, and what that means for statements that recurse. */
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, objectId, type SchemaObject, type Snapshot } from '../../../../snapshot/snapshot.ts'

interface Family {
  /** Ids of tables by the id of their parent. */
  readonly children: ReadonlyMap<string, readonly string[]>
  /** Ids of the attachments by the table that is attached. */
  readonly attachments: ReadonlyMap<string, readonly SchemaObject[]>
}

const families = new WeakMap<Snapshot, Family>()

function familyOf(snapshot: Snapshot): Family {
  const known = families.get(snapshot)
  if (known !== undefined) return known
  const children = new Map<string, string[]>()
  const attachments = new Map<string, SchemaObject[]>()
  for (const object of snapshot.objects) {
    if (object.kind !== 'attachment' || object.parent === null) continue
    const parent = parentOf(object)
    children.set(parent, [...(children.get(parent) ?? []), object.parent])
    attachments.set(object.parent, [...(attachments.get(object.parent) ?? []), object])
  }
  const family = { children, attachments }
  families.set(snapshot, family)
  return family
}

/** The id of the table that an attachment attaches to. */
export function parentOf(attachment: SchemaObject): string {
  return objectId('table', ...(attachment.properties['of'] as string[]))
}

export function isPartition(attachment: SchemaObject): boolean {
  return attachment.properties['bound'] !== undefined
}

export function attachmentsAfter(tableId: string, context: RuleContext): readonly SchemaObject[] {
  return familyOf(context.target).attachments.get(tableId) ?? []
}

export function attachmentsBefore(tableId: string, context: RuleContext): readonly SchemaObject[] {
  return familyOf(context.source).attachments.get(tableId) ?? []
}

/** Tables that are its children now and stay so all along: what is done to the table is done to them. */
export function stableChildren(tableId: string, context: RuleContext): string[] {
  const children = familyOf(context.source).children.get(tableId) ?? []
  return children.filter((child) => stableParents(child, context).includes(tableId))
}

/** The same with children's children. */
export function stableDescendants(tableId: string, context: RuleContext): string[] {
  return stableChildren(tableId, context).flatMap((child) => [child, ...stableDescendants(child, context)])
}

export function stableParents(tableId: string, context: RuleContext): string[] {
  if (context.isDropped(tableId)) return []
  return attachmentsBefore(tableId, context)
    .filter((attachment) => {
      const id = idOf(attachment)
      const parent = parentOf(attachment)
      return context.after(id) !== undefined && !context.isDropped(id) && !context.isDropped(parent)
    })
    .map(parentOf)
}

/** All children in the target, new ones too. */
export function childrenAfter(tableId: string, context: RuleContext): readonly string[] {
  return familyOf(context.target).children.get(tableId) ?? []
}

export function childrenBefore(tableId: string, context: RuleContext): readonly string[] {
  return familyOf(context.source).children.get(tableId) ?? []
}

export function descendantsBefore(tableId: string, context: RuleContext): string[] {
  return childrenBefore(tableId, context).flatMap((child) => [child, ...descendantsBefore(child, context)])
}

export function ancestorsAfter(tableId: string, context: RuleContext): string[] {
  return attachmentsAfter(tableId, context)
    .map(parentOf)
    .flatMap((parent) => [parent, ...ancestorsAfter(parent, context)])
}

export function ancestorsBefore(tableId: string, context: RuleContext): string[] {
  return attachmentsBefore(tableId, context)
    .map(parentOf)
    .flatMap((parent) => [parent, ...ancestorsBefore(parent, context)])
}

/** The part of the same kind and last name on another table. */
export function sameOn(
  tableId: string,
  part: SchemaObject,
  lookUp: (id: string) => SchemaObject | undefined,
): SchemaObject | undefined {
  const table = lookUp(tableId)
  return table === undefined ? undefined : lookUp(objectId(part.kind, ...table.name, part.name.at(-1) ?? ''))
}

/** Whether a table is dropped and created again. */
export function isMadeAnew(tableId: string, context: RuleContext): boolean {
  return context.isNew(tableId) && context.before(tableId) !== undefined
}

/** In `needs`, tells that something must have gone: a column, an attachment. */
export function goneId(id: string): string {
  return `gone:${id}`
}

/** In `needs`, tells that an index, or a constraint's, is attached to that of the parent. */
export function attachedId(id: string): string {
  return `attached:${id}`
}

/** Tells that what is let go is no child any more when something is done to a table and its children. */
export function lettingGo(tableId: string, context: RuleContext): string[] {
  return childrenBefore(tableId, context).flatMap((child) => [
    ...attachmentsBefore(child, context)
      .filter((attachment) => parentOf(attachment) === tableId && context.isDropped(idOf(attachment)))
      .map((attachment) => goneId(idOf(attachment))),
    ...(stableParents(child, context).includes(tableId) ? lettingGo(child, context) : []),
  ])
}

/** Tells that partitions and children that go, or are made anew, have gone: nothing of theirs counts any more. */
export function withoutFormer(tableId: string, context: RuleContext): string[] {
  const dropped = childrenBefore(tableId, context).filter((child) => context.isDropped(child))
  return [...lettingGo(tableId, context), ...dropped.map(goneId)]
}

/** Tells that a table itself is let go of what it was attached to. */
export function letGo(tableId: string, context: RuleContext): string[] {
  return attachmentsBefore(tableId, context)
    .filter((attachment) => context.isDropped(idOf(attachment)))
    .map((attachment) => goneId(idOf(attachment)))
}

/** Whether a parent's statement does the same to this column. */
export function coveredByParent(
  { from, to }: { readonly from: SchemaObject; readonly to: SchemaObject },
  property: string,
  context: RuleContext,
): boolean {
  return stableParents(to.parent ?? '', context).some((parent) => {
    const [before, after] = [sameOn(parent, to, context.before), sameOn(parent, to, context.after)]
    if (before === undefined || after === undefined) return false
    const same = (a: SchemaObject, b: SchemaObject): boolean =>
      JSON.stringify(a.properties[property]) === JSON.stringify(b.properties[property])
    return same(before, from) && same(after, to)
  })
}

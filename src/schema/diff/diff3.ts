/** Two changes of one schema brought together: what both sides want, and where they cannot both have it. */
import { sameJson } from '../snapshot/canonical.ts'
import {
  idOf,
  indexObjects,
  makeSnapshot,
  type Properties,
  type SchemaObject,
  type Snapshot,
} from '../snapshot/snapshot.ts'
import { diff, type Change } from './diff.ts'

export interface Conflict {
  readonly id: string
  /** What each side did to the object. */
  readonly ours: Change
  readonly theirs: Change
  /** The properties that both changed, differently; empty when one side dropped what the other changed. */
  readonly properties: readonly string[]
  /** One sentence for people. */
  readonly message: string
}

export interface Merge {
  /** All of ours and theirs; where they conflict, ours. */
  readonly merged: Snapshot
  readonly conflicts: readonly Conflict[]
}

/**
 * Three-way difference. Changes of different objects, of different properties of one object, and equal changes go
 * together; all else is a conflict, named with what each side did.
 */
export function diff3(base: Snapshot, ours: Snapshot, theirs: Snapshot): Merge {
  const mine = new Map(diff(base, ours).map((change) => [change.id, change]))
  const objects = new Map(indexObjects(ours))
  const conflicts: Conflict[] = []
  for (const change of diff(base, theirs)) {
    const own = mine.get(change.id)
    if (own === undefined) take(objects, change)
    else {
      const { object, properties } = together(own, change)
      if (properties !== undefined) conflicts.push(conflict(own, change, properties))
      if (object !== undefined) objects.set(change.id, object)
    }
  }
  conflicts.push(...orphans(objects, mine, base, theirs))
  const unmodelled = [...ours.unmodelled, ...theirs.unmodelled]
  return {
    merged: makeSnapshot(ours.dialect, ours.serverVersion, [...objects.values()], unmodelled),
    conflicts,
  }
}

function take(objects: Map<string, SchemaObject>, change: Change): void {
  if (change.type === 'drop') objects.delete(change.id)
  else objects.set(change.id, change.to)
}

/** Both sides changed the object: the object with both changes, and the properties that they do not agree on. */
function together(own: Change, other: Change): { object?: SchemaObject; properties?: readonly string[] } {
  if (own.type === 'drop' && other.type === 'drop') return {}
  if (own.type === 'drop' || other.type === 'drop') return { properties: [] }
  const [before, mine, theirs] = [own.type === 'alter' ? own.from.properties : {}, own.to, other.to]
  const names = [...new Set([...Object.keys(mine.properties), ...Object.keys(theirs.properties)])].toSorted()
  const disputed = names.filter(
    (name) =>
      !same(mine.properties[name], theirs.properties[name]) &&
      !same(mine.properties[name], before[name]) &&
      !same(theirs.properties[name], before[name]),
  )
  if (disputed.length > 0) return { properties: disputed }
  const properties = Object.fromEntries(
    names
      .map((name) => [
        name,
        same(mine.properties[name], before[name]) ? theirs.properties[name] : mine.properties[name],
      ])
      .filter(([, value]) => value !== undefined),
  ) as Properties
  const dependsOn = [...new Set([...mine.dependsOn, ...theirs.dependsOn])].toSorted()
  return { object: { ...mine, properties, dependsOn } }
}

function same(a: Properties[string] | undefined, b: Properties[string] | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameJson(a, b)
}

/** What one side made inside of, or on top of, something that the other dropped. */
function orphans(
  objects: ReadonlyMap<string, SchemaObject>,
  mine: ReadonlyMap<string, Change>,
  base: Snapshot,
  theirs: Snapshot,
): Conflict[] {
  const other = new Map(diff(base, theirs).map((change) => [change.id, change]))
  const found: Conflict[] = []
  for (const object of objects.values()) {
    for (const needed of [object.parent, ...object.dependsOn]) {
      if (needed === null || objects.has(needed)) continue
      const id = idOf(object)
      const [ours, dropped] = [mine.get(id) ?? mine.get(needed), other.get(needed) ?? other.get(id)]
      if (ours !== undefined && dropped !== undefined) found.push(conflict(ours, dropped, []))
    }
  }
  return found
}

function conflict(ours: Change, theirs: Change, properties: readonly string[]): Conflict {
  const message = `${ours.id}: ours ${words(ours, properties)}, theirs ${words(theirs, properties)}`
  return { id: ours.id, ours, theirs, properties, message }
}

function words(change: Change, disputed: readonly string[]): string {
  if (change.type === 'drop') return `drops ${change.id}`
  if (change.type === 'rename') return `renames ${idOf(change.from)}`
  const values = disputed.map((name) => `${name} to ${JSON.stringify(change.to.properties[name] ?? null)}`)
  if (values.length > 0) return `sets ${values.join(', ')}`
  return change.type === 'create' ? `creates ${change.id}` : `changes its ${change.properties.join(', ')}`
}

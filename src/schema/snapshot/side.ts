/** A snapshot made easy to look things up in: by id, by parent, by what is depended on. */
import { idOf, indexObjects, type SchemaObject, type Snapshot } from './snapshot.ts'

export interface Side {
  readonly objects: ReadonlyMap<string, SchemaObject>
  /** Objects by the id of their parent. */
  readonly parts: ReadonlyMap<string, readonly SchemaObject[]>
  /** Objects by each id that they depend on. */
  readonly dependents: ReadonlyMap<string, readonly SchemaObject[]>
}

const sides = new WeakMap<Snapshot, Side>()

/** Made once for each snapshot. */
export function sideOf(snapshot: Snapshot): Side {
  const known = sides.get(snapshot)
  if (known !== undefined) return known
  const made = makeSide(snapshot)
  sides.set(snapshot, made)
  return made
}

function makeSide(snapshot: Snapshot): Side {
  const parts = new Map<string, SchemaObject[]>()
  const dependents = new Map<string, SchemaObject[]>()
  for (const object of snapshot.objects) {
    if (object.parent !== null) listAt(parts, object.parent).push(object)
    for (const id of object.dependsOn) listAt(dependents, id).push(object)
  }
  return { objects: indexObjects(snapshot), parts, dependents }
}

/** The list kept under a key, made on first use. */
export function listAt<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const known = lists.get(key)
  if (known !== undefined) return known
  const made: V[] = []
  lists.set(key, made)
  return made
}

/** Ids of an object and of all its parts, and theirs. */
export function wholeOf(side: Side, id: string): string[] {
  return [id, ...(side.parts.get(id) ?? []).flatMap((part) => wholeOf(side, idOf(part)))]
}

/**
 * What differs between two snapshots. No kind of object is known here: an object is created, dropped, or altered in
 * some of its properties; renames come from `renames.ts`.
 */
import { canonicalJson } from '../../lib/canonical-json.ts'
import { sameJson, type Json } from '../snapshot/canonical.ts'
import {
  byCodePoint,
  idOf,
  indexObjects,
  knownEqual,
  type SchemaObject,
  type Snapshot,
} from '../snapshot/snapshot.ts'

export interface Created {
  readonly type: 'create'
  readonly id: string
  readonly to: SchemaObject
}
export interface Dropped {
  readonly type: 'drop'
  readonly id: string
  readonly from: SchemaObject
}
export interface Altered {
  readonly type: 'alter'
  readonly id: string
  readonly from: SchemaObject
  readonly to: SchemaObject
  /** Names of the properties that differ, sorted; `parent` is among them when that changed. */
  readonly properties: readonly string[]
}
/** An object keeps its contents and takes another name. Its other differences are changes of their own, under the new id. */
export interface Renamed {
  readonly type: 'rename'
  /** The new id. */
  readonly id: string
  readonly from: SchemaObject
  readonly to: SchemaObject
}

export type Change = Created | Dropped | Altered | Renamed

/** Changes that turn `from` into `to`, sorted by id; empty exactly when the fingerprints are equal. */
export function diff(from: Snapshot, to: Snapshot): Change[] {
  if (from.fingerprint === to.fingerprint) return []
  const before = indexObjects(from)
  const after = indexObjects(to)
  const changes: Change[] = []
  for (const [id, object] of before) {
    const target = after.get(id)
    if (target === undefined) changes.push({ type: 'drop', id, from: object })
    else if (!knownEqual(object, target)) {
      const properties = differingProperties(object, target)
      if (properties.length > 0) changes.push({ type: 'alter', id, from: object, to: target, properties })
    }
  }
  for (const [id, object] of after) if (!before.has(id)) changes.push({ type: 'create', id, to: object })
  return changes.toSorted((a, b) => byCodePoint(a.id, b.id))
}

function differingProperties(from: SchemaObject, to: SchemaObject): string[] {
  const names = new Set([...Object.keys(from.properties), ...Object.keys(to.properties)])
  const differing = [...names].filter((name) => {
    const [a, b] = [from.properties[name], to.properties[name]]
    return a === undefined || b === undefined ? a !== b : !sameJson(a, b)
  })
  if (from.parent !== to.parent) differing.push('parent')
  return differing.toSorted(byCodePoint)
}

/** A canonical text of changes, the same for two tenants exactly when they differ from the target in the same way. */
export function changesKey(changes: readonly Change[]): string {
  return canonicalJson(
    changes.map((change): Json => {
      if (change.type === 'create') return ['create', change.id, change.to.properties]
      if (change.type === 'drop') return ['drop', change.id, change.from.properties]
      if (change.type === 'rename') return ['rename', idOf(change.from), change.id]
      return ['alter', change.id, change.from.properties, change.to.properties]
    }),
  )
}

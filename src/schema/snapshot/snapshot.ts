/**
 * A schema as plain data: a flat list of objects, each with a stable id, all that can differ about it, and what it
 * needs to exist. Made by a dialect's `inspect`; nothing here knows any kind of object.
 */
import { hashOf, type Json } from './canonical.ts'

export type DialectName = 'postgres' | 'mysql' | 'sqlite'

export type Properties = Readonly<Record<string, Json>>

/** One object of a schema. */
export interface SchemaObject {
  /** e.g. `table`, `column`, `index`: a key of the dialect's rule table. */
  readonly kind: string
  /** Outermost first, e.g. `['public', 'orders', 'id']`; a function's last part holds its argument types. */
  readonly name: readonly string[]
  /** Id of the object that it is a part of: dropping that one drops it too, with no statement of its own. */
  readonly parent: string | null
  /** All that can differ. Two objects of one id are equal exactly when these are. */
  readonly properties: Properties
  /** Ids that must exist before it, from the catalogue's own dependencies; sorted, without its parent. */
  readonly dependsOn: readonly string[]
  /** What helps to make a plan and is no difference: the position of a column, the rows of a table. */
  readonly facts?: Properties
}

/** Something that was found and that the snapshot does not describe. */
export interface Unmodelled {
  readonly kind: string
  readonly name: string
  /** Why it matters, in words. */
  readonly detail: string
}

export interface Snapshot {
  readonly format: 1
  readonly dialect: DialectName
  /** e.g. `15.14`; not part of the fingerprint. */
  readonly serverVersion: string
  /** SHA-256, hex, of all objects: equal exactly when the schemas are. */
  readonly fingerprint: string
  /** Sorted by id. */
  readonly objects: readonly SchemaObject[]
  readonly unmodelled: readonly Unmodelled[]
}

/** Written for the placeholder of a masked schema name, so that a thousand `tenant_x` schemas are one. */
export const MASKED_SCHEMA = '{tenant}'

/** `table:public.orders`; a part that is not a plain lower-case name is quoted, so no two names share an id. */
export function objectId(kind: string, ...name: readonly string[]): string {
  return idFor(kind, name)
}

export function idOf(object: Pick<SchemaObject, 'kind' | 'name'>): string {
  return idFor(object.kind, object.name)
}

function idFor(kind: string, name: readonly string[]): string {
  let id = `${kind}:`
  for (let at = 0; at < name.length; at++) id += (at === 0 ? '' : '.') + namePart(name[at] as string)
  return id
}

function namePart(part: string): string {
  return /^[a-z_{][a-z0-9_$}]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`
}

/** Fingerprint of one object, equal exactly when the objects are: what it is, where it is, its properties. SHA-256, hex. */
export function objectFingerprint(object: SchemaObject): string {
  return fingerprintOf(idOf(object), object)
}

const fingerprints = new WeakMap<SchemaObject, string>()

function fingerprintOf(id: string, object: SchemaObject): string {
  const known = fingerprints.get(object)
  if (known !== undefined) return known
  const made = hashOf([id, object.parent, object.properties])
  fingerprints.set(object, made)
  return made
}

/** Whether the fingerprints of both have been made, and are equal: tells at once that two objects are. */
export function knownEqual(one: SchemaObject, other: SchemaObject): boolean {
  const fingerprint = fingerprints.get(one)
  return fingerprint !== undefined && fingerprint === fingerprints.get(other)
}

/** Puts objects in their canonical order and adds the fingerprint of the whole. */
export function makeSnapshot(
  dialect: DialectName,
  serverVersion: string,
  objects: readonly SchemaObject[],
  unmodelled: readonly Unmodelled[],
): Snapshot {
  const byId = new Map(objects.map((object) => [idOf(object), object]))
  if (byId.size !== objects.length)
    throw new Error(`Two objects share an id: ${duplicates(objects).join(', ')}`)
  const ids = [...byId.keys()].toSorted(byCodePoint)
  const sorted = ids.map((id) => byId.get(id) as SchemaObject)
  const each = ids.map((id, at) => fingerprintOf(id, sorted[at] as SchemaObject))
  return {
    format: 1,
    dialect,
    serverVersion,
    fingerprint: hashOf([dialect, ...each]),
    objects: sorted,
    unmodelled: unmodelled.toSorted((a, b) => byCodePoint(`${a.kind} ${a.name}`, `${b.kind} ${b.name}`)),
  }
}

/** Facts of one database at one moment, which another with the same schema does not share. */
const MEASURES: ReadonlySet<string> = new Set(['rows', 'bytes', 'empty', 'invalidIndexes'])

/** The facts that hold wherever the schema does; undefined for none. */
export function lastingFacts(facts: Properties | undefined): Properties | undefined {
  const lasting = Object.entries(facts ?? {}).filter(([name]) => !MEASURES.has(name))
  return lasting.length === 0 ? undefined : Object.fromEntries(lasting)
}

/** The schema alone, where the database that it was read in says nothing about those that it is meant for. */
export function withoutMeasures(snapshot: Snapshot): Snapshot {
  const objects = snapshot.objects.map(({ facts, ...object }): SchemaObject => {
    const lasting = lastingFacts(facts)
    return lasting === undefined ? object : { ...object, facts: lasting }
  })
  return { ...snapshot, objects }
}

/** A total order that depends on no locale. */
export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function duplicates(objects: readonly SchemaObject[]): string[] {
  const seen = new Set<string>()
  return objects.map(idOf).filter((id) => seen.has(id) || !seen.add(id))
}

const indexes = new WeakMap<Snapshot, ReadonlyMap<string, SchemaObject>>()

/** Objects by id, for looking things up; made once for each snapshot. */
export function indexObjects(snapshot: Snapshot): ReadonlyMap<string, SchemaObject> {
  const known = indexes.get(snapshot)
  if (known !== undefined) return known
  const index = new Map(snapshot.objects.map((object) => [idOf(object), object]))
  indexes.set(snapshot, index)
  return index
}

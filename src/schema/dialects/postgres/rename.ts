/** A snapshot with one object under another name, as the catalogue would show it after ALTER … RENAME. */
import { sameJson, type Json } from '../../snapshot/canonical.ts'
import {
  idOf,
  makeSnapshot,
  MASKED_SCHEMA,
  objectId,
  type SchemaObject,
  type Snapshot,
} from '../../snapshot/snapshot.ts'
import { usualNotNullName } from './usual-names.ts'

/** Kinds whose qualified names stand in the definitions of others. */
const NAMED_IN_DEFINITIONS = new Set([
  'table',
  'foreign_table',
  'view',
  'materialized_view',
  'sequence',
  'enum',
  'domain',
  'composite_type',
  'range',
])

/**
 * Ids follow, of the object and of all its parts; so do qualified names in definitions. Where a definition shows a
 * name in another way (a column's, say), it counts as changed and is brought to the target like any other.
 */
export function rename(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): Snapshot {
  const renamed = new Map<string, readonly string[]>()
  for (const object of snapshot.objects) {
    if (isPublished(object, from)) renamed.set(idOf(object), [object.name[0] ?? '', ...name])
    if (isAttachedTo(object, from) && object.name.length > 2)
      renamed.set(idOf(object), [...object.name.slice(0, 2), name.join('.')])
    if (!isWithin(snapshot, object, idOf(from))) continue
    renamed.set(idOf(object), [...name, ...object.name.slice(name.length)])
  }
  const idAfter = (id: string): string => {
    const path = renamed.get(id)
    return path === undefined ? id : objectId(id.slice(0, id.indexOf(':')), ...path)
  }
  const children = childrenOf(snapshot, from)
  const text = NAMED_IN_DEFINITIONS.has(from.kind) ? replacer(from.name, name) : (value: string) => value
  const partitions = partitionsIn(snapshot)
  const keepsName = ({ kind, parent }: SchemaObject): boolean => kind === 'column' && !partitions.has(parent)
  const objects = snapshot.objects.map((object): SchemaObject => {
    const path = renamed.get(idOf(object))
    const changed: SchemaObject = {
      ...object,
      name: path ?? object.name,
      parent: object.parent === null ? null : idAfter(object.parent),
      properties: mapTexts(
        isAttachedTo(object, from)
          ? { ...object.properties, of: name }
          : attachedTo(object, from, name, children),
        text,
      ) as SchemaObject['properties'],
      // Rules compare what facts say as well, e.g. what a function gives back.
      ...(object.facts === undefined
        ? {}
        : { facts: mapTexts(object.facts, text) as NonNullable<SchemaObject['facts']> }),
      dependsOn: object.dependsOn.map(idAfter).toSorted(),
    }
    return path !== undefined && keepsName(object) ? namingNotNull(changed) : changed
  })
  return makeSnapshot(snapshot.dialect, snapshot.serverVersion, objects, snapshot.unmodelled)
}

function partitionsIn({ objects }: Snapshot): ReadonlySet<string | null> {
  const attachments = objects.filter(({ kind, properties }) => kind === 'attachment' && 'bound' in properties)
  return new Set(attachments.map(({ parent }) => parent))
}

/** From 18 on a NOT NULL keeps its name, which is not the usual one any more. */
function namingNotNull(column: SchemaObject): SchemaObject {
  const { notNullName: _, ...properties } = column.properties
  const name = column.facts?.['notNullConstraint']
  if (typeof name !== 'string' || properties['notNullOfParent'] === true) return column
  const [, table = '', own = ''] = column.name
  const isUsual = name === usualNotNullName(table, own)
  return { ...column, properties: isUsual ? properties : { ...properties, notNullName: name } }
}

function isAttachedTo({ kind, properties }: SchemaObject, { kind: to, name }: SchemaObject): boolean {
  return (
    kind === 'attachment' &&
    (to === 'table' || to === 'foreign_table') &&
    sameJson(properties['of'] ?? null, [...name])
  )
}

/** Ids of the partitions of the table whose index it is. */
function childrenOf({ objects }: Snapshot, index: SchemaObject): ReadonlySet<string | null> {
  if (index.kind !== 'index' && index.kind !== 'constraint') return new Set()
  const table = { ...index, kind: 'table', name: index.name.slice(0, -1) }
  return new Set(objects.filter((one) => isAttachedTo(one, table)).map(({ parent }) => parent))
}

/** The indexes of partitions tell which of their parent's they belong to. */
function attachedTo(
  { kind, parent, properties }: SchemaObject,
  from: SchemaObject,
  name: readonly string[],
  children: ReadonlySet<string | null>,
): SchemaObject['properties'] {
  if ((kind !== 'index' && kind !== 'constraint') || !children.has(parent)) return properties
  if (properties['attachedTo'] !== from.name.at(-1)) return properties
  return { ...properties, attachedTo: name.at(-1) ?? '' }
}

/** A table in a publication is called as the table is. */
function isPublished({ kind, name }: SchemaObject, table: SchemaObject): boolean {
  return kind === 'publication_table' && table.kind === 'table' && sameJson(name.slice(1), [...table.name])
}

function isWithin(snapshot: Snapshot, object: SchemaObject, id: string): boolean {
  if (idOf(object) === id) return true
  const parents = parentsOf(snapshot)
  for (let up = object.parent; up !== null; up = parents.get(up) ?? null) if (up === id) return true
  return false
}

const known = new WeakMap<Snapshot, ReadonlyMap<string, string | null>>()

function parentsOf(snapshot: Snapshot): ReadonlyMap<string, string | null> {
  const found = known.get(snapshot)
  if (found !== undefined) return found
  const made = new Map(snapshot.objects.map((object) => [idOf(object), object.parent]))
  known.set(snapshot, made)
  return made
}

/** Names as the server writes them in definitions; one that it would quote as a keyword is not replaced. */
function replacer(from: readonly string[], to: readonly string[]): (text: string) => string {
  const pattern = new RegExp(`(?<![\\w$".])${RegExp.escape(written(from))}(?![\\w$"])`, 'gu')
  const replacement = written(to)
  return (text) => text.replaceAll(pattern, () => replacement)
}

function written(name: readonly string[]): string {
  const parts = name[0] === MASKED_SCHEMA ? name.slice(1) : name
  return parts
    .map((part) => (/^[a-z_][a-z0-9_]*$/u.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.')
}

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value)
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item: Json) => mapTexts(item, change))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]))
}

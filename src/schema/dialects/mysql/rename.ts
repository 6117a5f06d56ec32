/** What a snapshot is after a rename, with all that the server itself carries along. */
import { asText } from './text/properties.ts'
import type { Json } from '../../snapshot/canonical.ts'
import {
  idOf,
  makeSnapshot,
  objectId,
  type Properties,
  type SchemaObject,
  type Snapshot,
} from '../../snapshot/snapshot.ts'
import { mysqlIdent } from '../../../engine/mysql-sql.ts'
import { tokensOf, unquoted } from './text/tokens.ts'

/** The server does not follow a rename in views, and in triggers and routines only in the table that a trigger is on. */
export function rename(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): Snapshot {
  const renamed =
    from.kind === 'table' ? renamedTable(snapshot, from, name) : renamedPart(snapshot, from, name)
  return makeSnapshot(snapshot.dialect, snapshot.serverVersion, renamed, snapshot.unmodelled)
}

const PARTS = ['column', 'index', 'check', 'foreign_key', 'trigger']

function renamedTable(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): SchemaObject[] {
  const [old, now] = [from.name[0] as string, name[0] as string]
  const mariaDb = snapshot.serverVersion.includes('MariaDB')
  const isPart = (object: SchemaObject): boolean => PARTS.includes(object.kind) && object.name[0] === old
  const nameAfter = (object: SchemaObject): readonly string[] => {
    if (!isPart(object)) return object === from ? name : object.name
    const own = object.name[1] as string
    // The server named it after the table, and does so again.
    const generated =
      (object.kind === 'foreign_key' && own.startsWith(`${old}_ibfk_`)) ||
      (object.kind === 'check' && !mariaDb && own.startsWith(`${old}_chk_`))
    return [now, generated ? `${now}${own.slice(old.length)}` : own]
  }
  const ids = new Map(
    snapshot.objects.map((object) => [idOf(object), objectId(object.kind, ...nameAfter(object))]),
  )
  return snapshot.objects.map((object) => {
    const moved = withIds({ ...object, name: nameAfter(object) }, ids)
    if (
      object.kind === 'foreign_key' &&
      object.properties['references'] === old &&
      object.properties['database'] === undefined
    ) {
      return { ...moved, properties: { ...moved.properties, references: now } }
    }
    return isPart(object) && object.kind === 'trigger'
      ? { ...moved, properties: onTable(moved.properties, now) }
      : moved
  })
}

function withIds(object: SchemaObject, ids: ReadonlyMap<string, string>): SchemaObject {
  return {
    ...object,
    parent: object.parent === null ? null : (ids.get(object.parent) ?? object.parent),
    dependsOn: object.dependsOn.map((id) => ids.get(id) ?? id).toSorted(),
  }
}

function onTable(properties: Properties, table: string): Properties {
  const definition = asText(properties['definition'])
  const tokens = tokensOf(definition)
  const on = tokens.findIndex((token) => token.text.toUpperCase() === 'ON')
  const place = tokens[on + 1]
  if (place === undefined) return properties
  return {
    ...properties,
    definition: `${definition.slice(0, place.start)}${mysqlIdent(table)}${definition.slice(place.end)}`,
  }
}

/** A column or an index; a view goes like an index: nothing else follows it. */
function renamedPart(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): SchemaObject[] {
  const ids = new Map([[idOf(from), objectId(from.kind, ...name)]])
  return snapshot.objects.map((object) => {
    const moved = withIds(object === from ? { ...object, name } : object, ids)
    return from.kind === 'column' ? { ...moved, properties: withColumn(object, from, name) } : moved
  })
}

function withColumn(object: SchemaObject, from: SchemaObject, name: readonly string[]): Properties {
  const [table, old, now] = [from.name[0], from.name[1], name[1]] as [string, string, string]
  const follow = (names: Json | undefined): Json =>
    (names as readonly string[]).map((one) => (one === old ? now : one))
  const { properties } = object
  if (object.kind === 'foreign_key') {
    const own = object.name[0] === table ? { columns: follow(properties['columns']) } : {}
    const other = properties['references'] === table && properties['database'] === undefined
    return {
      ...properties,
      ...own,
      ...(other ? { referencedColumns: follow(properties['referencedColumns']) } : {}),
    }
  }
  const inTable = object.name[0] === table && ['table', 'column', 'index', 'check'].includes(object.kind)
  return inTable ? (inTexts(properties, old, now) as Properties) : properties
}

/** The name in backticks, wherever it stands in canonical expressions. */
function inTexts(value: Json, old: string, now: string): Json {
  if (typeof value === 'string') return inText(value, old, now)
  if (Array.isArray(value)) return value.map((one) => inTexts(one, old, now))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inTexts(one, old, now)]))
}

function inText(text: string, old: string, now: string): string {
  let result = ''
  let at = 0
  for (const token of tokensOf(text)) {
    if (token.kind !== 'name' || unquoted(token.text) !== old) continue
    result += text.slice(at, token.start) + mysqlIdent(now)
    at = token.end
  }
  return result + text.slice(at)
}

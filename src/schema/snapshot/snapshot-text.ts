/**
 * A snapshot as a text that is kept in files, in git and in databases: the same schema gives the same bytes, and
 * what changed in a schema is what changed in its lines.
 */
import { z } from 'zod'
import { TenantryError } from '../../lib/errors.ts'
import type { Json } from './canonical.ts'
import {
  idOf,
  lastingFacts,
  makeSnapshot,
  objectFingerprint,
  type SchemaObject,
  type Snapshot,
} from './snapshot.ts'

/** A list of plain values stays on its line up to this many characters. */
const LINE = 100

const json: z.ZodType<Json> = z.json()

const format = z.looseObject({ format: z.int() })

const file = z.strictObject({
  format: z.literal(1),
  dialect: z.enum(['postgres', 'mysql', 'sqlite']),
  serverVersion: z.string(),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  unmodelled: z.array(z.strictObject({ kind: z.string(), name: z.string(), detail: z.string() })),
  objects: z.array(
    z.strictObject({
      kind: z.string().min(1),
      name: z.array(z.string()).min(1),
      parent: z.string().nullable(),
      /** Its own; files of before have none. */
      fingerprint: z.string().optional(),
      properties: z.record(z.string(), json),
      dependsOn: z.array(z.string()),
      facts: z.record(z.string(), json).optional(),
    }),
  ),
})

/** The text of a snapshot, ending in a line end. What is measured in one database is left out. */
export function snapshotText(snapshot: Snapshot): string {
  const { format: version, dialect, serverVersion, fingerprint, unmodelled } = snapshot
  const head = { format: version, dialect, serverVersion, fingerprint, unmodelled: unmodelled.map(plain) }
  const objects = snapshot.objects.map((object) => {
    const facts = lastingFacts(object.facts)
    return {
      kind: object.kind,
      name: object.name,
      parent: object.parent,
      fingerprint: objectFingerprint(object),
      properties: sorted(object.properties),
      dependsOn: object.dependsOn,
      ...(facts === undefined ? {} : { facts: sorted(facts) }),
    }
  })
  return `${render({ ...head, objects }, '')}\n`
}

function plain(value: { kind: string; name: string; detail: string }): Json {
  return { kind: value.kind, name: value.name, detail: value.detail }
}

function sorted(value: Json): Json {
  if (isList(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  const keys = Object.keys(value).toSorted()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] as Json)]))
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function render(value: Json, indent: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const deeper = `${indent}  `
  if (isList(value)) {
    if (value.every((item) => item === null || typeof item !== 'object')) {
      const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
      if (line.length <= LINE) return line
    }
    return `[\n${value.map((item) => deeper + render(item, deeper)).join(',\n')}\n${indent}]`
  }
  const keys = Object.keys(value)
  if (keys.length === 0) return '{}'
  const lines = keys.map((key) => `${deeper}${JSON.stringify(key)}: ${render(value[key] as Json, deeper)}`)
  return `{\n${lines.join(',\n')}\n${indent}}`
}

/**
 * Reads what `snapshotText` wrote.
 * @param where its name, for messages
 * @throws TenantryError `invalid_input`: not a snapshot, of a newer format, or edited (its fingerprint is not that
 *   of its objects)
 */
export function parseSnapshot(text: string, where: string): Snapshot {
  return checkSnapshot(parseJson(text, where), where)
}

/** As `parseSnapshot`, for what has been read as JSON already. */
export function checkSnapshot(value: unknown, where: string): Snapshot {
  const version = format.safeParse(value)
  if (!version.success) throw foreign(where, 'it has no field "format"')
  if (version.data.format > 1) {
    throw new TenantryError(
      'invalid_input',
      `${where} is a snapshot of format ${version.data.format}; this Tenantry reads format 1.`,
      { nextSteps: ['It was written by a newer Tenantry: use that one or a later one.'] },
    )
  }
  const read = file.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    throw foreign(where, `/${issue?.path.map(String).join('/') ?? ''}: ${issue?.message ?? 'not valid'}`)
  }
  const { dialect, serverVersion, fingerprint, objects, unmodelled } = read.data
  const snapshot = made(where, () =>
    makeSnapshot(
      dialect,
      serverVersion,
      objects.map(({ kind, name, parent, properties, dependsOn, facts }) => {
        const object = { kind, name, parent, properties, dependsOn }
        return facts === undefined ? object : { ...object, facts }
      }),
      unmodelled,
    ),
  )
  if (snapshot.fingerprint === fingerprint) return snapshot
  const edited = objects
    .filter((object) => object.fingerprint !== undefined && object.fingerprint !== ownFingerprint(object))
    .map(idOf)
  throw new TenantryError(
    'invalid_input',
    `${where} was edited${among(edited)}: it says fingerprint ${fingerprint.slice(0, 12)}…, its objects have ${snapshot.fingerprint.slice(0, 12)}….`,
    {
      nextSteps: [
        'Take the snapshot again (tenantry schema inspect), or restore the file.',
        'To describe a schema by hand write SQL: a .sql file is taken wherever a snapshot is.',
      ],
    },
  )
}

function ownFingerprint({
  kind,
  name,
  parent,
  properties,
}: Pick<SchemaObject, 'kind' | 'name' | 'parent' | 'properties'>): string {
  return objectFingerprint({ kind, name, parent, properties, dependsOn: [] })
}

function among(ids: readonly string[]): string {
  if (ids.length === 0) return ''
  return ` (${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ` and ${ids.length - 3} more` : ''})`
}

function made(where: string, make: () => Snapshot): Snapshot {
  try {
    return make()
  } catch (cause) {
    throw foreign(where, cause instanceof Error ? cause.message : String(cause))
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw foreign(where, cause instanceof Error ? cause.message : String(cause))
  }
}

function foreign(where: string, why: string): TenantryError {
  return new TenantryError('invalid_input', `${where} is not a snapshot: ${why}.`, {
    nextSteps: ['Make one: tenantry schema inspect DATABASE --out schema.json'],
  })
}

/** Changing the type of a column: how its values are carried over, and what that costs. */
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'

/** Kinds that a column's values are of. */
const TYPE_KINDS = new Set([
  'enum',
  'domain',
  'composite_type',
  'range',
  'base_type',
  'table',
  'foreign_table',
  'view',
  'collation',
])

export function isTypeId(id: string): boolean {
  return TYPE_KINDS.has(id.slice(0, id.indexOf(':')))
}

export interface Type {
  /** Without modifiers and brackets, e.g. `character varying`. */
  readonly base: string
  /** Of an interval: `day to second`, empty for all. */
  readonly fields: string
  readonly modifiers: readonly number[]
  readonly array: boolean
}

export function parsed(type: string): Type {
  const array = type.endsWith('[]')
  const plain = array ? type.slice(0, -2) : type
  const modifiers = /\((\d+(?:,-?\d+)*)\)/.exec(plain)
  const base = plain.replace(/\(\d+(?:,-?\d+)*\)/, '')
  const interval = base.startsWith('interval ')
  return {
    base: interval ? 'interval' : base,
    fields: interval ? base.slice('interval '.length) : '',
    modifiers: modifiers?.[1]?.split(',').map(Number) ?? [],
    array,
  }
}

export const TEXTS: ReadonlySet<string> = new Set([
  'text',
  'character varying',
  'character',
  'name',
  'citext',
])
const INTEGERS = ['smallint', 'integer', 'bigint']
const NUMBERS = new Set([...INTEGERS, 'numeric', 'real', 'double precision'])
const TIMES = new Set(['date', 'timestamp without time zone', 'timestamp with time zone'])
/** Casts that an ALTER TYPE makes by itself, beside those within numbers, times and to texts. */
const ASSIGNED = new Set([
  'json jsonb',
  'jsonb json',
  'inet cidr',
  'cidr inet',
  'macaddr macaddr8',
  'macaddr8 macaddr',
  'integer money',
  'bigint money',
  'numeric money',
  'money numeric',
  'bit bit varying',
  'bit varying bit',
  'time without time zone interval',
  'interval time without time zone',
  'time without time zone time with time zone',
  'time with time zone time without time zone',
  'timestamp without time zone time without time zone',
  'timestamp with time zone time without time zone',
  'timestamp with time zone time with time zone',
  'integer oid',
  'oid integer',
])
/** Casts that have to be written. */
const WRITTEN = new Set([
  'boolean integer',
  'integer boolean',
  'integer bit',
  'bigint bit',
  'bit integer',
  'bit bigint',
  'jsonb numeric',
  'jsonb integer',
  'jsonb bigint',
  'jsonb boolean',
  'jsonb double precision',
  'xml text',
  'text xml',
])

/** The expression that gives the new value, or undefined when the server finds it by itself. */
export function conversion(column: string, from: string, to: string): string | undefined {
  const [a, b] = [parsed(from), parsed(to)]
  if (a.array && b.array) return ofArrays(column, a, b, to)
  if (a.array) return TEXTS.has(b.base) ? undefined : `${column}::text::${to}`
  if (b.array) {
    const element = conversion(column, from, to.slice(0, -2)) ?? column
    return `CASE WHEN ${column} IS NULL THEN NULL ELSE ARRAY[${element}]::${to} END`
  }
  if (a.base === b.base) return a.base.startsWith('bit') ? `${column}::${to}` : undefined
  if (castsByItself(a.base, b.base)) return undefined
  if (TEXTS.has(a.base) || WRITTEN.has(`${a.base} ${b.base}`)) return `${column}::${to}`
  if (b.base === 'boolean' && NUMBERS.has(a.base)) return `(${column} <> 0)`
  if (a.base === 'boolean' && NUMBERS.has(b.base)) return `${column}::integer::${to}`
  return `${column}::text::${to}`
}

function ofArrays(column: string, a: Type, b: Type, to: string): string | undefined {
  if (a.base === b.base) return a.base.startsWith('bit') ? `${column}::${to}` : undefined
  const alike = [TEXTS, NUMBERS].some((family) => family.has(a.base) && family.has(b.base))
  if (alike) return undefined
  return TEXTS.has(a.base) ? `${column}::${to}` : `${column}::text[]::${to}`
}

function castsByItself(from: string, to: string): boolean {
  if (TEXTS.has(to)) return true
  if (NUMBERS.has(from) && NUMBERS.has(to)) return true
  return (TIMES.has(from) && TIMES.has(to)) || ASSIGNED.has(`${from} ${to}`)
}

/** Stored alike, by pg_cast: the server takes one for the other as it is. */
const STORED_ALIKE = new Set([
  'text character varying',
  'character varying text',
  'cidr inet',
  'xml text',
  'xml character varying',
  'integer oid',
  'oid integer',
  'bit bit varying',
  // In UTC, in which plans run.
  'timestamp without time zone timestamp with time zone',
  'timestamp with time zone timestamp without time zone',
])

/** Types that have less room with a modifier than without, or with a smaller one, and else the same values. */
const WITH_ROOM = /^(?:character varying|bit varying|numeric|timestamp|time|interval)(?: |$)/

/** Whether the values stay as they are stored, so that nothing is written anew. */
export function keepsValues(from: string, to: string): boolean {
  if (from === to) return true
  const [a, b] = [parsed(from), parsed(to)]
  // Each value of an array is looked at.
  if (a.array || b.array) return false
  if (a.base !== b.base) {
    // Another kind is cut to its precision or length whatever the former had, unless it has none.
    return STORED_ALIKE.has(`${a.base} ${b.base}`) && roomOf(b) >= roomOf({ ...b, modifiers: [] })
  }
  if (!WITH_ROOM.test(a.base) || (b.fields !== '' && a.fields !== b.fields)) return false
  if (a.base !== 'numeric' || b.modifiers.length === 0) return fitsInto(a, b)
  return (a.modifiers[1] ?? 0) === (b.modifiers[1] ?? 0) && fitsInto(a, b)
}

const FULL_PRECISION = 6

function fitsInto(from: Type, to: Type): boolean {
  return roomOf(from) <= roomOf(to)
}

function roomOf({ base, modifiers }: Type): number {
  return modifiers[0] ?? (/^(?:time|interval)/.test(base) ? FULL_PRECISION : Infinity)
}

/** Whether an index on values of the one type orders those of the other alike. */
export function sortsAlike(from: string, to: string): boolean {
  const [a, b] = [parsed(from).base, parsed(to).base]
  const texts = new Set(['text', 'character varying'])
  return a === b || (texts.has(a) && texts.has(b)) || (a === 'cidr' && b === 'inet')
}

const knownDomains = new WeakMap<readonly SchemaObject[], ReadonlyMap<string, SchemaObject>>()

/** @param type as format_type writes it */
export function domainNamed(type: string, objects: readonly SchemaObject[]): SchemaObject | undefined {
  const known = knownDomains.get(objects)
  if (known !== undefined) return known.get(type)
  const domains = objects.filter(({ kind }) => kind === 'domain')
  knownDomains.set(objects, new Map(domains.map((domain) => [displayed(domain.name), domain])))
  return domainNamed(type, objects)
}

/** The type that a domain stands for, itself for any other. */
export function underlying(type: string, domains: readonly SchemaObject[]): string {
  const domain = domainNamed(type, domains)
  const base = domain?.properties['type'] ?? domain?.properties['baseType']
  return typeof base === 'string' && base !== type ? underlying(base, domains) : type
}

/** As format_type writes it. */
export function displayed(name: readonly string[]): string {
  return name
    .map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.')
}

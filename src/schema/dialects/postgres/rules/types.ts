/** Changing the type of a column: how its values are carried over, and what that costs. */
import type { SchemaObject } from '../../../snapshot/snapshot.ts'

interface Type {
  /** Without modifiers and brackets, e.g. `character varying`. */
  readonly base: string
  readonly modifiers: readonly number[]
  readonly array: boolean
}

function parsed(type: string): Type {
  const array = type.endsWith('[]')
  const plain = array ? type.slice(0, -2) : type
  const modifiers = /\((\d+(?:,-?\d+)*)\)/.exec(plain)
  return {
    base: plain.replace(/\(\d+(?:,-?\d+)*\)/, ''),
    modifiers: modifiers?.[1]?.split(',').map(Number) ?? [],
    array,
  }
}

const TEXTS = new Set(['text', 'character varying', 'character', 'name', 'citext'])
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
  const direct = `${column}::${to}`
  if (a.array !== b.array) {
    if (a.array) return TEXTS.has(b.base) ? undefined : `${column}::text::${to}`
    return `CASE WHEN ${column} IS NULL THEN NULL ELSE ARRAY[${column}]::${to} END`
  }
  if (a.base === b.base) return a.base.startsWith('bit') ? direct : undefined
  if (a.array)
    return TEXTS.has(a.base) && TEXTS.has(b.base)
      ? undefined
      : NUMBERS.has(a.base) && NUMBERS.has(b.base)
        ? undefined
        : TEXTS.has(a.base)
          ? direct
          : `${column}::text[]::${to}`
  if (castsByItself(a.base, b.base)) return undefined
  if (TEXTS.has(a.base) || WRITTEN.has(`${a.base} ${b.base}`)) return direct
  if (b.base === 'boolean' && NUMBERS.has(a.base)) return `(${column} <> 0)`
  if (a.base === 'boolean' && NUMBERS.has(b.base)) return `${column}::integer::${to}`
  return `${column}::text::${to}`
}

function castsByItself(from: string, to: string): boolean {
  if (TEXTS.has(to)) return true
  if (NUMBERS.has(from) && NUMBERS.has(to)) return true
  return (TIMES.has(from) && TIMES.has(to)) || ASSIGNED.has(`${from} ${to}`)
}

/** Whether the values stay as they are stored, so that nothing is written anew. */
export function keepsValues(from: string, to: string): boolean {
  const [a, b] = [parsed(from), parsed(to)]
  if (a.array !== b.array) return false
  if (a.base === 'cidr' && b.base === 'inet') return true
  const varying = new Set(['text', 'character varying'])
  if (varying.has(a.base) && varying.has(b.base)) return !narrower(a, b)
  if (a.base !== b.base || a.base === 'bit' || a.base === 'character') return false
  if (a.base !== 'numeric') return !narrower(a, b)
  return b.modifiers.length === 0 || (a.modifiers[1] === b.modifiers[1] && !narrower(a, b))
}

/** Whether the new type has less room. */
function narrower(from: Type, to: Type): boolean {
  if (to.modifiers.length === 0) return false
  return from.modifiers.length === 0 || (to.modifiers[0] as number) < (from.modifiers[0] as number)
}

/** Why values may not be the same afterwards, undefined when they surely are, or an error keeps them. */
export function lossOf(from: string, to: string): string | undefined {
  const [a, b] = [parsed(from), parsed(to)]
  if (a.base === b.base) return lossWithin(a, b, from, to)
  const says = `Values of type ${from} do not all fit into ${to} unchanged.`
  const exact = a.base === 'numeric' || a.base === 'real' || a.base === 'double precision'
  if (exact && INTEGERS.includes(b.base)) return says
  if (b.base === 'real' && NUMBERS.has(a.base) && a.base !== 'smallint') return says
  if (b.base === 'double precision' && (a.base === 'numeric' || a.base === 'bigint')) return says
  if (b.base === 'numeric' && exact && b.modifiers.length > 0) return says
  if (b.base === 'boolean' && NUMBERS.has(a.base)) return says
  if (a.base.startsWith('timestamp') && (b.base === 'date' || b.base.startsWith('time '))) return says
  if (a.base === 'timestamp with time zone' && b.base === 'timestamp without time zone') return says
  if (a.base === 'json' && b.base === 'jsonb')
    return `${from} as ${to} loses white space, order and doubled keys.`
  if (a.base === 'interval' && b.base.startsWith('time ')) return says
  if (a.base === 'time with time zone' && b.base === 'time without time zone') return says
  if (a.base === 'inet' && b.base === 'cidr') return says
  if (b.base === 'money' || a.base === 'money') return says
  return TEXTS.has(a.base) && b.base === 'name' ? says : undefined
}

const ROUNDED = /^(numeric|time|interval|bit)/

function lossWithin(a: Type, b: Type, from: string, to: string): string | undefined {
  if (!ROUNDED.test(a.base) || b.modifiers.length === 0) return undefined
  const scaleOf = ({ base, modifiers }: Type): number =>
    base === 'numeric'
      ? modifiers.length === 0
        ? Infinity
        : (modifiers[1] ?? 0)
      : (modifiers[0] ?? (base.startsWith('bit') ? 1 : 6))
  return scaleOf(b) < scaleOf(a) ? `Values of type ${from} are rounded or cut to ${to}.` : undefined
}

/** The type that a domain stands for, itself for any other. */
export function underlying(type: string, domains: readonly SchemaObject[]): string {
  const domain = domains.find((object) => object.kind === 'domain' && displayed(object.name) === type)
  const base = domain?.properties['type'] ?? domain?.properties['baseType']
  return typeof base === 'string' && base !== type ? underlying(base, domains) : type
}

/** As format_type writes it. */
function displayed(name: readonly string[]): string {
  return name
    .map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.')
}

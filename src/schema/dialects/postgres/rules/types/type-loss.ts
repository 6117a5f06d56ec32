/**
 * Whether a change of type keeps every value, or fails. What is not known to do so is taken for a loss: casts round,
 * cut and reinterpret without a word. Sources: "Type Conversion" and "Data Types" of the PostgreSQL manual, and the
 * casts of pg_cast, each tried with values.
 */
import { parsed, TEXTS, type Type } from './types.ts'

const INTEGERS = ['smallint', 'integer', 'bigint']
/** Types that hold any text as it is. */
const EXACT_TEXTS = new Set(['text', 'character varying', 'citext'])
/** What reads a text as a whole or refuses it; others take its beginning, round it, or keep another form of it. */
const READ_WHOLE = new Set([
  ...INTEGERS,
  'boolean',
  'uuid',
  'json',
  'xml',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
])

/** Whether every value of a type is one of another that calculates alike, so that no row can stop the change. */
export function isWidened(from: string, to: string): boolean {
  return INTEGERS.includes(from) && INTEGERS.indexOf(to) > INTEGERS.indexOf(from)
}

interface Circumstances {
  /** The cast stands in the statement: that cuts a text to its length where an assignment refuses. */
  readonly written: boolean
  /** Whether the type of this name, which is none of the server's own, refuses what is no value of it: an enum. */
  readonly isEnum: (type: string) => boolean
}

/**
 * @param from,to without domains: see `underlying`
 * @returns why values may not be the same afterwards; undefined when they surely are, or an error keeps them
 */
export function lossOf(from: string, to: string, circumstances: Circumstances): string | undefined {
  return isKept(parsed(from), parsed(to), circumstances)
    ? undefined
    : `Values of type ${from} do not all fit into ${to} unchanged.`
}

const TEXT: Type = { base: 'text', fields: '', modifiers: [], array: false }

function isKept(a: Type, b: Type, { written, isEnum }: Circumstances): boolean {
  if (b.fields !== '' && a.fields !== b.fields) return false
  // A list becomes its text; one value becomes a list of one, by a cast that is written.
  if (a.array && !b.array) return isKept(TEXT, b, { written, isEnum })
  if (!a.array && b.array) return isKept(a, { ...b, array: false }, { written: true, isEnum })
  if (a.base === b.base) return TEXTS.has(a.base) ? !cuts(b, written) : precisionOf(b) >= precisionOf(a)
  if (TEXTS.has(b.base)) return isKeptAsText(a, b, written)
  if (isEnum(b.base)) return TEXTS.has(a.base) || isEnum(a.base)
  return TEXTS.has(a.base) ? isReadWhole(b) : KEPT.some((rule) => rule(a, b))
}

function cuts({ modifiers }: Type, written: boolean): boolean {
  return written && modifiers.length > 0
}

/** Digits behind the point, of a second, or bits; Infinity for as many as there are. */
function precisionOf({ base, modifiers }: Type): number {
  if (base === 'numeric') return modifiers.length === 0 ? Infinity : (modifiers[1] ?? 0)
  if (base === 'bit') return modifiers[0] ?? 1
  if (/^(?:time|interval)/.test(base)) return modifiers[0] ?? 6
  return modifiers[0] ?? Infinity
}

function isKeptAsText(a: Type, b: Type, written: boolean): boolean {
  // Blanks at the end are no part of a `character`.
  if (b.base === 'character' && TEXTS.has(a.base)) return false
  return (b.base === 'character' || EXACT_TEXTS.has(b.base)) && !cuts(b, written)
}

function isReadWhole({ base, modifiers }: Type): boolean {
  return READ_WHOLE.has(base) || (['numeric', 'bit varying'].includes(base) && modifiers.length === 0)
}

type Rule = (a: Type, b: Type) => boolean

const asPrecise =
  (from: string, ...to: readonly string[]): Rule =>
  (a, b) =>
    a.base === from && to.includes(b.base) && precisionOf(b) >= precisionOf(a)

const always =
  (from: string, ...to: readonly string[]): Rule =>
  (a, b) =>
    a.base === from && to.includes(b.base)

/** Between different types, neither of them a text. What is too large for the other is refused. */
const KEPT: readonly Rule[] = [
  (a, b) => INTEGERS.includes(a.base) && INTEGERS.includes(b.base),
  (a, b) => INTEGERS.includes(a.base) && b.base === 'numeric' && precisionOf(b) >= 0,
  (a, b) => a.base === 'numeric' && precisionOf(a) <= 0 && INTEGERS.includes(b.base),
  always('smallint', 'real', 'double precision'),
  always('integer', 'double precision'),
  always('real', 'double precision'),
  always('boolean', ...INTEGERS, 'numeric', 'real', 'double precision'),
  always('bit', 'integer', 'bigint'),
  asPrecise('bit', 'bit varying'),
  always('date', 'timestamp without time zone', 'timestamp with time zone'),
  asPrecise('timestamp without time zone', 'timestamp with time zone'),
  asPrecise('time without time zone', 'interval', 'time with time zone'),
  always('jsonb', 'json', 'boolean'),
  (a, b) => a.base === 'jsonb' && b.base === 'numeric' && b.modifiers.length === 0,
  always('cidr', 'inet'),
  always('macaddr', 'macaddr8'),
  always('macaddr8', 'macaddr'),
  always('oid', 'bigint'),
]

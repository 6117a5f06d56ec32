/** What it takes to change a column: whether the server can at all, at what price, and what the data may lose. */
import { asText } from '../text/properties.ts'
import type { RuleContext } from '../../../plan/action.ts'
import { idOf, type Properties } from '../../../snapshot/snapshot.ts'
import { tokensOf, unquoted } from '../text/tokens.ts'
import type { Clause, Level } from './clause.ts'
import type { Difference } from './sides.ts'
import { isMariaDb, partsOf } from './sides.ts'

/** A column that can only be dropped and added: its values are computed before or after, or mean nothing to its new type. */
export function mustBeMadeAnew(one: Difference, context: RuleContext): boolean {
  if (one.from === undefined || one.to === undefined) return false
  const [a, b] = [one.from.properties, one.to.properties]
  if (a['generated'] === undefined && b['generated'] === undefined) return !isCastable(a, b)
  if (isRow(a) || isRow(b)) return a['generated'] !== b['generated']
  // STORED becomes plain and keeps its values; nothing else crosses over in place.
  if (a['generated'] === undefined) return b['stored'] !== true || !isMariaDb(context)
  if (b['generated'] === undefined) return a['stored'] !== true || !isCastable(a, b)
  if (a['stored'] !== b['stored']) return true
  return isMariaDb(context) && (a['generated'] !== b['generated'] || a['type'] !== b['type'])
}

/**
 * The columns of a table that go and come again: those of the differences that must, and for MySQL, which does not
 * let go of a column that another one is computed from, those computed from them.
 */
export function columnsMadeAnew(
  table: string,
  differences: readonly Difference[],
  context: RuleContext,
): ReadonlySet<string> {
  const anew = new Set(
    differences
      .filter((one) => one.kind === 'column' && one.verb === 'alter' && mustBeMadeAnew(one, context))
      .map((one) => one.name),
  )
  if (isMariaDb(context)) return anew
  const computed = partsOf(context, table, 'after', 'column').filter(
    (column) => column.properties['generated'] !== undefined && context.before(idOf(column)) !== undefined,
  )
  for (let known = -1; known !== anew.size;) {
    known = anew.size
    for (const column of computed) {
      const names = tokensOf(asText(column.properties['generated'])).filter(({ kind }) => kind === 'name')
      if (names.some(({ text }) => anew.has(unquoted(text)))) anew.add(column.name[1] as string)
    }
  }
  return anew
}

const GEOMETRIES =
  /^(?:geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon|geometrycollection)\b/i
const TEXTS =
  /^(?:char|varchar|(?:tiny|medium|long)?text|(?:tiny|medium|long)?blob|(?:var)?binary|enum|set|json)\b/i

/** Addresses, UUIDs and geometries have text in common with other types, and nothing else. */
function isCastable(from: Properties, to: Properties): boolean {
  const [a, b] = [from, to].map((one) => familyOf(asText(one['type']))) as [string, string]
  return a === b || a === 'text' || b === 'text'
}

function familyOf(type: string): string {
  if (TEXTS.test(type)) return 'text'
  return GEOMETRIES.test(type)
    ? 'geometry'
    : (/^(?:uuid|inet[46])\b/i.exec(type)?.[0].toLowerCase() ?? 'value')
}

function isRow(properties: Properties): boolean {
  return /^ROW /i.test(asText(properties['generated']))
}

const SAME_BUT = [
  'comment',
  'default',
  'invisible',
  'check',
  'nullable',
  'type',
  'charset',
  'collation',
  'explicit',
]

/** @see algorithm.ts */
export function modifyLevel({ from, to }: Clause, mariaDb: boolean): Level {
  if (from === undefined || to === undefined) return 'copy'
  const [a, b] = [from.properties, to.properties]
  const differing = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key])
  if (differing.some((key) => !SAME_BUT.includes(key))) return 'copy'
  if (b['check'] !== undefined) return 'copy'
  if (differing.includes('charset') || differing.includes('collation')) return 'copy'
  const type = differing.includes('type')
    ? typeLevel(asText(a['type']), asText(b['type']), b['charset'], mariaDb)
    : 'instant'
  if (type === 'copy') return 'copy'
  return differing.includes('nullable') ? nullableLevel(b) : type
}

/** The place of the NULL flags changes in each row, unless it has the oldest row format. */
function nullableLevel({ nullable, default: value, type }: Properties): Level {
  if (nullable === true) return 'inplace'
  // Rows with NULL would get the default, which is not computed in place.
  const constant = value === undefined || /^(?:-?[\d.]+|'(?:[^']|'')*')$/.test(asText(value))
  return constant && !/^timestamp/i.test(asText(type)) ? 'inplace' : 'copy'
}

function typeLevel(from: string, to: string, charset: unknown, mariaDb: boolean): Level {
  const [a, b] = [from, to].map((type) => /^(varchar|varbinary)\((\d+)\)$/i.exec(type))
  if (a?.[1] !== undefined && b?.[1] !== undefined && a[1] === b[1]) {
    const bytes = bytesPerCharacter(a[1], charset)
    const level = mariaDb ? 'instant' : 'nocopy'
    return fitsLength(Number(a[2]) * bytes, Number(b[2]) * bytes) ? level : 'copy'
  }
  const [members, more] = [from, to].map((type) => /^(enum|set)\((.*)\)$/is.exec(type))
  if (members?.[1] !== undefined && members[1] === more?.[1]) {
    return more[2]?.startsWith(`${members[2]},`) === true && sameBytes(members, more) ? 'instant' : 'copy'
  }
  return 'copy'
}

/** The length of a value takes a second byte from 256 bytes on. */
function fitsLength(from: number, to: number): boolean {
  return to >= from && (to <= 255 || from > 255)
}

function bytesPerCharacter(type: string, charset: unknown): number {
  if (/^varbinary/i.test(type)) return 1
  if (charset === 'utf8mb4' || charset === 'utf32' || charset === 'utf16') return 4
  if (charset === 'utf8mb3' || charset === 'utf8') return 3
  return typeof charset === 'string' && ['latin1', 'ascii', 'binary', 'latin2'].includes(charset) ? 1 : 4
}

/** Whether as many members still fit the stored size: a byte for up to 255 of an enum, each eight of a set. */
function sameBytes(before: RegExpExecArray, after: RegExpExecArray): boolean {
  const [a, b] = [before, after].map((found) => found[2]?.match(/'(?:[^']|'')*'/g)?.length ?? 0) as [
    number,
    number,
  ]
  if (before[1]?.toLowerCase() === 'enum') return a > 255 === b > 255
  const size = (members: number): number => [1, 2, 3, 4, 8].find((bytes) => members <= bytes * 8) ?? 8
  return size(a) === size(b)
}

const INTEGERS = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint']

/**
 * Whether every value of one type is a value of the other: false means that some may not fit. The server's strict
 * mode refuses those that do not; what it converts silently (fractions, times, case) counts as a loss here.
 */
export function keepsValues(from: Properties, to: Properties): boolean {
  const [a, b] = [parsed(asText(from['type'])), parsed(asText(to['type']))]
  const sameCharset = from['charset'] === to['charset'] || asText(to['charset']).startsWith('utf8mb4')
  if (a.base === b.base && sameCharset) return sameBase(a, b)
  if (INTEGERS.includes(a.base) && INTEGERS.includes(b.base)) return widerInteger(a, b)
  if (!sameCharset) return false
  const texts = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext']
  // A `char` has no blanks at its end.
  if (texts.includes(b.base) && texts.includes(a.base)) return b.base !== 'char' && capacity(b) >= capacity(a)
  // The text of a float has six digits.
  const noText = ['json', 'bit', 'binary', 'blob', 'float']
  if (texts.includes(b.base)) return capacity(b) >= 255 && !noText.includes(a.base)
  if (a.base === 'date' && b.base === 'datetime') return true
  return a.base === 'float' && b.base === 'double'
}

interface Type {
  readonly base: string
  readonly args: string
  readonly unsigned: boolean
}

function parsed(type: string): Type {
  const found = /^(\w+)(?:\((.*)\))?(.*)$/s.exec(type)
  return {
    base: (found?.[1] ?? type).toLowerCase(),
    args: found?.[2] ?? '',
    unsigned: /unsigned/i.test(found?.[3] ?? ''),
  }
}

/** Character sets whose text takes no more bytes in UTF-8. */
const NARROW = ['ascii', 'utf8', 'utf8mb3', 'utf8mb4']

/** Whether a text can be too many bytes for one of the types that count them; the server refuses it then. */
export function mayOverflow(from: Properties, to: Properties): boolean {
  const [a, b] = [parsed(asText(from['type'])), parsed(asText(to['type']))]
  if (!(b.base in BYTES) || b.base === 'longtext') return false
  const room = capacity(b)
  if (a.base === 'char' || a.base === 'varchar')
    return capacity(a) * bytesPerCharacter(b.base, to['charset']) > room
  if (!(a.base in BYTES)) return false
  const grows = from['charset'] !== to['charset'] && !NARROW.includes(asText(from['charset']))
  return capacity(a) * (grows ? bytesPerCharacter(b.base, to['charset']) : 1) > room
}

function sameBase(a: Type, b: Type): boolean {
  // Filled with zeros.
  if (a.base === 'binary') return a.args === b.args
  if (INTEGERS.includes(a.base)) return a.unsigned === b.unsigned
  if (a.base === 'enum' || a.base === 'set') {
    const members = (type: Type): string[] => type.args.match(/'(?:[^']|'')*'/g) ?? []
    const known = new Set(members(b))
    return members(a).every((member) => known.has(member))
  }
  if (a.unsigned !== b.unsigned && b.unsigned) return false
  const [x, y] = [a.args, b.args].map((args) => (args === '' ? [] : args.split(',').map(Number))) as [
    number[],
    number[],
  ]
  return roomFor(a.base, x, y)
}

/** What a type without parentheses has in them: no digits of a second. */
const UNSAID: Readonly<Record<string, number>> = { time: 0, datetime: 0, timestamp: 0 }

/** @param from,to what stands in parentheses */
function roomFor(base: string, from: readonly number[], to: readonly number[]): boolean {
  if (base === 'decimal') {
    const [p1 = 10, s1 = 0] = from
    const [p2 = 10, s2 = 0] = to
    return s2 >= s1 && p2 - s2 >= p1 - s1
  }
  const unsaid = UNSAID[base] ?? Infinity
  const isLonger = (to[0] ?? unsaid) >= (from[0] ?? unsaid)
  return isLonger && (to[1] ?? Infinity) >= (from[1] ?? Infinity)
}

function widerInteger(a: Type, b: Type): boolean {
  const wider = INTEGERS.indexOf(b.base) > INTEGERS.indexOf(a.base)
  return a.unsigned === b.unsigned ? wider : a.unsigned && wider
}

/** How many bytes such a text may have. */
const BYTES: Readonly<Record<string, number>> = {
  tinytext: 255,
  text: 65_535,
  mediumtext: 16_777_215,
  longtext: 4_294_967_295,
}

/** Bytes of a text, characters of others. */
function capacity(type: Type): number {
  return BYTES[type.base] ?? Number(type.args || 1)
}

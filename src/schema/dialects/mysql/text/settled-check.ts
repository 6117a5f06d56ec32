/**
 * MySQL shows the check of a new table as it was written, `year <> 7`. From the next ALTER of the table on it shows
 * what it compares with, `year <> 2007`, and nothing but making the check anew brings the first text back. Both mean
 * the same: here is the second one for either, for constants that are written as a number or a string.
 */
import { tokensOf, unquoted, type Token } from './tokens.ts'

/** A constant, over the tokens from `at` to `end`, the latter not included. */
interface Constant {
  readonly at: number
  readonly end: number
  /** Without its quotes; `-7` for `-(7)`. */
  readonly value: string
  /** Of a string: its character set. */
  readonly charset?: string
}

/** How a type reads a constant; `undefined`: it stays as it is. */
type Reading = (constant: Constant) => string | undefined

const COMPARED = /^(?:<|>|=|<=|>=|<>|<=>)$/
/** Strings whose characters are in every character set. */
const PLAIN = /^(?:[^\\\u0080-\u{10FFFF}]|\\['"%_])*$/u

/** @param typeOf the type of a column as SHOW CREATE TABLE has it */
export function settledCheck(definition: string, typeOf: (column: string) => string | undefined): string {
  const tokens = tokensOf(definition)
  const changes = new Map<number, { readonly end: number; readonly text: string }>()
  const change = ({ at, end }: Constant, text: string | undefined): void => {
    if (text !== undefined) changes.set(at, { end, text })
  }
  for (let at = 0; at < tokens.length; at++) {
    const constant = constantAt(tokens, at)
    if (constant?.charset === '_latin1' && PLAIN.test(constant.value)) {
      change(constant, `_utf8mb4${tokens[at + 1]?.text}`)
    }
  }
  for (const [at, token] of tokens.entries()) {
    const type = token.kind === 'name' ? typeOf(unquoted(token.text)) : undefined
    if (type === undefined) continue
    for (const { constant, listed } of comparedWith(tokens, at))
      change(constant, readingOf(type, listed)?.(constant))
  }
  let [result, done] = ['', 0]
  for (const [at, { end, text }] of [...changes].toSorted(([a], [b]) => a - b)) {
    result += definition.slice(done, tokens[at]?.start) + text
    done = tokens[end - 1]?.end ?? done
  }
  return result + definition.slice(done)
}

/** `7`, `7.5`, `-(7)`, `-7`, `true`, `0x1f`, `_utf8mb4'x'`, `'x'`. */
function constantAt(tokens: readonly Token[], at: number): Constant | undefined {
  const [first, second] = [tokens[at], tokens[at + 1]]
  if (first === undefined) return undefined
  if (first.kind === 'string') return { at, end: at + 1, value: first.text.slice(1, -1), charset: '' }
  if (first.text === '-') return negativeAt(tokens, at)
  if (first.kind !== 'word') return undefined
  if (first.text.startsWith('_') && second?.kind === 'string') {
    return { at, end: at + 2, value: second.text.slice(1, -1), charset: first.text.toLowerCase() }
  }
  if (!/^(?:\d+|0x[\da-f]+|true)$/i.test(first.text) || second?.text === '.') return undefined
  return { at, end: at + 1, value: first.text.toLowerCase() }
}

function negativeAt(tokens: readonly Token[], at: number): Constant | undefined {
  const bracket = tokens[at + 1]?.text === '('
  const inner = constantAt(tokens, at + (bracket ? 2 : 1))
  if (inner === undefined || !/^\d+$/.test(inner.value) || inner.charset !== undefined) return undefined
  if (bracket && tokens[inner.end]?.text !== ')') return undefined
  return { at, end: inner.end + (bracket ? 1 : 0), value: `-${inner.value}` }
}

/** The constants that the column at this token is compared with; `listed`: as one of several behind IN. */
function comparedWith(
  tokens: readonly Token[],
  column: number,
): { readonly constant: Constant; readonly listed: boolean }[] {
  const alone = (constant: Constant | undefined): { constant: Constant; listed: boolean }[] =>
    constant === undefined ? [] : [{ constant, listed: false }]
  const words = (at: number): string => tokens[at]?.text.toLowerCase() ?? ''
  const from = words(column + 1) === 'not' ? column + 2 : column + 1
  if (words(from) === 'between') {
    const low = constantAt(tokens, from + 1)
    const high = low === undefined || words(low.end) !== 'and' ? undefined : constantAt(tokens, low.end + 1)
    // Bounds are read as the column's type together or not at all.
    return high === undefined ? [] : [...alone(low), ...alone(high)]
  }
  if (words(from) === 'in' && words(from + 1) === '(') return listedAt(tokens, from + 2)
  if (words(column - 2) === 'nullif' && words(column + 1) === ',')
    return alone(constantAt(tokens, column + 2))
  const behind = marksFrom(tokens, column + 1, 1)
  if (COMPARED.test(behind.marks)) return alone(constantAt(tokens, behind.next))
  const before = marksFrom(tokens, column - 1, -1)
  return COMPARED.test(before.marks) ? alone(constantEndingAt(tokens, before.next)) : []
}

function listedAt(
  tokens: readonly Token[],
  first: number,
): { readonly constant: Constant; readonly listed: boolean }[] {
  const found: { constant: Constant; listed: boolean }[] = []
  for (let at = first; ;) {
    const constant = constantAt(tokens, at)
    if (constant === undefined) return []
    found.push({ constant, listed: true })
    if (tokens[constant.end]?.text !== ',') return found
    at = constant.end + 1
  }
}

/** An operator, whose characters are tokens of their own. */
function marksFrom(
  tokens: readonly Token[],
  start: number,
  step: 1 | -1,
): { readonly marks: string; readonly next: number } {
  let [marks, at] = ['', start]
  for (; /^[<=>]$/.test(tokens[at]?.text ?? ''); at += step) {
    marks = step === 1 ? marks + tokens[at]?.text : `${tokens[at]?.text}${marks}`
  }
  return { marks, next: at }
}

function constantEndingAt(tokens: readonly Token[], last: number): Constant | undefined {
  for (const length of [4, 2, 1]) {
    const at = last - length + 1
    const constant = at < 0 ? undefined : constantAt(tokens, at)
    if (constant?.end !== last + 1) continue
    // The end of another one: `7.5`, `TIME'10:00:00'`.
    return tokens[at - 1]?.kind === 'word' || tokens[at - 1]?.text === '.' ? undefined : constant
  }
  return undefined
}

function readingOf(type: string, listed: boolean): Reading | undefined {
  const [, base = '', digits = '0'] = /^(\w+)(?:\((\d+)\))?/.exec(type.toLowerCase()) ?? []
  const unsigned = / unsigned/i.test(type)
  if (base === 'bigint') return (one) => asBigint(one, listed || unsigned)
  if (/binary$|blob$/.test(base)) {
    return ({ value, charset }) => (charset === '_utf8mb4' ? `_binary'${value}'` : undefined)
  }
  if (listed) return undefined
  if (base === 'year') return asYear
  if (base === 'time') return (one) => asTime(one, Number(digits))
  if (base === 'date')
    return ({ value, charset }) => (charset === undefined ? dateOf(value, 'DATE') : undefined)
  return base === 'datetime' || base === 'timestamp' ? (one) => asMoment(one, Number(digits)) : undefined
}

function asBigint({ value, charset }: Constant, positive: boolean): string | undefined {
  if (charset === undefined && /^0x[\da-f]{1,15}$/.test(value)) return String(BigInt(value))
  if (!/^-?\d{1,18}$/.test(value) || (positive && value.startsWith('-'))) return undefined
  return String(BigInt(value))
}

function asYear({ value, charset }: Constant): string | undefined {
  if (value === 'true') return '2001'
  const date = charset === undefined ? undefined : /^(\d{4})-\d{1,2}-\d{1,2}\b/.exec(value)?.[1]
  const given = date ?? (charset === undefined && value.startsWith('0x') ? String(BigInt(value)) : value)
  if (!/^\d{1,4}$/.test(given)) return undefined
  const year = Number(given)
  if (year === 0 && charset === undefined) return '0'
  if (year < 100) return String(year + (year < 70 ? 2000 : 1900))
  return year > 1900 && year < 2156 ? String(year) : undefined
}

/** `10:00`, `1 10:00:00`, `100000` as hours, minutes and seconds. */
function asTime({ value, charset }: Constant, digits: number): string | undefined {
  const read = (charset === undefined ? undefined : spelt(value)) ?? counted(value === 'true' ? '1' : value)
  if (read === undefined) return undefined
  const [hours, ...rest] = read.parts as [number, number, number]
  // What is longer than the column's digits is rounded.
  if (read.fraction.length > digits || hours > 838 || rest.some((part) => part > 59)) return undefined
  const clock = read.parts.map((part) => String(part).padStart(2, '0')).join(':')
  return `TIME'${read.sign}${clock}${digits === 0 ? '' : `.${read.fraction.padEnd(digits, '0')}`}'`
}

interface Clock {
  readonly sign: string
  /** Hours, minutes, seconds. */
  readonly parts: readonly number[]
  readonly fraction: string
}

function spelt(value: string): Clock | undefined {
  const found = /^(-?)(?:(\d+) )?(\d+):(\d+)(?::(\d+)(?:\.(\d+))?)?$/.exec(value)
  if (found === null) return undefined
  const [, sign = '', days = 0, hours, minutes, seconds = 0, fraction = ''] = found
  return { sign, parts: [Number(days) * 24 + Number(hours), Number(minutes), Number(seconds)], fraction }
}

function counted(value: string): Clock | undefined {
  const [, sign = '', digits] = /^(-?)(\d{1,7})$/.exec(value) ?? []
  if (digits === undefined) return undefined
  const all = digits.padStart(6, '0')
  return { sign, parts: [all.slice(0, -4), all.slice(-4, -2), all.slice(-2)].map(Number), fraction: '' }
}

/** `20200102` as a date in quotes. */
function dateOf(value: string, before: string): string | undefined {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(value) ?? []
  return year === undefined ? undefined : `${before}'${year}-${month}-${day}'`
}

function asMoment({ value, charset }: Constant, digits: number): string | undefined {
  const [, date, clock] = charset === undefined ? (/^(\d{8})(\d{6})?$/.exec(value) ?? []) : []
  const day = date === undefined ? undefined : dateOf(date, '')?.slice(0, -1)
  if (day === undefined) return undefined
  const time = (clock ?? '000000').replaceAll(/(\d{2})(?=\d)/g, '$1:')
  return `${day} ${time}${digits === 0 ? '' : `.${'0'.repeat(digits)}`}'`
}

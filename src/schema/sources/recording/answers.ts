/**
 * What a stub gives where a database would answer: something that can be passed on and awaited, and that fails as
 * soon as anybody looks into it. So a migration that does nothing with an answer is recorded, and one that would act
 * on it is refused instead of being fed a guess.
 */

import { mysqlLiteral } from '../../../engine/mysql-sql.ts'
import { sqliteLiteral } from '../../../engine/sql.ts'
import type { VersionDialect } from '../../version-dialects.ts'
import type { RecordedStatement } from './protocol.ts'

/** A migration wants to know something that only a database knows. */
export class NeedsAnswer extends Error {
  /** The call; libraries put more into the message. */
  readonly what: string
  constructor(what: string) {
    super(what)
    this.name = 'NeedsAnswer'
    this.what = what
    note(this)
  }
}

let first: NeedsAnswer | undefined

function note(question: NeedsAnswer): void {
  first ??= question
}

/**
 * The first question since the last call of this: it counts even if the migration has caught the error, for it then
 * goes on as if an answer had come.
 */
export function takeQuestion(): NeedsAnswer | undefined {
  const taken = first
  first = undefined
  return taken
}

/** Looked at by `await`, by printing and by flattening lists: none of them reads what the database said. */
const HARMLESS = new Set<string | symbol>([
  'then',
  'toJSON',
  Symbol.toStringTag,
  Symbol.isConcatSpreadable,
  Symbol.for('nodejs.util.inspect.custom'),
])

/** @param what names the call whose answer it stands for */
export function unreadable(what: string): object {
  const refuse = (): never => {
    throw new NeedsAnswer(what)
  }
  return new Proxy(
    {},
    {
      get: (_target, key) => (HARMLESS.has(key) ? undefined : refuse()),
      has: (_target, key) => (HARMLESS.has(key) ? false : refuse()),
      ownKeys: refuse,
      getOwnPropertyDescriptor: refuse,
      set: refuse,
      deleteProperty: refuse,
    },
  )
}

/** SQL as a name of a call: in one line, not too long. */
export function shown(sql: string): string {
  const flat = sql.replaceAll(/\s+/g, ' ').trim()
  return flat.length > 100 ? `${flat.slice(0, 99)}…` : flat
}

/** The values of a statement, as the recording keeps them for its dialect. */
export function valuesOf(
  dialect: VersionDialect,
  values: readonly unknown[],
): Pick<RecordedStatement, 'values' | 'literals'> {
  if (dialect === 'postgres') return { values: values.map(parameterText) }
  return { literals: values.map((value) => literalOf(dialect, value)) }
}

/** A value as the drivers for MySQL and SQLite would send it: a constant of its own type. */
function literalOf(dialect: 'mysql' | 'sqlite', value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
  if (value instanceof Date && dialect === 'sqlite') return String(value.getTime())
  if (value instanceof Date) return `'${value.toISOString().replace('T', ' ').replace('Z', '')}'`
  if (Array.isArray(value)) return value.map((item) => literalOf(dialect, item)).join(', ')
  const text = typeof value === 'object' ? JSON.stringify(value) : (value as string)
  return dialect === 'mysql' ? mysqlLiteral(text) : sqliteLiteral(text)
}

/** A value as the driver `pg` would send it. */
function parameterText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `{${value.map(arrayItem).join(',')}}`
  return typeof value === 'object' ? JSON.stringify(value) : `${value as string | number | boolean}`
}

function arrayItem(value: unknown): string {
  if (Array.isArray(value)) return parameterText(value) ?? ''
  const text = parameterText(value)
  return text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}

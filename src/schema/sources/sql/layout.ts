/** The shape that each layout of a plain SQL folder fills in, and what they have in common. */
import { TenantryError } from '../../../lib/errors.ts'
import { createLexer } from '../../sql-lexer.ts'
import { NO_TRANSACTION_DIRECTIVE } from '../../statements.ts'
import { sourceInvalid, type SourceVersion } from '../source.ts'

export interface SqlFile {
  /** Path from the folder. */
  readonly name: string
  readonly text: string
}

export interface Layout {
  readonly name: string
  /** What its files look like, for messages. */
  readonly looks: string
  /** Turns the folder's files (sorted by name) into versions, in order of application. */
  read(files: readonly SqlFile[]): SourceVersion[]
}

/** Whether there is more than comments and semicolons; what cannot be read counts, and is complained of later. */
export function hasStatements(sql: string): boolean {
  const lexer = createLexer(sql)
  try {
    while (lexer.next() !== 'end') {
      if (lexer.text() !== ';') return true
    }
    return false
  } catch (thrown) {
    if (thrown instanceof TenantryError) return true
    throw thrown
  }
}

export function withoutTransaction(sql: string): string {
  return `${NO_TRANSACTION_DIRECTIVE}\n${sql}`
}

/** A downgrade without a statement is none, unless there is nothing to undo. */
export function downgradeOrNull(downgradeSql: string | null, upgradeSql: string): string | null {
  if (downgradeSql === null) return null
  return hasStatements(downgradeSql) || !hasStatements(upgradeSql) ? downgradeSql : null
}

export function describe(slug: string): string {
  return slug.replaceAll(/[_-]+/g, ' ').trim()
}

/** @throws TenantryError `source_invalid` for a name that the layout does not know */
export function matchName(file: SqlFile, name: string, pattern: RegExp, layout: Layout): RegExpExecArray {
  const match = pattern.exec(name)
  if (match !== null) return match
  throw sourceInvalid(`${file.name} is not named as ${layout.name} wants it`, `Name it like ${layout.looks}.`)
}

/** A version number as one text per number: `0012` is `12`, `2026-01-05` is `2026.1.5`. */
export function normalNumber(number: string): string {
  return number
    .split(/\D+/)
    .map((digits) => String(BigInt(digits)))
    .join('.')
}

/** Orders version numbers of any size by their values: 9, 10, 10.1, 11. */
export function compareNumbers(a: string, b: string): number {
  const [left, right] = [a, b].map((number) => number.split(/\D+/).map(BigInt)) as [bigint[], bigint[]]
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at]! !== right[at]!) return left[at]! < right[at]! ? -1 : 1
  }
  return left.length - right.length
}

/** @throws TenantryError `source_invalid` for two files that stand for the same */
export function expectUnique<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  fileOf: (item: T) => string,
): void {
  const seen = new Map<string, string>()
  for (const item of items) {
    const key = keyOf(item)
    const other = seen.get(key)
    if (other !== undefined) {
      throw sourceInvalid(
        `${other} and ${fileOf(item)} have the same version number`,
        'Give one of them a number of its own.',
      )
    }
    seen.set(key, fileOf(item))
  }
}

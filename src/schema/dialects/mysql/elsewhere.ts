/** Statements that change another database by its name: on one server one account may change them all. */
import { unquoted, type Token } from './text/tokens.ts'

/** May stand between the verb and the name of what it changes. */
const BETWEEN = new Set(
  `or replace temporary definer aggregate unique fulltext spatial algorithm sql security invoker online offline
  if not exists low_priority delayed high_priority quick ignore into from to only
  table view trigger procedure function event sequence package body`.split(/\s+/),
)
const VERBS = new Set([
  'insert',
  'replace',
  'update',
  'delete',
  'truncate',
  'create',
  'alter',
  'drop',
  'rename',
])

/** @returns the name of the other database; undefined: what is changed has no database before its name */
export function databaseNamed(tokens: readonly Token[]): string | undefined {
  const words = tokens.map(({ kind, text }) => (kind === 'name' ? '…' : text.toLowerCase()))
  const [verb = ''] = words
  if (!VERBS.has(verb)) return undefined
  if (verb === 'rename') return qualifiers(tokens, words)[0]
  const at = nameAfter(words)
  const standsOnTable = words[at] === 'index' || words.slice(1, at).includes('trigger')
  return qualifierAt(tokens, at) ?? (standsOnTable ? qualifierAt(tokens, words.indexOf('on') + 1) : undefined)
}

function nameAfter(words: readonly string[]): number {
  let at = 1
  while (BETWEEN.has(words[at] ?? '')) at = words[at + 1] === '=' ? afterValue(words, at + 2) : at + 1
  return at
}

/** Of `DEFINER = 'somebody'@'%'`, `DEFINER = CURRENT_USER()`, `ALGORITHM = MERGE`. */
function afterValue(words: readonly string[], value: number): number {
  if (words[value + 1] === '@') return value + 3
  return words[value + 1] === '(' ? value + 3 : value + 1
}

function qualifierAt(tokens: readonly Token[], at: number): string | undefined {
  const [database, dot, name] = tokens.slice(at, at + 3)
  const isName = (token: Token | undefined): boolean => token?.kind === 'name' || token?.kind === 'word'
  return dot?.text === '.' && isName(database) && isName(name) ? unquoted(database?.text ?? '') : undefined
}

function qualifiers(tokens: readonly Token[], words: readonly string[]): string[] {
  return words.flatMap((word, at) => (word === '.' ? (qualifierAt(tokens, at - 1) ?? []) : []))
}

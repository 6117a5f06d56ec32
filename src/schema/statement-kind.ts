/**
 * Which statements PostgreSQL refuses inside a transaction block, and which ones control the transaction:
 * told from their words alone, as the server tells them before it looks at any object.
 */
import { createLexer } from './sql-lexer.ts'

export type StatementKind = 'transactional' | 'nontransactional' | 'transaction-control'

/** The tokens of one statement; words in lower case, quoted identifiers and strings as written. */
type Tokens = readonly string[]

/** First words of statements that may be anything but transactional. The rest is not looked at. */
const TELLING_WORDS = new Set([
  'abort', 'alter', 'begin', 'cluster', 'commit', 'create', 'discard', 'drop', 'end', 'prepare', 'reindex',
  'rollback', 'start', 'vacuum',
]) // prettier-ignore

const TELLING_OBJECTS: Record<string, ReadonlySet<string>> = {
  alter: new Set(['database', 'subscription', 'system', 'table']),
  create: new Set(['database', 'index', 'subscription', 'tablespace', 'unique']),
  drop: new Set(['database', 'index', 'tablespace']),
}

function tokensOf(sql: string): string[] {
  const lexer = createLexer(sql)
  const tokens: string[] = []
  while (lexer.next() !== 'end') tokens.push(lexer.text())
  return tokens
}

/** The kind of one statement (without its semicolon), whose first two words are given in lower case. */
export function kindOf(sql: string, first: string, second: string): StatementKind {
  if (!TELLING_WORDS.has(first)) return 'transactional'
  if (TELLING_OBJECTS[first]?.has(second) === false) return 'transactional'
  const tokens = tokensOf(sql)
  if (controlsTransaction(tokens)) return 'transaction-control'
  return refusesBlock(tokens) ? 'nontransactional' : 'transactional'
}

function controlsTransaction(tokens: Tokens): boolean {
  switch (tokens[0]) {
    case 'begin':
    case 'commit':
    case 'end':
    case 'abort':
      return true
    case 'start':
    case 'prepare':
      return tokens[1] === 'transaction'
    case 'rollback': {
      const next = tokens[1] === 'work' || tokens[1] === 'transaction' ? tokens[2] : tokens[1]
      return next !== 'to'
    }
    default:
      return false
  }
}

function refusesBlock(tokens: Tokens): boolean {
  switch (tokens[0]) {
    case 'vacuum':
      return true
    case 'discard':
      return tokens[1] === 'all'
    case 'cluster':
      return clustersEverything(tokens)
    case 'reindex':
      return reindexRefuses(tokens)
    case 'create':
      return createRefuses(tokens)
    case 'drop':
      return tokens[1] !== 'index' || tokens[2] === 'concurrently'
    case 'alter':
      return alterRefuses(tokens)
    default:
      return false
  }
}

/** The tokens after the parenthesised list that begins at `at`; the list's own tokens. */
function optionList(tokens: Tokens, at: number): { options: Tokens; after: number } {
  if (tokens[at] !== '(') return { options: [], after: at }
  const close = tokens.indexOf(')', at)
  return close === -1
    ? { options: tokens.slice(at + 1), after: tokens.length }
    : { options: tokens.slice(at + 1, close), after: close + 1 }
}

/** What an option of a list is set to: `true` when it stands alone, undefined when it is not there. */
function optionValue(options: Tokens, name: string): boolean | undefined {
  const at = options.findIndex(
    (token, index) => token === name && (index === 0 || options[index - 1] === ','),
  )
  if (at === -1) return undefined
  const value = options[at + 1] === '=' ? options[at + 2] : options[at + 1]
  if (value === undefined || value === ',') return true
  return !['false', 'off', '0', 'no'].includes(value.replaceAll(/['"]/g, '').toLowerCase())
}

/** CLUSTER without a table walks through all of them, one transaction each. */
function clustersEverything(tokens: Tokens): boolean {
  const { after } = optionList(tokens, 1)
  return after + (tokens[after] === 'verbose' ? 1 : 0) >= tokens.length
}

function reindexRefuses(tokens: Tokens): boolean {
  const { options, after } = optionList(tokens, 1)
  if (['database', 'schema', 'system'].includes(tokens[after] ?? '')) return true
  return optionValue(options, 'concurrently') ?? tokens[after + 1] === 'concurrently'
}

function createRefuses(tokens: Tokens): boolean {
  switch (tokens[1]) {
    case 'database':
    case 'tablespace':
      return true
    case 'subscription':
      return createsSlot(tokens)
    case 'unique':
      return tokens[2] === 'index' && tokens[3] === 'concurrently'
    default:
      return tokens[2] === 'concurrently'
  }
}

/** The options of `… WITH (…)` at the end of a statement. */
function withOptions(tokens: Tokens): Tokens {
  const at = tokens.lastIndexOf('with')
  return at === -1 ? [] : optionList(tokens, at + 1).options
}

/** CREATE SUBSCRIPTION makes a replication slot on the publisher unless told not to. */
function createsSlot(tokens: Tokens): boolean {
  const options = withOptions(tokens)
  return optionValue(options, 'create_slot') ?? optionValue(options, 'connect') ?? true
}

function alterRefuses(tokens: Tokens): boolean {
  switch (tokens[1]) {
    case 'system':
      return true
    case 'database':
      return tokens[3] === 'set' && tokens[4] === 'tablespace'
    case 'subscription':
      return refreshesSubscription(tokens)
    default:
      return detachesConcurrently(tokens)
  }
}

function refreshesSubscription(tokens: Tokens): boolean {
  if (tokens[3] === 'refresh') return true
  if (!['add', 'drop', 'set'].includes(tokens[3] ?? '') || tokens[4] !== 'publication') return false
  return optionValue(withOptions(tokens), 'refresh') ?? true
}

/** After a possibly qualified name that begins at `at`. */
function afterName(tokens: Tokens, at: number): number {
  let next = at + 1
  while (tokens[next] === '.') next += 2
  return next
}

/** ALTER TABLE [IF EXISTS] [ONLY] name [*] DETACH PARTITION name CONCURRENTLY */
function detachesConcurrently(tokens: Tokens): boolean {
  let at = 2
  if (tokens[at] === 'if') at += 2
  if (tokens[at] === 'only') at++
  if (tokens[at] === '(') at++
  at = afterName(tokens, at)
  while (tokens[at] === ')' || tokens[at] === '*') at++
  if (tokens[at] !== 'detach' || tokens[at + 1] !== 'partition') return false
  return tokens[afterName(tokens, at + 2)] === 'concurrently'
}

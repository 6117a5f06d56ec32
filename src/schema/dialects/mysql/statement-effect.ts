/** What a statement does beyond its rows: decides whether it can share a transaction, and what a crash leaves open. */
import { databaseNamed } from './elsewhere.ts'
import { tokensOf, unwrapped, type Token } from './text/tokens.ts'

/**
 * - `rows`: reads and changes rows, in a transaction with others.
 * - `session`: sets what following statements depend on: run again by whoever goes on after a crash.
 * - `temporary`: makes a table that ends with the session.
 * - `guard`: stops a change that was planned for another schema.
 *
 * All others end the transaction before them and are on their own:
 * - `schema`: one change of the schema, done wholly or not at all, which the catalogue tells.
 * - `drops`: takes away several objects, one after the other.
 * - `renames`: several names at once; two tables that are alike can have changed places unseen.
 * - `again`: does no harm when it is done twice.
 * - `unseen`: nothing tells afterwards whether it was done.
 * - `anything`: may do several things, and fail in the middle of them.
 */
export type Effect =
  | 'rows'
  | 'session'
  | 'temporary'
  | 'guard'
  | 'schema'
  | 'drops'
  | 'renames'
  | 'again'
  | 'unseen'
  | 'anything'

/** Stands for the fingerprints that follow it; no function of the server has this name. */
export const GUARD = 'tenantry_schema_is_one_of'

export interface Refusal {
  readonly why: string
  readonly instead: string
}

/** By the first word, where that tells all. */
const BY_WORD: ReadonlyMap<string, Effect> = new Map(
  (
    [
      ['rows', 'insert update delete replace select with do values table show ('],
      ['again', 'analyze optimize check repair flush grant'],
      ['unseen', 'truncate execute revoke install uninstall'],
      ['anything', 'call'],
      ['session', 'prepare deallocate'],
    ] as const
  ).flatMap(([effect, words]) => words.split(' ').map((word) => [word, effect] as const)),
)
const CONTROL = ['start', 'begin', 'commit', 'rollback', 'savepoint', 'release', 'xa', 'lock', 'unlock']
/** What CREATE, ALTER and DROP reach outside of the tenant's database. */
const OUTSIDE = ['user', 'role', 'server', 'tablespace', 'logfile', 'instance']
/** Parts of ALTER TABLE that the catalogue does not show. */
const UNSEEN_PARTS = /\b(?:truncate|exchange|discard|import|rebuild) (?:partition|tablespace)\b/
const SCOPES = /\b(?:global|persist|persist_only)\b|@@(?:global|persist|persist_only)\b/

/** @returns what it does, or why no version can hold it */
export function effectOf(sql: string): Effect | Refusal {
  const text = unwrapped(sql)
    .replaceAll(/\/\*M?!/g, ' ')
    .replaceAll('*/', ' ')
  const tokens = tokensOf(text)
  const words = tokens.map((token) =>
    token.kind === 'word' || token.kind === 'mark' ? token.text.toLowerCase() : '…',
  )
  const [first = '', second = ''] = words
  if (first === 'do' && second === GUARD) return 'guard'
  const elsewhere = leavesDatabase(tokens, first)
  if (elsewhere !== undefined) return elsewhere
  const known = first === 'load' ? effectOfLoad(words) : BY_WORD.get(first)
  if (known !== undefined) return known
  if (['create', 'alter', 'drop', 'rename'].includes(first)) return effectOfDdl(first, words)
  // Settings for one statement, which comes behind them.
  const behind = first === 'set' && second === 'statement' ? tokens[words.indexOf('for')] : undefined
  if (behind !== undefined) return effectOf(text.slice(behind.end))
  if (first === 'set') return effectOfSet(words)
  // Several statements as one, of MariaDB.
  if (first === 'begin' && second === 'not') return 'anything'
  if (CONTROL.includes(first)) {
    return {
      why: 'begins or ends what is Tenantry’s to begin and end',
      instead: 'Leave it out: neighbouring statements on rows share a transaction, all others stand alone.',
    }
  }
  return { why: 'is no statement that a version can hold', instead: 'Run it by other means.' }
}

function leavesDatabase(tokens: readonly Token[], first: string): Refusal | undefined {
  if (first === 'use') {
    return { why: 'leads into another database', instead: 'Leave it out: the tenant’s database is in use.' }
  }
  const other = databaseNamed(tokens)
  if (other === undefined) return undefined
  return {
    why: `changes what is in the database ${other}`,
    instead: 'Leave its name out: the tenant’s database is in use, whatever its name is.',
  }
}

function effectOfLoad(words: readonly string[]): Effect | Refusal {
  if (!words.slice(1, 5).includes('local')) return 'rows'
  return { why: 'reads a file of the client', instead: 'Write the rows as INSERT statements.' }
}

function effectOfSet(words: readonly string[]): Effect | Refusal {
  const text = words.join(' ')
  const isOther = /^set (?:password|role|default|transaction|statement)\b|\bautocommit\b/.test(text)
  if (!isOther && !SCOPES.test(text)) return 'session'
  return {
    why: 'sets what is not this session’s, or not a version’s to set',
    instead: 'Set it on the server by other means.',
  }
}

function effectOfDdl(verb: string, words: readonly string[]): Effect | Refusal {
  const head = words.slice(1, 6)
  const [object = ''] = head.filter((word) => !['or', 'replace', 'if', 'not', 'exists'].includes(word))
  if (object === 'temporary') return 'temporary'
  if (verb !== 'alter' && (object === 'database' || object === 'schema')) {
    return {
      why: 'makes or takes away a whole database',
      instead: 'Leave it out: a version changes what is inside of the tenant’s database.',
    }
  }
  if (OUTSIDE.includes(object)) return 'unseen'
  const text = words.join(' ')
  if (verb === 'rename') return text.includes(',') ? 'renames' : 'schema'
  if (verb === 'drop') return text.includes(',') ? 'drops' : 'schema'
  return verb === 'alter' && UNSEEN_PARTS.test(text) ? 'unseen' : 'schema'
}

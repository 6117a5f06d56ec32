/**
 * Runs versions for SQLite and MySQL on a scratch database as a rollout would, and reads the schema before and after
 * each statement that may change it: these servers keep no books of what a statement has locked or written anew.
 */
import { sqlstateOf } from '../../engine/failure.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { mysqlStepsOf } from '../dialects/mysql/version-steps.ts'
import { tokensOf as mysqlTokensOf, unquoted } from '../dialects/mysql/text/tokens.ts'
import { tokensOf as sqliteTokensOf } from '../dialects/sqlite/text/tokens.ts'
import { sqliteStepsOf } from '../dialects/sqlite/version-steps.ts'
import { buildCopy } from '../prove.ts'
import type { Shadow } from '../operand/shadows.ts'
import { idOf, type Snapshot } from '../snapshot/snapshot.ts'
import { SMALL_BYTES, type Failure, type LintInput, type StatementPlace } from './finding.ts'

/** One statement as it was seen to work. */
export interface Observed {
  /** From 1. */
  readonly statement: number
  /** Of the file, from 1. */
  readonly line: number
  /** Words and names in lower case, without quotes. */
  readonly words: readonly string[]
  /** Equal ones when it changes no schema. */
  readonly before: Snapshot
  readonly after: Snapshot
  /** The server refused to do it while others write: MySQL and MariaDB. */
  readonly stopsWriters: boolean
}

export interface SchemaRehearsal {
  /** What the version found. */
  readonly start: Snapshot
  readonly observed: readonly Observed[]
  readonly failure?: Failure
  /** Its first statement; nothing was run, as a version before it had failed half way. */
  readonly heldBy?: StatementPlace
}

interface VersionStatement {
  readonly sql: string
  readonly line: number
  readonly words: readonly string[]
  readonly changesSchema: boolean
}

interface VersionScript {
  readonly settings: readonly string[]
  readonly statements: readonly VersionStatement[]
}

/** What a rollout sets before a version's own settings. */
const SQLITE_DEFAULTS = ['PRAGMA foreign_keys = OFF', 'PRAGMA legacy_alter_table = OFF']

/** @throws TenantryError `source_invalid` for SQL that no version of this dialect can hold */
function scriptOf(dialect: 'mysql' | 'sqlite', sql: string): VersionScript {
  if (dialect === 'sqlite') {
    const { settings, statements } = sqliteStepsOf(sql)
    return {
      settings: [...SQLITE_DEFAULTS, ...settings],
      statements: statements.map((one) => {
        const words = sqliteTokensOf(one.sql).map(({ text }) => text.toLowerCase())
        return { ...one, words, changesSchema: ['create', 'alter', 'drop'].includes(words[0] ?? '') }
      }),
    }
  }
  const statements = mysqlStepsOf(sql).flatMap((step) => step.statements)
  return {
    settings: [],
    statements: statements.map((one) => ({
      ...one,
      words: mysqlTokensOf(one.sql).map(({ text }) => unquoted(text).toLowerCase()),
      changesSchema: !['rows', 'session', 'temporary', 'guard'].includes(one.effect),
    })),
  }
}

/** A place where versions run one after the other. */
export class SchemaPlace {
  readonly dialect: Dialect
  readonly #shadow: Shadow
  /** Ids of tables that are known to be small. */
  readonly small: ReadonlySet<string>
  #isHalfWay = false

  private constructor(dialect: Dialect, shadow: Shadow, small: ReadonlySet<string>) {
    this.dialect = dialect
    this.#shadow = shadow
    this.small = small
  }

  /**
   * @param source the schema that the first version finds; an empty one when absent
   * @throws TenantryError `conflict` when the schema cannot be built there
   */
  static async open(dialect: Dialect, shadow: Shadow, source?: Snapshot): Promise<SchemaPlace> {
    if (source !== undefined) await buildCopy(dialect, shadow, source)
    const small = (source?.objects ?? []).filter(({ kind, facts }) => {
      const bytes = facts?.['bytes']
      return kind === 'table' && typeof bytes === 'number' && bytes <= SMALL_BYTES
    })
    return new SchemaPlace(dialect, shadow, new Set(small.map(idOf)))
  }

  async inspect(): Promise<Snapshot> {
    return this.dialect.inspect(this.#shadow.session)
  }

  /** Runs a version to its end or to the statement that fails; what it has done stays for the next one. */
  async run({ sql, firstLine }: Pick<LintInput, 'sql' | 'firstLine'>): Promise<SchemaRehearsal> {
    const script = scriptOf(this.dialect.name === 'sqlite' ? 'sqlite' : 'mysql', sql)
    const start = await this.inspect()
    if (this.#isHalfWay) return { start, observed: [], heldBy: { statement: 1, line: firstLine } }
    const { session } = this.#shadow
    const inTransaction = this.dialect.transactionalDdl
    for (const setting of script.settings) await session.query(setting)
    if (inTransaction) await session.query(this.dialect.begin)
    const rehearsal = await this.#runStatements(script.statements, start, firstLine)
    if (inTransaction) await session.query(rehearsal.failure === undefined ? 'COMMIT' : 'ROLLBACK')
    else this.#isHalfWay = rehearsal.failure !== undefined
    return rehearsal
  }

  async #runStatements(
    statements: readonly VersionStatement[],
    start: Snapshot,
    firstLine: number,
  ): Promise<SchemaRehearsal> {
    const observed: Observed[] = []
    let before = start
    for (const [index, { sql, line, words, changesSchema }] of statements.entries()) {
      const place = { statement: index + 1, line: line + firstLine - 1 }
      try {
        const stopsWriters = await this.#runStatement(sql, words)
        const after = changesSchema ? await this.inspect() : before
        observed.push({ ...place, words, before, after, stopsWriters })
        before = after
      } catch (thrown) {
        const sqlstate = sqlstateOf(thrown)
        if (sqlstate === null) throw thrown
        return { start, observed, failure: { ...place, sqlstate, message: messageOf(thrown) } }
      }
    }
    return { start, observed }
  }

  /** @returns whether MySQL or MariaDB said that nobody could write meanwhile */
  async #runStatement(sql: string, words: readonly string[]): Promise<boolean> {
    const online = this.dialect.name === 'mysql' ? onlineForm(sql, words) : undefined
    if (online === undefined) {
      await this.#shadow.session.query(sql)
      return false
    }
    try {
      await this.#shadow.session.query(online)
      return false
    } catch (thrown) {
      await this.#shadow.session.query(sql)
      return sqlstateOf(thrown) === NOT_SUPPORTED
    }
  }
}

/** ER_ALTER_OPERATION_NOT_SUPPORTED and its reasons. */
const NOT_SUPPORTED = '0A000'

/** The same, refused by the server where it cannot be done beside those who write; undefined where that cannot be asked. */
function onlineForm(sql: string, words: readonly string[]): string | undefined {
  if (words.includes('algorithm') || words.includes('lock')) return undefined
  const [verb, ...rest] = words
  const object = rest.find(
    (word) => !['online', 'ignore', 'or', 'replace', 'unique', 'fulltext', 'spatial'].includes(word),
  )
  if (verb === 'alter' && object === 'table') return `${sql}, LOCK=NONE`
  if ((verb === 'create' || verb === 'drop') && object === 'index') return `${sql} LOCK=NONE`
  return undefined
}

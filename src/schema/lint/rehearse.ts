/**
 * Runs versions on a scratch database as a rollout would, statement by statement, and watches what each does to the
 * tables that were there before: facts that no text tells.
 */
import { parseAddress } from '../../engine/address.ts'
import { sqlstateOf } from '../../engine/failure.ts'
import { Session } from '../../engine/session.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { loadSql, makeMissingRole } from '../operand/load-sql.ts'
import type { Shadow } from '../operand/shadows.ts'
import { makePlan } from '../plan/make-plan.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { splitStatements, stepsOf, type Statement, type Step } from '../statements.ts'
import { type Books, readBooks, stoppingLock } from './books.ts'
import { SMALL_BYTES, type Failure, type LintInput, type StatementPlace } from './finding.ts'
import type { Watched } from './watched.ts'

export interface Rehearsal {
  readonly watched: readonly Watched[]
  readonly failure?: Failure
  /** Statements that were left out: they would reach beyond the scratch database. */
  readonly leftOut: readonly StatementPlace[]
}

/** On tables without rows whatever takes a minute waits for something that will not come. */
const SETTINGS = { statement_timeout: '60s', lock_timeout: '10s' }

/** Of the whole server, not of one database. */
const BEYOND = /^(?:create|drop|alter)\s+(?:database|tablespace|system|subscription)\b/i

/** A place where versions run one after the other. */
export class RehearsalPlace {
  readonly #dialect: Dialect
  readonly #shadow: Shadow
  readonly #session: Session
  /** Qualified names of tables that are known to be small. */
  readonly #small = new Set<string>()

  private constructor(dialect: Dialect, shadow: Shadow, session: Session) {
    this.#dialect = dialect
    this.#shadow = shadow
    this.#session = session
  }

  /**
   * @param source the schema that the first version finds; an empty one when absent
   * @throws TenantryError `source_invalid` when the schema cannot be built there
   */
  static async open(dialect: Dialect, shadow: Shadow, source?: Snapshot): Promise<RehearsalPlace> {
    if (source !== undefined) {
      const empty = await dialect.inspect(shadow.session)
      const steps = makePlan(dialect, empty, source, { style: 'plain' }).steps.map(({ sql }) => sql)
      const statements = [...dialect.preamble, ...steps]
      await loadSql(
        dialect,
        shadow,
        statements.map((text) => ({ text, place: 'the schema to begin with' })),
      )
    }
    const session = await Session.open(parseAddress(shadow.url), { settings: SETTINGS })
    const place = new RehearsalPlace(dialect, shadow, session)
    for (const { kind, name, facts } of source?.objects ?? []) {
      const bytes = facts?.['bytes']
      if (kind === 'table' && typeof bytes === 'number' && bytes <= SMALL_BYTES)
        place.#small.add(name.join('.'))
    }
    return place
  }

  close(): void {
    this.#session.close()
  }

  /** The schema as it is there now. */
  async inspect(): Promise<Snapshot> {
    return this.#dialect.inspect(this.#shadow.session)
  }

  async books(): Promise<Books> {
    return readBooks(this.#session)
  }

  /**
   * Runs a version to its end or to the statement that fails; what it has done stays for the next one.
   * @param known what counts as there before it; what is there now when absent
   */
  async run({ sql, firstLine }: Pick<LintInput, 'sql' | 'firstLine'>, known?: Books): Promise<Rehearsal> {
    const watched: Watched[] = []
    const leftOut: StatementPlace[] = []
    const start = known ?? (await readBooks(this.#session))
    const existing = new Set(start.relations.keys())
    const small = new Set(
      [...start.relations.values()]
        .filter(({ name }) => this.#small.has(name.replaceAll('"', '')))
        .map(({ oid }) => oid),
    )
    const numbers = new Map(splitStatements(sql).map((one, index) => [one.start, index + 1]))
    const placeOf = ({ start: offset, line }: Statement): StatementPlace => ({
      statement: numbers.get(offset) ?? 0,
      line: line + firstLine - 1,
    })
    try {
      for (const step of stepsOf(sql)) {
        const failure = await this.#runStep(step, { placeOf, existing, small, watched, leftOut })
        if (failure !== undefined) return { watched, failure, leftOut }
      }
    } finally {
      // What a version sets for its session is not there for the next one.
      if (this.#session.usable) await this.#session.query('discard all')
    }
    return { watched, leftOut }
  }

  /** Again from its beginning when a role had to be made for it. */
  async #runStep(step: Step, run: Run): Promise<Failure | undefined> {
    for (;;) {
      const before = run.watched.length
      const inTransaction = step.kind === 'transaction'
      const books = inTransaction ? await this.#begin() : await readBooks(this.#session)
      const failed = await this.#runStatements(step, books, run)
      if (failed === undefined) {
        if (!inTransaction) return undefined
        return this.#commit(step, run)
      }
      if (inTransaction) await this.#session.query('rollback')
      if (!this.#shadow.isOwnServer || !(await makeMissingRole(this.#dialect, this.#shadow, failed.thrown)))
        return failed.failure
      run.watched.length = before
    }
  }

  async #begin(): Promise<Books> {
    await this.#session.query('begin')
    return readBooks(this.#session)
  }

  async #runStatements(
    step: Step,
    start: Books,
    run: Run,
  ): Promise<{ failure: Failure; thrown: unknown } | undefined> {
    let before = start
    const lockedSince = new Map<string, number>()
    for (const statement of step.statements) {
      const place = run.placeOf(statement)
      if (BEYOND.test(statement.text)) {
        run.leftOut.push(place)
        continue
      }
      let command: string
      try {
        command = (await this.#session.query(statement.text)).at(-1)?.command ?? ''
      } catch (thrown) {
        return { failure: failureOf(place, thrown), thrown }
      }
      const after = await readBooks(this.#session)
      run.watched.push({
        ...place,
        sql: statement.text,
        command,
        inTransaction: step.kind === 'transaction',
        before,
        after,
        existing: run.existing,
        small: run.small,
        lockedSince: new Map(lockedSince),
      })
      for (const relation of after.relations.values()) {
        const mode = stoppingLock(relation)
        if (mode !== undefined && mode !== stoppingLock(before.relations.get(relation.oid)))
          lockedSince.set(relation.oid, place.line)
      }
      before = after
    }
    return undefined
  }

  /** Deferred constraints speak up here. */
  async #commit(step: Step, run: Run): Promise<Failure | undefined> {
    const last = step.statements.at(-1)
    try {
      await this.#session.query('commit')
      return undefined
    } catch (thrown) {
      if (last === undefined) throw thrown
      return failureOf(run.placeOf(last), thrown)
    }
  }
}

/** What is known of the version that is being run. */
interface Run {
  readonly placeOf: (statement: Statement) => StatementPlace
  readonly existing: ReadonlySet<string>
  readonly small: ReadonlySet<string>
  readonly watched: Watched[]
  readonly leftOut: StatementPlace[]
}

/** @throws whatever is no answer of the server */
function failureOf(place: StatementPlace, thrown: unknown): Failure {
  const sqlstate = sqlstateOf(thrown)
  if (sqlstate === null) throw thrown
  return { ...place, sqlstate, message: messageOf(thrown) }
}

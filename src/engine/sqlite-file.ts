/** One open SQLite file, through the SQLite that is part of Node. Every call blocks until it is done. */
import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { DatabaseFailure } from './failure.ts'

export interface SqliteOptions {
  /** Milliseconds to wait for a lock that another connection holds. */
  readonly busyMs: number
  /** Default false: a file that is not there is refused. */
  readonly create?: boolean
  readonly readOnly?: boolean
}

export type SqliteRow = Readonly<Record<string, unknown>>

/** Primary result codes, https://sqlite.org/rescode.html, and what PostgreSQL calls the same. */
const SQLSTATES: Readonly<Record<number, string>> = {
  3: '42501',
  5: '55P03',
  6: '55P03',
  8: '25006',
  9: '57014',
  10: '58030',
  11: 'XX001',
  13: '53100',
  14: '08001',
  19: '23000',
  23: '42501',
  26: 'XX001',
}

const CONSTRAINTS: Readonly<Record<number, string>> = {
  275: '23514',
  787: '23503',
  1299: '23502',
  1555: '23505',
  2067: '23505',
  2579: '23505',
}

/** A syntax error, a missing table: SQLite has one code for all of them. */
const OTHER = '42000'

export class SqliteFile {
  readonly path: string
  readonly #database: DatabaseSync

  private constructor(path: string, database: DatabaseSync) {
    this.path = path
    this.#database = database
  }

  /**
   * Opens a file, or `:memory:`. Foreign keys are not enforced, as is the default of SQLite itself.
   * @throws DatabaseFailure 08001 when there is no such file, XX001 when it is no database.
   */
  static open(path: string, options: SqliteOptions): SqliteFile {
    if (path !== ':memory:' && options.create !== true) mustBeFile(path)
    const database = attempt(path, () => {
      return new DatabaseSync(path, {
        timeout: options.busyMs,
        enableForeignKeyConstraints: false,
        enableDoubleQuotedStringLiterals: true,
        readOnly: options.readOnly ?? false,
      })
    })
    return new SqliteFile(path, database)
  }

  /**
   * Runs one statement.
   * @returns its rows; none for a statement that gives none.
   * @throws DatabaseFailure
   */
  run(statement: string): SqliteRow[] {
    return attempt(this.path, () => {
      const prepared = this.#database.prepare(statement)
      prepared.setReadBigInts(true)
      if (prepared.columns().length > 0) return prepared.all().map(plain)
      prepared.run()
      return []
    })
  }

  /** Runs one statement to its end; its rows, however many, are read and dropped. @throws DatabaseFailure */
  execute(statement: string): void {
    attempt(this.path, () => {
      const prepared = this.#database.prepare(statement)
      prepared.setReadBigInts(true)
      const rows = prepared.columns().length > 0 ? prepared.iterate() : undefined
      if (rows === undefined) prepared.run()
      else while (rows.next().done !== true);
    })
  }

  /** Makes a function that statements can call, and what is stored in the schema cannot. */
  define(name: string, call: (...values: readonly unknown[]) => string | number | null): void {
    this.#database.function(name, { varargs: true, directOnly: true }, call)
  }

  /** Whether a transaction is open. */
  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  /** Rolls back what is open. */
  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function mustBeFile(path: string): void {
  if (!existsSync(path)) throw new DatabaseFailure('08001', `There is no file ${path}.`)
  if (!statSync(path).isFile()) throw new DatabaseFailure('08001', `${path} is not a file.`)
}

/** Whole numbers come as numbers where these hold them exactly. */
function plain(row: Record<string, unknown>): SqliteRow {
  for (const [key, value] of Object.entries(row)) {
    if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) row[key] = Number(value)
  }
  return row
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    throw failureOf(path, thrown)
  }
}

function failureOf(path: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number')
    return thrown
  const code = thrown.errcode
  const sqlstate = CONSTRAINTS[code] ?? SQLSTATES[code % 256] ?? OTHER
  return new DatabaseFailure(sqlstate, explained(path, code % 256, thrown.message), { cause: thrown })
}

function explained(path: string, code: number, message: string): string {
  if (code === 5 || code === 6) return `${path} is locked by another connection (${message}).`
  if (code === 11 || code === 26) return `${path} is damaged, or no SQLite database (${message}).`
  if (code === 14) return `${path} cannot be opened (${message}).`
  return message
}

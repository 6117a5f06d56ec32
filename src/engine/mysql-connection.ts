/** One connection to a MySQL or MariaDB server, through mysql2: plain rows, and failures with PostgreSQL's classes. */
import { isIP } from 'node:net'
import type { Connection, ConnectionOptions, QueryError } from 'mysql2'
import { TenantryError } from '../lib/errors.ts'
import { CANNOT_CONNECT, CONNECTION_LOST, DatabaseFailure } from './failure.ts'
import type { MysqlAddress } from './mysql-address.ts'
import { certificateProblem, readAuthority } from './tls.ts'
import { sqlstateOfError } from './mysql-errors.ts'

export type MysqlRow = Readonly<Record<string, unknown>>

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 10_000
/** Strict, so that an ALTER that does not fit the data fails; zero dates stay possible, a 0 in a key stays a 0. */
export const SQL_MODE = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'
/** All that a server can be set up with to read, answer or check otherwise; a smaller limit would hide a part of the schema. */
export const SESSION_SETTINGS = [
  `SET NAMES utf8mb4, SESSION sql_mode = '${SQL_MODE}', SESSION foreign_key_checks = 1, SESSION unique_checks = 1`,
  'SESSION autocommit = 1, SESSION completion_type = 0, SESSION sql_quote_show_create = 1',
  'SESSION sql_select_limit = 18446744073709551615, SESSION sql_safe_updates = 0, SESSION sql_auto_is_null = 0',
  "/*M!100802 SESSION check_constraint_checks = 1, SESSION explicit_defaults_for_timestamp = 1, SESSION system_versioning_alter_history = 'KEEP', */ SESSION big_tables = 0",
].join(', ')

export interface MysqlOptions {
  /** Default true. False: a message is one statement, whatever it holds. */
  readonly multipleStatements?: boolean
}

export class MysqlConnection {
  readonly #connection: Connection
  #lost: DatabaseFailure | undefined

  private constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * @throws TenantryError `invalid_input` for a certificate that could not be checked as asked
   * @throws DatabaseFailure 08001 when nothing answers, else with the server's SQLSTATE (28000: wrong password)
   */
  static async open(address: MysqlAddress, options: MysqlOptions = {}): Promise<MysqlConnection> {
    // Loaded when it is first needed: most who know of MySQL never speak to one.
    const { createConnection } = await import('mysql2')
    const connection = createConnection(await optionsFor(address, options))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    connection.connect((error: QueryError | null) => (error === null ? resolve() : reject(error)))
    try {
      await promise
    } catch (thrown) {
      connection.destroy()
      throw failureOf(explained(thrown, address), CANNOT_CONNECT)
    }
    const opened = new MysqlConnection(connection)
    connection.on('error', (error: Error) => {
      opened.#lost ??= failureOf(error, CONNECTION_LOST)
    })
    await opened.query(SESSION_SETTINGS)
    return opened
  }

  /** Runs one or several statements. @returns rows of each, in order; none for those that give none */
  query(sql: string): Promise<(readonly MysqlRow[])[]> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    const { promise, resolve, reject } = Promise.withResolvers<(readonly MysqlRow[])[]>()
    this.#connection.query(sql, (error: QueryError | null, results: unknown) => {
      if (error === null) resolve(resultSets(results))
      else reject(failureOf(error, CONNECTION_LOST))
    })
    return promise
  }

  /** Says goodbye; a connection that is gone already is closed too. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#connection.end(() => resolve())
    await promise
  }

  destroy(): void {
    this.#connection.destroy()
  }
}

async function optionsFor(address: MysqlAddress, options: MysqlOptions): Promise<ConnectionOptions> {
  return {
    ...(address.socket === undefined
      ? { host: address.host, port: address.port }
      : { socketPath: address.socket }),
    user: address.user,
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.database === '' ? {} : { database: address.database }),
    ...(address.ssl === 'disable' ? {} : { ssl: await tlsFor(address) }),
    charset: 'utf8mb4',
    connectTimeout: CONNECT_TIMEOUT_MS,
    multipleStatements: options.multipleStatements ?? true,
    // A peer that went away without a word is noticed within seconds, however long a statement may take.
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    supportBigNumbers: true,
    dateStrings: true,
    jsonStrings: true,
    // A hostile server must not read files of this machine.
    flags: ['-LOCAL_FILES'],
  }
}

/** A certificate that was refused, in words that name the setting. */
function explained(thrown: unknown, address: MysqlAddress): unknown {
  if (!(thrown instanceof Error)) return thrown
  const { host, ssl, sslRootCert, sslRootPem } = address
  const code = 'code' in thrown && thrown.code === 'HANDSHAKE_SSL_ERROR' ? codeOf(thrown.message) : undefined
  if (code === undefined) return thrown
  const named = Object.assign(new Error(thrown.message), { code })
  const problem = certificateProblem(named, { host, ssl, sslRootCert: sslRootPem ?? sslRootCert })
  if (problem === undefined) return thrown
  return new DatabaseFailure(CANNOT_CONNECT, `Cannot connect to ${host}:${address.port}: ${problem}`, {
    cause: thrown,
  })
}

/** The driver puts a code of its own into the place of that of the check. */
function codeOf(message: string): string | undefined {
  if (/altnames|not in the cert/i.test(message)) return 'ERR_TLS_CERT_ALTNAME_INVALID'
  if (/has expired/i.test(message)) return 'CERT_HAS_EXPIRED'
  if (/not yet valid/i.test(message)) return 'CERT_NOT_YET_VALID'
  return /certificate|self[- ]signed/i.test(message) ? 'UNABLE_TO_VERIFY' : undefined
}

/** For an address, the driver would compare the certificate with the name localhost instead. */
function refuseUncheckable({ host, socket, ssl }: MysqlAddress): void {
  if (ssl !== 'verify-full' || (socket === undefined && isIP(host) === 0)) return
  throw new TenantryError(
    'invalid_input',
    `sslmode=verify-full needs a name to compare the certificate with; ${socket ?? host} is none.`,
    { nextSteps: ['Use the name in the certificate, or sslmode=verify-ca.'] },
  )
}

async function tlsFor(
  address: MysqlAddress,
): Promise<{ rejectUnauthorized: boolean; verifyIdentity: boolean; ca?: string }> {
  refuseUncheckable(address)
  const ca =
    address.sslRootPem ??
    (address.sslRootCert === undefined ? undefined : await readAuthority(address.sslRootCert))
  return {
    // As libpq reads it: an authority that is given is asked for.
    rejectUnauthorized: address.ssl !== 'require' || ca !== undefined,
    verifyIdentity: address.ssl === 'verify-full',
    ...(ca === undefined ? {} : { ca }),
  }
}

/** mysql2 gives the rows of one statement, or a list of what several gave; a header stands for "no rows". */
function resultSets(results: unknown): (readonly MysqlRow[])[] {
  if (!Array.isArray(results)) return [[]]
  const several = results.some((one) => Array.isArray(one) || isHeader(one))
  if (!several) return [results as MysqlRow[]]
  return results.map((one) => (Array.isArray(one) ? (one as MysqlRow[]) : []))
}

function isHeader(value: unknown): boolean {
  return typeof value === 'object' && value !== null && value.constructor.name === 'ResultSetHeader'
}

function failureOf(thrown: unknown, whenLost: string): DatabaseFailure {
  if (thrown instanceof DatabaseFailure) return thrown
  const error = thrown as Partial<QueryError> & Error
  const fromServer = typeof error.errno === 'number' && error.errno >= 1000 && error.errno < 10_000
  const sqlstate = fromServer ? sqlstateOfError(error.errno as number, error.sqlState) : whenLost
  return new DatabaseFailure(sqlstate, error.message || (error.code ?? 'the connection failed'), {
    ...(fromServer ? { detail: `error ${error.errno}` } : {}),
    cause: error,
  })
}

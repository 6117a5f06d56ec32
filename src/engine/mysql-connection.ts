/** One connection to a MySQL or MariaDB server, through mysql2: plain rows, and failures with PostgreSQL's classes. */
import { readFile } from 'node:fs/promises'
import { createConnection, type Connection, type ConnectionOptions, type QueryError } from 'mysql2'
import { TenantryError } from '../lib/errors.ts'
import { CANNOT_CONNECT, CONNECTION_LOST, DatabaseFailure } from './failure.ts'

export interface MysqlAddress {
  /** Host name or IP address; unused when `socket` is there. */
  readonly host: string
  readonly port: number
  /** Path of a Unix socket. */
  readonly socket?: string | undefined
  readonly user: string
  readonly password?: string | undefined
  /** Empty: none. */
  readonly database: string
  readonly ssl: 'disable' | 'require' | 'verify-full'
  /** File with the authority that signed the server's certificate, PEM. */
  readonly sslRootCert?: string | undefined
}

export type MysqlRow = Readonly<Record<string, unknown>>

const CONNECT_TIMEOUT_MS = 10_000
/** Strict, so that an ALTER that does not fit the data fails; zero dates stay possible, a 0 in a key stays a 0. */
export const SQL_MODE = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'
export const SESSION_SETTINGS = `SET NAMES utf8mb4, SESSION sql_mode = '${SQL_MODE}', SESSION foreign_key_checks = 1, SESSION unique_checks = 1 /*M!100304 , SESSION system_versioning_alter_history = 'KEEP' */`

const LOCK_NOT_AVAILABLE = '55P03'
/** Server and client errors by number, https://mariadb.com/kb/en/mariadb-error-codes/. */
const SQLSTATES: Readonly<Record<number, string>> = {
  1205: LOCK_NOT_AVAILABLE,
  1213: '40P01',
  1317: '57014',
  1969: '57014',
  3024: '57014',
  1053: '08006',
  1927: '08006',
  2006: '08006',
  2013: '08006',
}

export class MysqlConnection {
  readonly #connection: Connection
  #lost: DatabaseFailure | undefined

  private constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws DatabaseFailure 08001 when nothing answers, else with the server's SQLSTATE (28000: wrong password) */
  static async open(address: MysqlAddress): Promise<MysqlConnection> {
    const connection = createConnection(await optionsFor(address))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    connection.connect((error: QueryError | null) => (error === null ? resolve() : reject(error)))
    try {
      await promise
    } catch (thrown) {
      connection.destroy()
      throw failureOf(thrown, CANNOT_CONNECT)
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

async function optionsFor(address: MysqlAddress): Promise<ConnectionOptions> {
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
    multipleStatements: true,
    supportBigNumbers: true,
    dateStrings: true,
    jsonStrings: true,
    // A hostile server must not read files of this machine.
    flags: ['-LOCAL_FILES'],
  }
}

async function tlsFor(
  address: MysqlAddress,
): Promise<{ rejectUnauthorized: boolean; verifyIdentity: boolean; ca?: string }> {
  const verify = address.ssl === 'verify-full'
  return {
    rejectUnauthorized: verify,
    verifyIdentity: verify,
    ...(address.sslRootCert === undefined ? {} : { ca: await readFile(address.sslRootCert, 'utf8') }),
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
  const sqlstate = fromServer ? (SQLSTATES[error.errno as number] ?? error.sqlState ?? 'HY000') : whenLost
  return new DatabaseFailure(sqlstate, error.message || (error.code ?? 'the connection failed'), {
    ...(fromServer ? { detail: `error ${error.errno}` } : {}),
    cause: error,
  })
}

/** Reads `mysql://user:password@host:port/database?socket=/path&sslmode=…`; `mariadb:` is the same. */
export function parseMysqlAddress(url: string): MysqlAddress {
  const parsed = urlOf(url)
  const parameters = parsed.searchParams
  const unknown = [...parameters.keys()].filter(
    (key) => !['socket', 'sslmode', 'sslrootcert', 'user'].includes(key),
  )
  if (unknown.length > 0) throw invalidUrl(`has parameters Tenantry does not know: ${unknown.join(', ')}`)
  const host = decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1')
  const socket = parameters.get('socket') ?? undefined
  const user = decodeURIComponent(parsed.username) || parameters.get('user') || ''
  if (host === '' && socket === undefined) throw invalidUrl('names neither a host nor a socket')
  if (user === '') throw invalidUrl('names no user')
  return {
    host,
    port: Number(parsed.port || 3306),
    socket,
    user,
    password: parsed.password === '' ? undefined : decodeURIComponent(parsed.password),
    database: decodeURIComponent(parsed.pathname.slice(1)),
    ssl: sslOf(parameters.get('sslmode')),
    sslRootCert: parameters.get('sslrootcert') ?? undefined,
  }
}

function urlOf(url: string): URL {
  // Not kept as a cause: it would quote the URL with its password.
  if (!URL.canParse(url)) throw invalidUrl('is not a URL')
  const parsed = new URL(url)
  if (!['mysql:', 'mariadb:'].includes(parsed.protocol)) {
    throw invalidUrl(`begins with ${parsed.protocol}//, not mysql://`)
  }
  return parsed
}

function sslOf(value: string | null): MysqlAddress['ssl'] {
  if (value === null || value === 'disable') return 'disable'
  if (value === 'require' || value === 'verify-full') return value
  throw invalidUrl(`has sslmode=${value}; Tenantry knows disable, require and verify-full`)
}

function invalidUrl(problem: string): TenantryError {
  return new TenantryError('invalid_input', `The connection URL ${problem}.`, {
    nextSteps: ['Example: mysql://migrator:secret@db-1.internal:3306/shop?sslmode=verify-full'],
  })
}

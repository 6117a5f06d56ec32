/** Where a server is and who logs in: parsed from a connection URL, shown without its secret. */
import { TenantryError } from '../lib/errors.ts'
import { parseMysqlAddress, type MysqlAddress } from './mysql-address.ts'
import { readSslMode, type SslMode } from './ssl-mode.ts'

/** The kinds of servers that hold tenants; MariaDB is of the kind `mysql`. */
export const SERVER_KINDS = ['postgres', 'mysql', 'sqlite'] as const

export type ServerKind = (typeof SERVER_KINDS)[number]

export type { SslMode } from './ssl-mode.ts'

export interface ServerAddress {
  /** `sqlite`: `host` is a directory of files, one per tenant, and the rest says nothing. Absent: PostgreSQL. */
  readonly kind?: Exclude<ServerKind, 'postgres'> | undefined
  /** Host name, IP address, or (starting with `/`) the directory of a Unix socket, of MySQL the socket itself. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string | undefined
  /** The maintenance database: used for what is not inside one tenant. */
  readonly database: string
  readonly ssl: SslMode
  /** PEM text of the authority that signed the server's certificate. */
  readonly sslRootCert?: string | undefined
}

const EXAMPLE = 'postgres://migrator:secret@pg-1.internal:5432/postgres?sslmode=verify-full'

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…&host=/socket/dir`,
 * `mysql://user:password@host:port?sslmode=…&socket=/path`, or `sqlite:///directory`.
 * @throws TenantryError `invalid_input`, never quoting the password.
 */
export function parseAddress(dsn: string): ServerAddress {
  if (/^sqlite:/i.test(dsn)) return parseDirectory(dsn)
  if (/^(?:mysql|mariadb):/i.test(dsn)) return fromMysql(parseMysqlAddress(dsn))
  let url: URL
  try {
    url = new URL(dsn)
  } catch (cause) {
    throw invalidDsn('is not a URL', cause)
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw invalidDsn(`begins with ${url.protocol}//, not postgres://`)
  }
  const unknown = [...url.searchParams.keys()].filter(
    (key) => !['sslmode', 'host', 'port', 'user'].includes(key),
  )
  if (unknown.length > 0) throw invalidDsn(`has parameters Tenantry does not know: ${unknown.join(', ')}`)
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1')
  const user = decodeURIComponent(url.username) || url.searchParams.get('user') || ''
  if (host === '') throw invalidDsn('names no host')
  if (user === '') throw invalidDsn('names no user')
  const port = portOf(url)
  return {
    host,
    port,
    user,
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
    ssl: readSslMode(url.searchParams.get('sslmode'), invalidDsn),
  }
}

function parseDirectory(dsn: string): ServerAddress {
  const path = /^sqlite:\/\/(\/[^?#]*)$/i.exec(dsn)?.[1]
  if (path === undefined) {
    throw new TenantryError(
      'invalid_input',
      'The URL of a directory of SQLite files needs an absolute path.',
      {
        nextSteps: ['Example: sqlite:///var/lib/tenants'],
      },
    )
  }
  const directory = decodeURIComponent(path)
  const host = directory.length > 1 ? directory.replace(/\/+$/, '') : directory
  return { kind: 'sqlite', host, port: 0, user: '', database: '', ssl: 'disable' }
}

function fromMysql(address: MysqlAddress): ServerAddress {
  if (address.sslRootCert !== undefined) {
    throw new TenantryError(
      'invalid_input',
      'The connection URL of a server names no file of an authority: its PEM is stored with the server.',
      { nextSteps: ['Give it beside the URL: --ssl-root-cert FILE'] },
    )
  }
  const { host, port, socket, user, password, database, ssl } = address
  return { kind: 'mysql', host: socket ?? host, port, user, password, database, ssl }
}

/** For its driver. @param database another one than that of the address */
export function mysqlAddressOf(server: ServerAddress, database = server.database): MysqlAddress {
  const { host, port, user, password, ssl, sslRootCert } = server
  const socket = host.startsWith('/') ? host : undefined
  return { host, port, socket, user, password, database, ssl, sslRootPem: sslRootCert }
}

/** The URL form with its password: for handing to a library, never for showing. */
export function dsnOf(address: ServerAddress): string {
  if (address.kind === 'sqlite') {
    const path = address.database === '' ? address.host : `${address.host}/${address.database}`
    return `sqlite://${path.split('/').map(encodeURIComponent).join('/')}`
  }
  const isMysql = address.kind === 'mysql'
  const url = new URL(isMysql ? 'mysql://localhost' : 'postgres://localhost')
  url.username = encodeURIComponent(address.user)
  url.password = encodeURIComponent(address.password ?? '')
  url.port = String(address.port)
  url.pathname = `/${encodeURIComponent(address.database)}`
  if (address.host.startsWith('/')) url.searchParams.set(isMysql ? 'socket' : 'host', address.host)
  else url.hostname = address.host.includes(':') ? `[${address.host}]` : address.host
  if (address.ssl !== 'disable') url.searchParams.set('sslmode', address.ssl)
  return url.href
}

function portOf(url: URL): number {
  const port = Number(url.port || url.searchParams.get('port') || 5432)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw invalidDsn('has a port outside 1 to 65535')
  return port
}

function invalidDsn(problem: string, cause?: unknown): TenantryError {
  // The cause is left out where it would quote the URL with its password.
  void cause
  return new TenantryError('invalid_input', `The connection URL ${problem}.`, {
    nextSteps: [`Example: ${EXAMPLE}`],
  })
}

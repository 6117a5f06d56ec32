/** Where a MySQL or MariaDB server is and who logs in: read from a connection URL. */
import { TenantryError } from '../lib/errors.ts'
import { readSslMode, type SslMode } from './ssl-mode.ts'

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
  readonly ssl: SslMode
  /** File with the authority that signed the server's certificate, PEM. */
  readonly sslRootCert?: string | undefined
  /** The same as text: goes before the file. */
  readonly sslRootPem?: string | undefined
}

/**
 * Reads `mysql://user:password@host:port/database?socket=/path&sslmode=…&sslrootcert=/ca.pem`; `mariadb:` and `ssl-ca`
 * are the same.
 */
export function parseMysqlAddress(url: string): MysqlAddress {
  const parsed = urlOf(url)
  const parameters = parsed.searchParams
  const unknown = [...parameters.keys()].filter(
    (key) => !['socket', 'sslmode', 'sslrootcert', 'ssl-ca', 'user'].includes(key),
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
    ssl: readSslMode(parameters.get('sslmode'), invalidUrl),
    sslRootCert: parameters.get('sslrootcert') ?? parameters.get('ssl-ca') ?? undefined,
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

function invalidUrl(problem: string): TenantryError {
  return new TenantryError('invalid_input', `The connection URL ${problem}.`, {
    nextSteps: ['Example: mysql://migrator:secret@db-1.internal:3306/shop?sslmode=verify-full'],
  })
}

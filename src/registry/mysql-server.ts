/** A server of the kind `mysql`: MySQL or MariaDB, with one database per tenant. */
import { createHash } from 'node:crypto'
import { mysqlAddressOf, type ServerAddress } from '../engine/address.ts'
import { sqlstateOf } from '../engine/failure.ts'
import { MysqlConnection, type MysqlRow } from '../engine/mysql-connection.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { nameMatcher } from './selector.ts'

/** Works over one connection that uses no database. @throws DatabaseFailure */
export async function onMysql<T>(
  address: ServerAddress,
  work: (ask: (sql: string) => Promise<readonly MysqlRow[]>) => Promise<T>,
): Promise<T> {
  const connection = await MysqlConnection.open(mysqlAddressOf(address, ''))
  try {
    return await work(async (sql) => (await connection.query(sql))[0] ?? [])
  } finally {
    connection.destroy()
  }
}

/** @returns why the server cannot be used for changes, or undefined when it can. */
export async function lookAtMysql(address: ServerAddress): Promise<string | undefined> {
  try {
    const [row] = await onMysql(address, (ask) => ask('SELECT @@GLOBAL.read_only AS read_only'))
    return Number(row?.['read_only']) === 0
      ? undefined
      : 'The server is set to read-only (a replica, as a rule): it takes no changes.'
  } catch (error) {
    // Too many connections is the lane's business, not a server that is away.
    return sqlstateOf(error) === '53300' ? undefined : messageOf(error)
  }
}

export interface MysqlFacts {
  readonly systemIdentifier: string
  /** As the servers number themselves: 101119 is MariaDB 10.11.19, 80036 is MySQL 8.0.36. */
  readonly serverVersion: number
  readonly isSuperuser: boolean
  readonly maxConnections: number
  /** Milliseconds that connecting and the queries took. */
  readonly latencyMs: number
}

const VARIABLES = ['version', 'server_uuid', 'server_uid', 'hostname', 'port', 'datadir', 'max_connections']

/** @throws TenantryError `server_unreachable` with the SQLSTATE and what to do. */
export async function inspectMysql(address: ServerAddress, name: string): Promise<MysqlFacts> {
  const started = performance.now()
  try {
    return await onMysql(address, async (ask) => {
      const rows = await ask(
        `SHOW GLOBAL VARIABLES WHERE variable_name IN (${VARIABLES.map((variable) => `'${variable}'`).join(', ')})`,
      )
      const values = new Map(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]))
      return {
        systemIdentifier: identityOf(values),
        serverVersion: versionNumber(values.get('version') ?? ''),
        isSuperuser: await hasSuper(ask),
        maxConnections: Number(values.get('max_connections')),
        latencyMs: performance.now() - started,
      }
    })
  } catch (cause) {
    throw unreachable(cause, name, address)
  }
}

/** MySQL keeps an identity with its data. That of MariaDB is the machine's: the directory of the data makes it whole. */
function identityOf(values: ReadonlyMap<string, string>): string {
  const uuid = values.get('server_uuid')
  if (uuid !== undefined) return `mysql ${uuid}`
  const parts = [
    values.get('server_uid') ?? values.get('hostname'),
    values.get('port'),
    values.get('datadir'),
  ]
  return `mysql ${createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32)}`
}

/** `10.11.19-MariaDB-1` → 101119 */
function versionNumber(text: string): number {
  // Older MariaDB says 5.5.5- first, for replicas that know no larger numbers.
  const [, major = 0, minor = 0, patch = 0] = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []
  return Number(major) * 10_000 + Number(minor) * 100 + Number(patch)
}

async function hasSuper(ask: (sql: string) => Promise<readonly MysqlRow[]>): Promise<boolean> {
  const rows = await ask(
    `SELECT grantee AS grantee, CURRENT_USER() AS me FROM information_schema.user_privileges WHERE privilege_type = 'SUPER'`,
  )
  return rows.some((row) => {
    const me = String(row['me'])
    const at = me.lastIndexOf('@')
    return row['grantee'] === `'${me.slice(0, at)}'@'${me.slice(at + 1)}'`
  })
}

function unreachable(cause: unknown, name: string, address: ServerAddress): TenantryError {
  const sqlstate = sqlstateOf(cause) ?? undefined
  const place = address.host.startsWith('/') ? address.host : `${address.host}:${address.port}`
  const hint =
    sqlstate === '28000'
      ? 'Check the user name and password of the connection URL, and from which hosts the account may log in.'
      : `Check that MySQL or MariaDB runs at ${place} and lets this machine in (bind-address, firewall).`
  return new TenantryError('server_unreachable', `Server ${name} cannot be used: ${messageOf(cause)}`, {
    sqlstate,
    server: name,
    nextSteps: [hint],
    cause,
  })
}

export interface FoundDatabase {
  readonly database: string
  /** The server's own, or Tenantry's. */
  readonly isReserved: boolean
}

const RESERVED = /^(?:mysql|information_schema|performance_schema|sys|tenantry_scratch_.*)$/i

/** Databases whose names match, by name; those that the login has no right in are not told by the server. */
export async function findMysqlDatabases(address: ServerAddress, pattern: string): Promise<FoundDatabase[]> {
  const matches = nameMatcher(pattern)
  const rows = await onMysql(address, (ask) =>
    ask('SELECT schema_name AS name FROM information_schema.schemata'),
  )
  return rows
    .map((row) => String(row['name']))
    .filter((name) => matches.test(name))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((database) => ({ database, isReserved: RESERVED.test(database) }))
}

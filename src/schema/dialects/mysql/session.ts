/** A session on one database of a MySQL or MariaDB server. */
import { mysqlAddressOf } from '../../../engine/address.ts'
import { parseMysqlAddress, type MysqlAddress } from '../../../engine/mysql-address.ts'
import { MysqlConnection } from '../../../engine/mysql-connection.ts'
import { DatabaseFailure } from '../../../engine/failure.ts'
import { TenantryError } from '../../../lib/errors.ts'
import { apart } from './script.ts'
import type { Place, Row, SchemaSession } from '../dialect.ts'

export interface MysqlSession extends SchemaSession {
  /** Runs several statements in one message. @returns the rows of each */
  queryAll(statements: readonly string[]): Promise<readonly (readonly Row[])[]>
}

/** Whether a text names a database of MySQL or MariaDB. */
export function isMysqlUrl(text: string): boolean {
  return /^(?:mysql|mariadb):\/\//i.test(text)
}

/**
 * Opens a session on `mysql://user:password@host:port/database`, or `mariadb://`; with `?socket=/path` on a Unix socket.
 * @throws TenantryError `server_unreachable`, `server_refused`, `invalid_input` for a URL that cannot be read.
 */
export async function connect(place: Place): Promise<MysqlSession> {
  const address = addressAt(place)
  if (address.database === '') {
    throw new TenantryError('invalid_input', 'The connection URL names no database.', {
      nextSteps: ['Put it at the end: mysql://user@host:3306/database.'],
    })
  }
  return await sessionOn(address)
}

export function addressAt(place: Place): MysqlAddress {
  return typeof place === 'string' ? parseMysqlAddress(place) : mysqlAddressOf(place)
}

export async function sessionOn(address: MysqlAddress): Promise<MysqlSession> {
  const connection = await MysqlConnection.open(address).catch((thrown: unknown) => {
    throw thrown instanceof DatabaseFailure ? refusal(address, thrown) : thrown
  })
  return {
    dialect: 'mysql',
    label: labelOf(address),
    query: async (sql) => {
      const results: (readonly Row[])[] = []
      for (const part of apart(sql)) results.push(...(await connection.query(part)))
      return results.findLast((rows) => rows.length > 0) ?? []
    },
    queryAll: async (statements) => await connection.query(statements.join(';\n')),
    close: async () => await connection.close(),
  }
}

/** Statements per message, so that a message stays far below `max_allowed_packet`. */
const BATCH = 100

/** The rows of each statement; in few messages where the session can. */
export async function queryAll(
  session: SchemaSession,
  statements: readonly string[],
): Promise<(readonly Row[])[]> {
  const { queryAll: together } = session as Partial<MysqlSession>
  const results: (readonly Row[])[] = []
  for (let at = 0; at < statements.length; at += BATCH) {
    const batch = statements.slice(at, at + BATCH)
    if (together !== undefined) results.push(...(await together(batch)))
    else for (const statement of batch) results.push(await session.query(statement))
  }
  return results
}

function labelOf(address: MysqlAddress): string {
  const place = address.socket ?? `${address.host}:${address.port}`
  return `${address.database === '' ? 'the server' : address.database} at ${place}`
}

function refusal(address: MysqlAddress, failure: DatabaseFailure): TenantryError {
  const unreachable = failure.sqlstate.startsWith('08')
  return new TenantryError(
    unreachable ? 'server_unreachable' : 'server_refused',
    `Cannot open ${labelOf(address)} as ${address.user}: ${failure.message}`,
    { sqlstate: failure.sqlstate, cause: failure, retryable: unreachable },
  )
}

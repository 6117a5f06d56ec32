/** A session on one PostgreSQL database whose texts mean the same on every server. */
import { createHash } from 'node:crypto'
import { parseAddress, type ServerAddress } from '../../../engine/address.ts'
import { DatabaseFailure } from '../../../engine/failure.ts'
import { Session } from '../../../engine/session.ts'
import { readAuthority } from '../../../engine/tls.ts'
import { TenantryError } from '../../../lib/errors.ts'
import type { Place, Row, SchemaSession } from '../dialect.ts'
import { valueRows, type ValueRow } from './values.ts'

/**
 * In the startup packet, so that no setting of a role or database comes before them: the catalogue's functions
 * write names qualified unless they are pg_catalog's, and values in one form.
 */
const SETTINGS = {
  search_path: 'pg_catalog',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  extra_float_digits: '3',
  timezone: 'UTC',
  bytea_output: 'hex',
  quote_all_identifiers: 'off',
  default_transaction_read_only: 'off',
  jit: 'off',
}

/** What `inspect` needs beside: any number of rows, with values of their types. */
interface PostgresSession extends SchemaSession {
  /** Rows of the last statement that gives any. Several may be asked for before the first is answered. */
  readonly rows: (sql: string) => Promise<readonly ValueRow[]>
}

/** @throws Error for a session of another dialect */
export function postgresSession(session: SchemaSession): PostgresSession {
  if (session.dialect === 'postgres' && 'rows' in session) return session as PostgresSession
  throw new Error(`${session.label} is no session on PostgreSQL`)
}

/**
 * @throws TenantryError `invalid_input` for a URL that is none, `server_unreachable` when nothing answers,
 * `server_refused` when the server does not let us in
 */
export async function connect(place: Place): Promise<SchemaSession> {
  return await connectTo(await addressAt(place))
}

/** As libpq has it, `sslrootcert` in a URL names a file. */
export async function addressAt(place: Place): Promise<ServerAddress> {
  if (typeof place !== 'string') return place
  const url = URL.canParse(place) ? new URL(place) : undefined
  const file = url?.searchParams.get('sslrootcert')
  if (url === undefined || file == null) return parseAddress(place)
  url.searchParams.delete('sslrootcert')
  return { ...parseAddress(url.href), sslRootCert: await readAuthority(file) }
}

async function connectTo(address: ServerAddress): Promise<SchemaSession> {
  try {
    const session = await Session.open(address, { settings: SETTINGS, applicationName: 'tenantry schema' })
    const { user, host, port, database } = address
    return sessionOn(session, `${user}@${host}:${port}/${database}`)
  } catch (thrown) {
    throw thrown instanceof DatabaseFailure ? refusal(thrown, address) : thrown
  }
}

function sessionOn(session: Session, label: string): PostgresSession {
  return {
    dialect: 'postgres',
    label,
    query: async (sql) => {
      const results = await session.query(sql, { keepRows: true })
      const last = results.findLast(({ columns }) => columns !== undefined)
      const { rows = [], columns = [] } = last ?? {}
      return rows.map((row): Row => Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null])))
    },
    rows: async (sql) => {
      const results = await session.query(sql, { keepRows: 'all' })
      const last = results.findLast(({ columns }) => columns !== undefined)
      return last === undefined ? [] : valueRows(last)
    },
    close: async () => session.close(),
  }
}

function refusal(failure: DatabaseFailure, { host, port, database }: ServerAddress): TenantryError {
  const { sqlstate, message } = failure
  const place = `${host}:${port}, database ${database}`
  return sqlstate.startsWith('08')
    ? new TenantryError('server_unreachable', message, { sqlstate, cause: failure, retryable: true })
    : new TenantryError('server_refused', `${place} refused the connection: ${message}`, {
        sqlstate,
        cause: failure,
      })
}

const LOCK_KEY = createHash('sha256').update('tenantry schema').digest().readBigInt64BE()

/** Servers from 14 on can see within a statement that nobody waits for its end any more. */
const NOTICE_LOST_CLIENT = `select pg_catalog.set_config(name, '2000', false) from pg_catalog.pg_settings
  where name = 'client_connection_check_interval'`

/**
 * One session at a time changes the schema of a database; the server gives the lock back when the session ends, also
 * in the middle of a statement.
 */
export async function lock(session: SchemaSession): Promise<boolean> {
  const [row] = await session.query(
    `${NOTICE_LOST_CLIENT}; select pg_catalog.pg_try_advisory_lock(${LOCK_KEY})::pg_catalog.text as taken`,
  )
  return row?.['taken'] === 'true'
}

/** The control database: Tenantry's own PostgreSQL, where all that must survive a crash is kept. */
import { Pool, types, type PoolClient, type QueryConfig, type QueryResultRow } from 'pg'
import { TenantryError, messageOf } from '../lib/errors.ts'

/** What statements run on: the pool, or one transaction of it. */
export interface Queryable {
  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

export interface Control extends Queryable {
  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  readonly pool: Pool
  close(): Promise<void>
}

const INT8_OID = 20

/** Counts and ids of the control database stay far below 2^53. */
function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the safe integers`)
  return value
}

/**
 * Milliseconds after which an unanswered query counts as lost: more than the server's own statement_timeout, so
 * that only a connection that has gone silent is meant.
 */
const SILENCE_MS = 65_000
/** Transactions may raise their statement_timeout. */
const TRANSACTION_SILENCE_MS = 600_000

/**
 * A process that freezes inside a transaction keeps its locks for as long: less than a lease, so that whoever takes
 * over does not wait for it.
 */
const IDLE_IN_TRANSACTION = '5s'

export interface ControlOptions {
  readonly url: string
  readonly maxConnections?: number
  readonly applicationName?: string
}

/** Opens the pool; connects when first used. */
export function openControl(options: ControlOptions): Control {
  const pool = new Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    idleTimeoutMillis: 60_000,
    application_name: options.applicationName ?? 'tenantry control',
    options: `-c search_path=pg_catalog,pg_temp -c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION} -c timezone=UTC`,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? parseInt8 : types.getTypeParser(oid, format),
    },
  })
  // An idle connection that breaks is replaced at the next use: what runs then reports its own error.
  pool.on('error', () => undefined)
  // A connection handed out has no listener of the pool's any more, and none of its user's yet: the server's last
  // words may come in the same piece of bytes as the end of the login, and would end this process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return {
    pool,
    query: (text, values) => run(pool, SILENCE_MS, text, values),
    transaction: (work) => transaction(pool, work),
    close: () => pool.end(),
  }
}

async function run<Row extends QueryResultRow>(
  on: Pool | PoolClient,
  silenceMs: number,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  // The types of pg leave out that a query may have a timeout of its own.
  const query: QueryConfig & { query_timeout: number } = {
    text,
    ...(values.length === 0 ? {} : { values: [...values] }),
    query_timeout: silenceMs,
  }
  const result = await on.query<Row>(query)
  return result.rows
}

async function transaction<T>(pool: Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  const tx: Queryable = { query: (text, values) => run(client, TRANSACTION_SILENCE_MS, text, values) }
  // A connection that breaks between two queries says so by an event; the next query fails as well.
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken = error
  }
  client.on('error', onError)
  try {
    await tx.query('begin')
    const result = await work(tx)
    await tx.query('commit')
    return result
  } catch (error) {
    broken ??= isControlOutage(error) ? (error as Error) : await rollback(tx)
    throw error
  } finally {
    client.off('error', onError)
    // A connection that cannot even roll back is not given back to the pool.
    client.release(broken)
  }
}

async function rollback(tx: Queryable): Promise<Error | undefined> {
  try {
    await tx.query('rollback')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** True for errors that say the control database is away for now: restarting, unreachable, out of connections. */
export function isControlOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(08|57P0|53300|25006|25P03)/.test(code) || /^E(CONN|PIPE|TIMEDOUT|HOST|NOTFOUND|AI_AGAIN)/.test(code))
    return true
  return /timeout exceeded when trying to connect|timeout expired|Query read timeout|Connection terminated|Client has encountered a connection error|Client was closed/.test(
    error.message,
  )
}

/**
 * True for errors of the control database that pass by themselves: an outage, a lost race, a lock or a statement
 * that took too long, no room. What was tried can be tried again as it is.
 */
export function isPassing(error: unknown): boolean {
  if (isControlOutage(error)) return true
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^(40001|40P01|55P03|57014|53...|58...)$/.test(code)
}

/** The error a user sees when the control database is away. */
export function controlUnavailable(error: unknown): TenantryError {
  return new TenantryError(
    'control_unavailable',
    `The control database does not answer: ${messageOf(error)}`,
    {
      retryable: true,
      nextSteps: [
        'Check that the PostgreSQL of DATABASE_URL runs; Tenantry goes on by itself when it is back.',
      ],
      cause: error,
    },
  )
}

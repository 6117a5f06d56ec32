/** The control database: Tenantry's own PostgreSQL, where all that must survive a crash is kept. */
import { Pool, types, type PoolClient, type QueryResultRow } from 'pg'
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
    idleTimeoutMillis: 60_000,
    application_name: options.applicationName ?? 'tenantry control',
    options: '-c search_path=pg_catalog,pg_temp -c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC',
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? parseInt8 : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser,
    },
  })
  // An idle connection that breaks is replaced at the next use: what runs then reports its own error.
  pool.on('error', () => undefined)
  return {
    pool,
    query: (text, values) => run(pool, text, values),
    transaction: (work) => transaction(pool, work),
    close: () => pool.end(),
  }
}

async function run<Row extends QueryResultRow>(
  on: Pool | PoolClient,
  text: string,
  values?: readonly unknown[],
): Promise<Row[]> {
  const result = await on.query<Row>(text, values as unknown[])
  return result.rows
}

async function transaction<T>(pool: Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work({ query: (text, values) => run(client, text, values) })
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    // A connection that cannot even roll back is not given back to the pool.
    await client.query('rollback').then(
      () => client.release(),
      (broken: unknown) => client.release(broken instanceof Error ? broken : true),
    )
    throw error
  }
}

/** True for errors that say the control database is away for now: restarting, unreachable, out of connections. */
export function isControlOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^(08|57P0|53300|25006)/.test(code) || /^E(CONN|PIPE|TIMEDOUT|HOST|NOTFOUND|AI_AGAIN)/.test(code)) return true
  return /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error/.test(
    error.message,
  )
}

/** The error a user sees when the control database is away. */
export function controlUnavailable(error: unknown): TenantryError {
  return new TenantryError('control_unavailable', `The control database does not answer: ${messageOf(error)}`, {
    retryable: true,
    nextSteps: ['Check that the PostgreSQL of DATABASE_URL runs; Tenantry goes on by itself when it is back.'],
    cause: error,
  })
}

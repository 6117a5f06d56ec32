/** One kept connection to a server's maintenance database: flushes commits, and tells whether the server is there. */
import type { ServerAddress } from '../engine/address.ts'
import { DatabaseFailure } from '../engine/failure.ts'
import { Session } from '../engine/session.ts'
import { messageOf } from '../lib/errors.ts'
import { asFailure } from './retry.ts'
import { StallWatch } from './stalled.ts'

/**
 * Commits a record of a few bytes with synchronous_commit on: when it returns, all commits before it are on disk
 * too (and, where synchronous standbys are set up, on those), since the log is flushed in order.
 */
const FLUSH = `select pg_catalog.pg_logical_emit_message(true, 'tenantry', '')`

const LOOK = `select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')`
const LOOK_TIMEOUT_MS = 5_000

/** A server that does not confirm within this time is asked again over a new connection. */
const FLUSH_SESSION = { applicationName: 'tenantry flush', silenceMs: 10_000 }

export class ServerWatch {
  readonly stalls: StallWatch
  readonly #address: ServerAddress
  #session: Session | undefined
  #opening: Promise<Session> | undefined
  readonly #way: ServerAddress
  #look: Promise<string | undefined> | undefined
  #lookAtWay: Promise<string | undefined> | undefined

  /**
   * @param address the server's own: behind a pooler a crash would go unseen.
   * @param way where its tenants are reached: the same address, or the server's pooler.
   * @param applicationName of the connections that `stalls` looks after.
   */
  constructor(address: ServerAddress, way: ServerAddress, applicationName: string) {
    this.#address = address
    this.#way = way
    this.stalls = new StallWatch({ direct: address, applicationName })
  }

  /**
   * The connection that will confirm commits begun from now on. Only one that was open before a commit and has not
   * broken since proves anything: opened later, it may speak to a server that lost the commit in a crash.
   * @throws DatabaseFailure when the server cannot be reached.
   */
  async witness(): Promise<Session> {
    if (this.#session?.usable === true) return this.#session
    this.#opening ??= Session.open(this.#address, FLUSH_SESSION).finally(() => {
      this.#opening = undefined
    })
    this.#session = await this.#opening
    return this.#session
  }

  /** Has the server flush everything committed so far. @returns why it cannot be relied on, else undefined. */
  async confirm(witness: Session): Promise<DatabaseFailure | undefined> {
    try {
      await witness.query(FLUSH)
      return undefined
    } catch (error) {
      witness.destroy()
      if (this.#session === witness) this.#session = undefined
      return asFailure(error)
    }
  }

  /** Connects to one database of the server. @returns why that is refused, or undefined when it is not. */
  async refusalOf(database: string): Promise<DatabaseFailure | undefined> {
    try {
      const options = { database, applicationName: 'tenantry probe', connectTimeoutMs: LOOK_TIMEOUT_MS }
      const session = await Session.open(this.#address, options)
      session.close()
      return undefined
    } catch (error) {
      return asFailure(error)
    }
  }

  /** Connects anew. @returns why the server cannot be used, or undefined when it can. Calls at once share a look. */
  look(): Promise<string | undefined> {
    this.#look ??= lookAt(this.#address).finally(() => {
      this.#look = undefined
    })
    return this.#look
  }

  /** As `look`, at the way to the tenants, by the one database. */
  lookAtWay(database: string): Promise<string | undefined> {
    this.#lookAtWay ??= lookAtPooler(this.#way, database).finally(() => {
      this.#lookAtWay = undefined
    })
    return this.#lookAtWay
  }

  close(): void {
    this.stalls.stop()
    this.#session?.close()
  }
}

/** @returns why the server cannot be used for changes, or undefined when it can. */
export async function lookAt(address: ServerAddress): Promise<string | undefined> {
  let session: Session | undefined
  try {
    session = await Session.open(address, {
      applicationName: 'tenantry probe',
      connectTimeoutMs: LOOK_TIMEOUT_MS,
      silenceMs: LOOK_TIMEOUT_MS,
    })
    const [result] = await session.query(LOOK, { keepRows: true })
    const [isReplica, readOnly] = result?.rows[0] ?? []
    if (isReplica === 't') return 'The server is a replica now: it takes no changes.'
    return readOnly === 'on'
      ? 'The server is set to read-only (default_transaction_read_only): it takes no changes.'
      : undefined
  } catch (error) {
    // Too many connections is the lane's business, not a server that is away.
    if (error instanceof DatabaseFailure && error.sqlstate === '53300') return undefined
    return messageOf(error)
  } finally {
    session?.close()
  }
}

/** A pooler that cannot be reached, or lets nobody in. What else it says concerns one database, or passes. */
const CLOSED_WAY = /^(08001|28...)$/

/** @returns why no tenant can be reached through a pooler, or undefined when some may be. */
export async function lookAtPooler(pooler: ServerAddress, database: string): Promise<string | undefined> {
  try {
    const session = await Session.open(pooler, {
      database,
      applicationName: 'tenantry probe',
      connectTimeoutMs: LOOK_TIMEOUT_MS,
    })
    session.close()
    return undefined
  } catch (error) {
    const { sqlstate, message } = asFailure(error)
    if (!CLOSED_WAY.test(sqlstate)) return undefined
    return sqlstate === '08001'
      ? `Its pooler cannot be used: ${message}`
      : `Its pooler ${pooler.host}:${pooler.port} refuses the login of ${pooler.user}: ${message}`
  }
}

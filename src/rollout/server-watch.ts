/** One kept connection to a server's maintenance database: flushes commits, and tells whether the server is there. */
import type { ServerAddress } from '../engine/address.ts'
import { DatabaseFailure } from '../engine/failure.ts'
import { Session } from '../engine/session.ts'
import { messageOf } from '../lib/errors.ts'

/**
 * Commits a record of a few bytes with synchronous_commit on: when it returns, all commits before it are on disk
 * too (and, where synchronous standbys are set up, on those), since the log is flushed in order.
 */
const FLUSH = `select pg_catalog.pg_logical_emit_message(true, 'tenantry', '')`

const LOOK_TIMEOUT_MS = 5_000

export class ServerWatch {
  readonly #address: ServerAddress
  #session: Session | undefined
  #look: Promise<string | undefined> | undefined

  constructor(address: ServerAddress) {
    this.#address = address
  }

  /** @throws DatabaseFailure when the server did not confirm. */
  async flushCommits(): Promise<void> {
    this.#session ??= await Session.open(this.#address, { applicationName: 'tenantry flush' })
    try {
      await this.#session.query(FLUSH)
    } catch (error) {
      this.#session.destroy()
      this.#session = undefined
      throw error
    }
  }

  /** Connects anew. @returns why the server cannot be used, or undefined when it can. Calls at once share a look. */
  look(): Promise<string | undefined> {
    this.#look ??= lookAt(this.#address).finally(() => {
      this.#look = undefined
    })
    return this.#look
  }

  close(): void {
    this.#session?.close()
  }
}

/** @returns why the server cannot be used for changes, or undefined when it can. */
export async function lookAt(address: ServerAddress): Promise<string | undefined> {
  let session: Session | undefined
  try {
    session = await Session.open(address, { applicationName: 'tenantry probe', connectTimeoutMs: LOOK_TIMEOUT_MS })
    const [result] = await session.query('select pg_catalog.pg_is_in_recovery()', { keepRows: true })
    return result?.rows[0]?.[0] === 't' ? 'The server is a replica now: it takes no changes.' : undefined
  } catch (error) {
    // Too many connections is the lane's business, not a server that is away.
    if (error instanceof DatabaseFailure && error.sqlstate === '53300') return undefined
    return messageOf(error)
  } finally {
    session?.close()
  }
}

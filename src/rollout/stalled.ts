/**
 * Finds connections whose server has nothing under way for them: a message or its answer was lost by the network,
 * and TCP would give up after a quarter of an hour. A statement that really takes long is left alone.
 */
import type { ServerAddress } from '../engine/address.ts'
import { DatabaseFailure } from '../engine/failure.ts'
import { Session } from '../engine/session.ts'
import { literal } from '../engine/sql.ts'

/** Answers that take longer are asked after. */
const SILENT_AFTER_MS = 10_000
const CHECK_MS = 5_000
const ASK_TIMEOUT_MS = 5_000

/** A connection over which something may be waited for. */
export interface Waiting {
  readonly waitingSince: number | undefined
  readonly backendPid: number
  readonly database: string
  readonly isPooled: boolean
  destroy(): void
}

export interface StallParts {
  /** The server itself, also where tenants are reached through a pooler. */
  readonly direct: ServerAddress
  readonly applicationName: string
}

export class StallWatch {
  readonly #parts: StallParts
  readonly #watched = new Set<Waiting>()
  /** Found without anything under way at the last check, with the moment since when they wait. */
  #doubted = new Map<Waiting, number>()
  readonly #timer: NodeJS.Timeout
  #checking = false

  constructor(parts: StallParts) {
    this.#parts = parts
    this.#timer = setInterval(() => void this.#check(), CHECK_MS)
  }

  add(connection: Waiting): void {
    this.#watched.add(connection)
  }

  delete(connection: Waiting): void {
    this.#watched.delete(connection)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #check(): Promise<void> {
    if (this.#checking) return
    this.#checking = true
    try {
      await this.#dropStalled()
    } finally {
      this.#checking = false
    }
  }

  /** Drops what was without anything under way at two checks, so that no answer just on its way is cut off. */
  async #dropStalled(): Promise<void> {
    const before = performance.now() - SILENT_AFTER_MS
    const silent = [...this.#watched].filter((one) => (one.waitingSince ?? Infinity) < before)
    const underWay = silent.length === 0 ? undefined : await this.#askServer()
    const doubted = new Map<Waiting, number>()
    for (const connection of silent) {
      const since = connection.waitingSince
      if (since === undefined || underWay?.(connection) === true) continue
      if (this.#doubted.get(connection) === since) connection.destroy()
      else doubted.set(connection, since)
    }
    this.#doubted = doubted
  }

  /** @returns whether a connection's statement runs; nothing does on a server that cannot be asked. */
  async #askServer(): Promise<(connection: Waiting) => boolean> {
    const { direct, applicationName } = this.#parts
    let session: Session | undefined
    try {
      session = await Session.open(direct, {
        applicationName: 'tenantry probe',
        connectTimeoutMs: ASK_TIMEOUT_MS,
        silenceMs: ASK_TIMEOUT_MS,
      })
      // Sessions are shown to the role that logged in, whichever role it works as.
      const [, result] = await session.query(
        `set local role none;
         select pid, datname from pg_catalog.pg_stat_activity
         where application_name OPERATOR(pg_catalog.=) ${literal(applicationName)} and usename OPERATOR(pg_catalog.=) session_user
           and state OPERATOR(pg_catalog.<>) 'idle'`,
        { keepRows: true },
      )
      const pids = new Set(result?.rows.map(([pid]) => Number(pid)))
      const databases = new Set(result?.rows.map(([, database]) => database))
      // A pooler's connections have process numbers of its own.
      return (one) => (one.isPooled ? databases.has(one.database) : pids.has(one.backendPid))
    } catch (error) {
      const isFull = error instanceof DatabaseFailure && error.sqlstate === '53300'
      return () => isFull
    } finally {
      session?.close()
    }
  }
}

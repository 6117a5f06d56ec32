/** The way to one database: opened when first needed, opened again when a message was the connection's last. */
import type { QueryResult, Session } from '../../engine/session.ts'
import { busy } from '../failures.ts'
import type { StallWatch } from '../stalled.ts'

export interface ConnectionParts {
  readonly database: string
  /** A pooler stands between. */
  readonly isPooled: boolean
  readonly open: () => Promise<Session>
  /** Looks after it while it is open. */
  readonly stalls: StallWatch
  /** False when the tenant may be in another worker's hand by now. */
  readonly holdsLease: () => boolean
}

export class TenantConnection {
  readonly #parts: ConnectionParts
  /** The ledger of this database was made, or found, over this connection. */
  hasLedger = false
  #session: Session | undefined

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  /** @throws DatabaseFailure TN003 when this worker has lost its lease, if only while it connected. */
  async session(): Promise<Session> {
    if (this.#session?.usable !== true) {
      this.#session = await this.#parts.open()
      this.#parts.stalls.add(this)
    }
    if (!this.#parts.holdsLease()) throw busy()
    return this.#session
  }

  /**
   * Sends a message that is most likely the last one here, its goodbye in the same packet: the server need not
   * wait for another, which spares both sides a wake-up per tenant. A pooler acts on the goodbye at once, and ends
   * the statement that is under way.
   */
  async sendLast(message: string): Promise<QueryResult[]> {
    const session = await this.session()
    return this.#parts.isPooled ? session.query(message) : session.queryLast(message)
  }

  /**
   * Makes the session as new for the next tenant: what a change has set or made in it is nobody else's. Behind a
   * pooler every message does so by itself.
   */
  renew(): void {
    if (this.#session?.usable !== true || this.#parts.isPooled) return
    // An error of it is that of the connection, which the next message meets.
    this.#session.query('discard all').catch(() => undefined)
  }

  /** Since when a message is unanswered, on the clock of performance.now(). */
  get waitingSince(): number | undefined {
    return this.#session?.waitingSince
  }

  get database(): string {
    return this.#parts.database
  }

  get isPooled(): boolean {
    return this.#parts.isPooled
  }

  get backendPid(): number {
    return this.#session?.backendPid ?? 0
  }

  close(): void {
    this.#parts.stalls.delete(this)
    this.#session?.close()
  }

  /** What waits for an answer fails with 08006. */
  destroy(): void {
    this.#session?.destroy()
  }
}

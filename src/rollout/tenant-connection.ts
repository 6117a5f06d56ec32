/** The way to one database: opened when first needed, opened again when a message was the connection's last. */
import type { QueryResult, Session } from '../engine/session.ts'

export class TenantConnection {
  readonly #open: () => Promise<Session>
  readonly #isPooled: boolean
  /** The ledger of this database was made, or found, over this connection. */
  hasLedger = false
  #session: Session | undefined

  constructor(open: () => Promise<Session>, isPooled: boolean) {
    this.#open = open
    this.#isPooled = isPooled
  }

  async session(): Promise<Session> {
    if (this.#session?.usable !== true) this.#session = await this.#open()
    return this.#session
  }

  /**
   * Sends a message that is most likely the last one here, its goodbye in the same packet: the server need not
   * wait for another, which spares both sides a wake-up per tenant. A pooler acts on the goodbye at once, and ends
   * the statement that is under way.
   */
  async sendLast(message: string): Promise<QueryResult[]> {
    const session = await this.session()
    return this.#isPooled ? session.query(message) : session.queryLast(message)
  }

  close(): void {
    this.#session?.close()
  }
}

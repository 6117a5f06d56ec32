/** The way to one database: opened when first needed, opened again when a message was the connection's last. */
import type { QueryResult, Session } from '../engine/session.ts'

export class TenantConnection {
  readonly #open: () => Promise<Session>
  #session: Session | undefined

  constructor(open: () => Promise<Session>) {
    this.#open = open
  }

  async session(): Promise<Session> {
    if (this.#session?.usable !== true) this.#session = await this.#open()
    return this.#session
  }

  /**
   * Sends a message that is most likely the last one here, its goodbye in the same packet: the server need not
   * wait for another, which spares both sides a wake-up per tenant.
   */
  async sendLast(message: string): Promise<QueryResult[]> {
    return (await this.session()).queryLast(message)
  }

  close(): void {
    this.#session?.close()
  }
}

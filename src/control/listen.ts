/** Notifications from the control database, with reconnecting; whoever listens polls as well, only less often. */
import { Client } from 'pg'

export interface Listener {
  close(): Promise<void>
}

const RECONNECT_MS = 500

/**
 * Calls `onNotify` with the payload of every notification on `channel`, and with `undefined` after every
 * (re)connect, when something may have been missed.
 */
export function listen(
  url: string,
  channel: string,
  onNotify: (payload: string | undefined) => void,
): Listener {
  let client: Client | undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined
  const reconnect = (): void => {
    if (closed || timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      void connect()
    }, RECONNECT_MS)
  }
  const connect = async (): Promise<void> => {
    const mine = new Client({
      connectionString: url,
      application_name: 'tenantry listener',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      options: '-c search_path=pg_catalog,pg_temp',
    })
    client = mine
    mine.on('error', reconnect)
    mine.on('end', reconnect)
    mine.on('notification', (message) => onNotify(message.payload))
    try {
      await mine.connect()
      await mine.query(`listen ${channel}`)
      onNotify(undefined)
    } catch {
      // The poll goes on without notifications; the outage itself is reported by whoever queries.
      reconnect()
    }
  }
  void connect()
  return {
    async close() {
      closed = true
      clearTimeout(timer)
      await client?.end().catch(ignoreBrokenConnection)
    },
  }
}

/** Ending a connection that is already broken has nothing left to report. */
function ignoreBrokenConnection(): void {
  return undefined
}

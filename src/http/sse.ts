/** Server-sent events: resumable by id, kept alive by comments, ended for readers that do not read. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Events, StreamEvent } from '../api/endpoint.ts'
import { toJson } from './json.ts'

export interface SseLimits {
  /** Milliseconds between comments that keep proxies from closing the connection. */
  readonly heartbeatMs: number
  /** Unsent bytes at which a reader counts as slow. */
  readonly maxUnsentBytes: number
  /** Milliseconds a slow reader has to catch up. */
  readonly patienceMs: number
  /** Milliseconds after which a reader that lost the connection should come back. */
  readonly retryMs: number
  readonly streamsPerToken: number
}

export const SSE_LIMITS: SseLimits = {
  heartbeatMs: 15_000,
  maxUnsentBytes: 1024 * 1024,
  patienceMs: 10_000,
  retryMs: 2_000,
  streamsPerToken: 16,
}

/** Why a stream ended. Only after `ended` is the reader told not to come back. */
export type StreamEnd = 'ended' | 'gone' | 'closing' | 'slow' | 'unauthorised'

export interface StreamParts {
  readonly raw: ServerResponse
  readonly events: AsyncIterable<StreamEvent<Events>>
  /** Schemas of the events' data: what is not declared does not leave. */
  readonly schemas: Events
  /** Aborted from outside when the reader has gone or the server closes, from here when the stream ends. */
  readonly life: AbortController
  readonly limits: SseLimits
  /** Asked at every heartbeat; false ends the stream. */
  stillAllowed(): Promise<boolean>
}

export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const

/** Sends events until they end, the reader goes, lags too far behind or loses its right. @throws what the events throw. */
export async function sendEvents(parts: StreamParts): Promise<StreamEnd> {
  const { raw, limits, schemas, life } = parts
  const heartbeat = setInterval(() => beat(parts), limits.heartbeatMs)
  try {
    raw.write(`retry: ${limits.retryMs}\n\n`)
    for await (const event of untilAborted(parts.events, life.signal)) {
      raw.write(formatEvent(event, schemas))
      if (raw.writableLength <= limits.maxUnsentBytes) continue
      if (!(await drained(raw, limits.patienceMs, life.signal))) return 'slow'
    }
    if (life.signal.aborted) return life.signal.reason as StreamEnd
    raw.write('event: end\ndata: {}\n\n')
    return 'ended'
  } finally {
    clearInterval(heartbeat)
    life.abort('ended' satisfies StreamEnd)
  }
}

function beat(parts: StreamParts): void {
  const { raw, limits, life } = parts
  if (raw.writableLength <= limits.maxUnsentBytes) raw.write(': \n\n')
  // When the control database is away, the events themselves will say so.
  const allowed = parts.stillAllowed().catch(() => true)
  void allowed.then((still) => still || life.abort('unauthorised' satisfies StreamEnd))
}

/** @returns false when the reader did not read for `patienceMs`. */
async function drained(raw: ServerResponse, patienceMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await once(raw, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) })
    return true
  } catch {
    return signal.aborted
  }
}

function formatEvent(event: StreamEvent<Events>, schemas: Events): string {
  const schema = schemas[event.event]
  if (schema === undefined) throw new Error(`the stream has no event ${event.event}`)
  const id = event.id === undefined ? '' : `id: ${oneLine(event.id)}\n`
  return `${id}event: ${oneLine(event.event)}\ndata: ${toJson(schema.parse(event.data))}\n\n`
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]/g, ' ')
}

/** Ends, instead of throwing, when `signal` aborts, even while the next item is awaited. */
async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  const aborted = Promise.withResolvers<undefined>()
  const onAbort = (): void => aborted.resolve(undefined)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    while (!signal.aborted) {
      const next = await Promise.race([iterator.next(), aborted.promise])
      if (next === undefined || next.done === true) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a generator that is waiting for something gets to know it when that ends.
    void iterator.return?.()?.catch(() => undefined)
  }
}

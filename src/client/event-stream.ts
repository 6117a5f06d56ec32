/** Reads `text/event-stream` as the HTML standard says. */
import { TenantryError, messageOf } from '../lib/errors.ts'

export interface RawEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** Longer than three heartbeats: the connection is dead although nobody said so. */
const SILENCE_MS = 50_000

/**
 * @throws TenantryError `server_unreachable` when the connection breaks or stays silent; returns when it ends in
 * order.
 */
export async function* readEvents(response: Response, signal: AbortSignal): AsyncGenerator<RawEvent, void> {
  const reader = response.body?.getReader()
  if (reader === undefined) return
  const parser = new EventParser()
  const decoder = new TextDecoder()
  try {
    for (;;) {
      const { done, value } = await readOrGiveUp(reader, signal)
      if (done) return
      yield* parser.push(decoder.decode(value, { stream: true }))
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

type Chunk = { done: true; value?: undefined } | { done: false; value: Uint8Array }

async function readOrGiveUp(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
): Promise<Chunk> {
  const { promise: silence, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`nothing came for ${SILENCE_MS / 1000} s`)), SILENCE_MS)
  try {
    return (await Promise.race([reader.read(), silence])) as Chunk
  } catch (cause) {
    if (signal.aborted) return { done: true }
    throw new TenantryError('server_unreachable', `The stream broke: ${messageOf(cause)}`, {
      retryable: true,
      cause,
    })
  } finally {
    clearTimeout(timer)
  }
}

/** Text in any pieces → whole events. */
export class EventParser {
  #rest = ''
  #event = ''
  #data: string[] = []
  #id: string | undefined;

  *push(text: string): Generator<RawEvent> {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') yield* this.#finish()
      else this.#take(line)
    }
  }

  #take(line: string): void {
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.#id = value
  }

  *#finish(): Generator<RawEvent> {
    if (this.#data.length > 0) {
      yield { event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n'), id: this.#id }
    }
    this.#event = ''
    this.#data = []
    this.#id = undefined
  }
}

/** Opens a stream of events: checks, limits per token, then hands the connection to `sendEvents`. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { App } from '../api/app.ts'
import type { StreamEndpoint } from '../api/endpoint.ts'
import { integerText } from '../api/fields.ts'
import { isTokenLive } from '../control/tokens.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { metrics } from '../observability/metrics.ts'
import type { Identity } from './authenticate.ts'
import { askersError } from './problem.ts'
import { sendEvents, SSE_HEADERS, type SseLimits, type StreamEnd } from './sse.ts'
import { checkInput } from './validate.ts'

export interface Opening {
  readonly app: App
  readonly identity: Identity
  readonly life: AbortController
}

/** Where a reader goes on that cannot send `Last-Event-ID`. */
export const AFTER = integerText({ min: 0, max: Number.MAX_SAFE_INTEGER })
  .optional()
  .describe('Go on after the event with this id, as with Last-Event-ID.')

/** The open streams of one server. */
export class Streams {
  readonly #limits: SseLimits
  readonly #open = new Map<string, Set<AbortController>>()

  constructor(limits: SseLimits) {
    this.#limits = limits
  }

  /** @throws before anything is sent: what is wrong with the request, or what the endpoint throws. */
  async open(
    endpoint: StreamEndpoint,
    request: FastifyRequest,
    reply: FastifyReply,
    opening: Opening,
  ): Promise<void> {
    const { app, identity, life } = opening
    const holder = identity.tokenId === undefined ? `address:${request.ip}` : `token:${identity.tokenId}`
    const release = this.#admit(holder, life, reply)
    try {
      const asked = { ...readRequest(endpoint, request), caller: identity.caller, signal: life.signal }
      const events = await endpoint.run(app, asked as Parameters<StreamEndpoint['run']>[1])
      reply.hijack()
      const headers = reply.getHeaders() as Record<string, string>
      reply.raw.writeHead(200, { ...headers, ...SSE_HEADERS })
      const end = await sendEvents({
        raw: reply.raw,
        events,
        schemas: endpoint.events,
        life,
        limits: this.#limits,
        stillAllowed: () =>
          identity.tokenId === undefined ? Promise.resolve(true) : isTokenLive(app.control, identity.tokenId),
      })
      finish(reply, end)
    } catch (error) {
      if (!reply.sent) throw error
      // Too late for a problem document: the reader comes back and gets one if it is still wrong.
      app.log.error(
        { requestId: identity.caller.requestId, code: askersError(error).code, err: messageOf(error) },
        'a stream broke',
      )
      reply.raw.destroy()
    } finally {
      release()
    }
  }

  /** Ends all streams; their readers come back when the server does. */
  closeAll(): void {
    for (const lives of this.#open.values())
      for (const life of lives) life.abort('closing' satisfies StreamEnd)
  }

  #admit(holder: string, life: AbortController, reply: FastifyReply): () => void {
    const lives = this.#open.get(holder) ?? new Set()
    if (lives.size >= this.#limits.streamsPerToken) {
      void reply.header('retry-after', '5')
      throw new TenantryError(
        'too_many_requests',
        `There are ${lives.size} open streams already, the most that one token may have.`,
        {
          retryable: true,
          nextSteps: ['Close streams that are no longer watched.'],
        },
      )
    }
    this.#open.set(holder, lives.add(life))
    metrics.sseClients.inc()
    return () => {
      metrics.sseClients.dec()
      lives.delete(life)
      if (lives.size === 0) this.#open.delete(holder)
    }
  }
}

function finish(reply: FastifyReply, end: StreamEnd): void {
  if (end === 'slow' || end === 'unauthorised') metrics.sseDropped.inc({ reason: end })
  if (end === 'slow') reply.raw.destroy()
  else reply.raw.end()
}

function readRequest(
  endpoint: StreamEndpoint,
  request: FastifyRequest,
): { params: unknown; query: unknown; body: unknown; lastEventId: number | undefined } {
  const schemas = {
    params: endpoint.params,
    query: endpoint.query.extend({ after: AFTER }),
    body: z.unknown(),
  }
  const sent = { params: request.params, query: request.query, body: {} }
  const { params, query, body } = checkInput(schemas, sent)
  const { after, ...rest } = query as { after?: number }
  const header = /^\d{1,15}$/.exec(String(request.headers['last-event-id']))?.[0]
  return { params, query: rest, body, lastEventId: header === undefined ? after : Number(header) }
}

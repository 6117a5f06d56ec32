/** The API from TypeScript, typed by the same table of endpoints that serves it. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { z } from 'zod'
import type { AnyEndpoint, Endpoint, Events, ReceivedEvent, StreamEndpoint } from '../api/endpoint.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { readEvents } from './event-stream.ts'
import { problemError } from './problem.ts'

export interface ClientOptions {
  readonly url: string
  /** A function is asked before each request: a token that was renewed is used at once. */
  readonly token?: string | undefined | (() => string | undefined | Promise<string | undefined>)
  /** Milliseconds until a request is given up; default 90 s, more than the longest `wait`. */
  readonly timeoutMs?: number
  /** Further tries when the API cannot be reached or its control database is away; default 2. */
  readonly retries?: number
}

type Fields<S extends z.ZodType> = z.input<S>
/** Assignable to every type in which nothing is required. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type
type Nothing = Record<never, never>
/** Sent fields; a part in which nothing is required may be left out. */
type Part<Name extends string, S extends z.ZodType> =
  Nothing extends Fields<S> ? { readonly [N in Name]?: Fields<S> } : { readonly [N in Name]: Fields<S> }

export type CallInput<E extends Endpoint> = Part<'params', E['params']> &
  Part<'query', E['query']> &
  Part<'body', E['body']> & { readonly idempotencyKey?: string; readonly signal?: AbortSignal }

export type StreamInput<E extends StreamEndpoint> = Part<'params', E['params']> &
  Part<'query', E['query']> & {
    /** Go on after this event. */
    readonly lastEventId?: string | undefined
    readonly signal?: AbortSignal
    /** Told when the connection was lost, before it is tried again. */
    readonly onReconnect?: (reason: string) => void
  }

/** Everything after the endpoint may be left out when nothing in it is required. */
type Rest<Input> = Nothing extends Input ? [input?: Input] : [input: Input]

// oxlint-disable-next-line typescript/no-explicit-any
type TypedEndpoint = Endpoint<any, any, any, any, any>
// oxlint-disable-next-line typescript/no-explicit-any
type TypedStream = StreamEndpoint<any, any, any, any>

export interface Client {
  /**
   * Asks once (POST with an idempotency key of its own, so that trying again does it once).
   * @throws TenantryError as the API gave it, or `server_unreachable` when the API does not answer.
   */
  call<E extends TypedEndpoint>(endpoint: E, ...input: Rest<CallInput<E>>): Promise<z.output<E['output']>>
  /**
   * Follows a stream until the server says that it has ended; comes back by itself after lost connections and
   * restarts of the server, going on where it was.
   * @throws TenantryError for answers that trying again does not mend.
   */
  stream<E extends TypedStream>(
    endpoint: E,
    ...input: Rest<StreamInput<E>>
  ): AsyncGenerator<ReceivedEvent<E['events']>, void>
}

interface RawInput {
  readonly params?: Record<string, unknown>
  readonly query?: Record<string, unknown>
  readonly body?: unknown
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
  readonly lastEventId?: string | undefined
  readonly onReconnect?: (reason: string) => void
}

const TIMEOUT_MS = 90_000
const RETRIES = 2
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000

export function createClient(options: ClientOptions): Client {
  return {
    call: (endpoint, ...[input]) => call(options, endpoint, input ?? {}) as Promise<never>,
    stream: (endpoint, ...[input]) => follow(options, endpoint, input ?? {}) as AsyncGenerator<never, void>,
  }
}

async function call(options: ClientOptions, endpoint: Endpoint, input: RawInput): Promise<unknown> {
  const key = endpoint.method === 'POST' ? { 'idempotency-key': input.idempotencyKey ?? randomUUID() } : {}
  const tries = 1 + (options.retries ?? RETRIES)
  for (let attempt = 1; ; attempt++) {
    try {
      const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
      const signal = input.signal === undefined ? timeout : AbortSignal.any([timeout, input.signal])
      const response = await send(options, endpoint, input, key, signal)
      return await readAnswer(endpoint, response)
    } catch (error) {
      if (attempt >= tries || !isWorthRepeating(endpoint, error)) throw error
      await pause(pauseAfter(attempt), undefined, input.signal === undefined ? {} : { signal: input.signal })
    }
  }
}

async function readAnswer(endpoint: Endpoint, response: Response): Promise<unknown> {
  if (response.status === 204) return undefined
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(response.url, cause)
  })
  if (endpoint.produces !== undefined) return text
  return JSON.parse(text) as unknown
}

async function* follow(
  options: ClientOptions,
  endpoint: StreamEndpoint,
  input: RawInput,
): AsyncGenerator<ReceivedEvent<Events>, void> {
  const gone = new AbortController()
  const signal = input.signal === undefined ? gone.signal : AbortSignal.any([gone.signal, input.signal])
  let { lastEventId } = input
  let failures = 0
  try {
    while (!signal.aborted) {
      try {
        const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
        const response = await send(
          options,
          endpoint,
          input,
          { accept: 'text/event-stream', ...resume },
          signal,
        )
        for await (const { id, event, data } of readEvents(response, signal)) {
          failures = 0
          if (id !== undefined) lastEventId = id
          if (event === 'end') return
          yield { event, id, data: JSON.parse(data) as never }
        }
        if (signal.aborted) return
        input.onReconnect?.('the connection ended')
      } catch (error) {
        if (signal.aborted) return
        if (!isPassing(error)) throw error
        input.onReconnect?.(messageOf(error))
      }
      failures += 1
      await pause(pauseAfter(failures), undefined, { signal }).catch(() => undefined)
    }
  } finally {
    gone.abort()
  }
}

async function send(
  options: ClientOptions,
  endpoint: AnyEndpoint,
  input: RawInput,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  const token = typeof options.token === 'function' ? await options.token() : options.token
  const url = urlOf(options.url, endpoint, input)
  const hasBody = endpoint.method !== 'GET' && input.body !== undefined
  let response: Response
  try {
    response = await fetch(url, {
      method: endpoint.method,
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
      ...(hasBody ? { body: JSON.stringify(input.body) } : {}),
      redirect: 'error',
      signal,
    })
  } catch (cause) {
    input.signal?.throwIfAborted()
    throw unreachable(options.url, cause)
  }
  const otherStatus = endpoint.stream === undefined ? endpoint.otherStatus?.status : undefined
  if (response.ok || (response.status === otherStatus && !isProblem(response))) return response
  throw await problemError(response)
}

function isProblem(response: Response): boolean {
  return (response.headers.get('content-type') ?? '').startsWith('application/problem+json')
}

function urlOf(base: string, endpoint: AnyEndpoint, input: RawInput): URL {
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_braces, name: string) =>
    encodeURIComponent(String(input.params?.[name])),
  )
  const url = new URL(base.replace(/\/$/, '') + path)
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined)
      url.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return url
}

function unreachable(url: string, cause: unknown): TenantryError {
  const reason =
    cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause)
  return new TenantryError('server_unreachable', `The API at ${url} cannot be reached: ${reason}`, {
    retryable: true,
    nextSteps: ['Start it with: tenantry up', 'Or point TENANTRY_URL to where it runs.'],
    cause,
  })
}

/** A DELETE that was done may be refused the second time, so it is not repeated. */
function isWorthRepeating(endpoint: Endpoint, error: unknown): boolean {
  if (endpoint.method === 'DELETE') return false
  // The first try is still being answered under the same idempotency key.
  const inFlight =
    error instanceof TenantryError && error.code === 'conflict' && error.facts.retryable === true
  return inFlight || isPassing(error)
}

/**
 * The API is away, or its control database: worth trying again. A problem that the API itself told is not: the
 * server it speaks of is a tenant's, asked for by this very request. Nor are limits: `Retry-After` tells their end.
 */
function isPassing(error: unknown): boolean {
  if (!(error instanceof TenantryError)) return false
  return error.code === 'control_unavailable' || (error.code === 'server_unreachable' && !isTold(error))
}

function isTold({ facts: { cause } }: TenantryError): boolean {
  return cause !== null && typeof cause === 'object' && 'code' in cause && 'requestId' in cause
}

/** Milliseconds: exponential with jitter, so that a thousand watchers do not come back at once. */
function pauseAfter(failures: number): number {
  const cap = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10))
  return cap / 2 + (Math.random() * cap) / 2
}

/**
 * One thing that can be asked, as data: method, path, schemas, scope and the function that answers. The HTTP
 * server, the OpenAPI document, the docs page, the client and the tests are all made from the same table.
 */
import { z } from 'zod'
import type { ErrorCode } from '../lib/error-codes.ts'
import type { App, Caller } from './app.ts'
import type { Scope } from './scopes.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Shape = z.ZodRawShape
type Strict<S extends Shape> = z.ZodObject<S, z.core.$strict>

/** What `run` gets: everything already checked against the schemas. */
export interface Asked<P extends Shape = Shape, Q extends Shape = Shape, B extends z.ZodType = z.ZodType> {
  readonly params: z.output<Strict<P>>
  readonly query: z.output<Strict<Q>>
  readonly body: z.output<B>
  readonly caller: Caller
  /** Aborted when the asker has gone or the server closes. */
  readonly signal: AbortSignal
}

/** What the audit log keeps about a call beside who, when, which endpoint and how it ended. Never a secret. */
export interface AuditNote {
  readonly target?: string | undefined
  readonly reason?: string | undefined
  readonly detail?: Record<string, unknown> | undefined
}

interface Described<Id extends string> {
  /** `area.verb`, unique: the operationId of the OpenAPI document and the action in the audit log. */
  readonly id: Id
  readonly method: Method
  /** With parameters in braces: `/operations/{id}`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  readonly scope: Scope | 'public'
  /** Requests are not counted against the token's limit: for what asks all day long by itself. */
  readonly isUncounted?: boolean
  /** Codes it can answer by itself; `errorsOf` adds those that any endpoint of its kind can answer. */
  readonly errors?: readonly ErrorCode[]
}

interface Definition<
  Id extends string,
  P extends Shape,
  Q extends Shape,
  B extends z.ZodType,
  O extends z.ZodType,
> extends Described<Id> {
  readonly params?: P
  readonly query?: Q
  /** An absent body is read as `{}`. Use `z.strictObject`, so that a misspelt field is refused. */
  readonly body?: B
  /** Bytes; default 1 MiB. */
  readonly bodyLimit?: number
  readonly status: 200 | 201 | 202 | 204
  /** What is answered: the result of `run` goes through it, so undeclared fields never leave. */
  readonly output: O
  /** Default `application/json`; for anything else `run` returns the text. */
  readonly produces?: string
  /** Another status for some results, e.g. 503 for a health report that is bad. */
  readonly otherStatus?: {
    readonly status: number
    readonly about: string
    when(output: z.output<O>): boolean
  }
  /** Value of the `Location` header. */
  location?(output: z.output<O>): string
  /** Fields of the output that are shown once: a replay by idempotency key has null in their place. */
  readonly shownOnce?: readonly (keyof z.output<O> & string)[]
  /** Whether calls are written to the audit log. Default: all but GET. */
  readonly audited?: boolean
  /** Default: the path parameters as target, `reason` of the body as reason. `result` is absent when `run` threw. */
  audit?(call: Pick<Asked<P, Q, B>, 'params' | 'query' | 'body'>, result?: z.input<O>): AuditNote
  run(app: App, asked: Asked<P, Q, B>): Promise<z.input<O>>
}

export interface Endpoint<
  P extends Shape = Shape,
  Q extends Shape = Shape,
  B extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
  Id extends string = string,
> extends Omit<Definition<Id, P, Q, B, O>, 'params' | 'query' | 'body' | 'errors' | 'shownOnce'> {
  readonly stream?: undefined
  readonly params: Strict<P>
  readonly query: Strict<Q>
  readonly body: B
  readonly errors: readonly ErrorCode[]
  readonly shownOnce: readonly string[]
}

/** Event name → schema of its data. */
export type Events = Readonly<Record<string, z.ZodType>>

/** One event as `run` yields it. Events without an id do not move the point at which a reader resumes. */
export type StreamEvent<E extends Events> = {
  [Name in keyof E & string]: {
    readonly event: Name
    readonly data: z.input<E[Name]>
    readonly id?: string | undefined
  }
}[keyof E & string]

/** One event as a client receives it. */
export type ReceivedEvent<E extends Events> = {
  [Name in keyof E & string]: {
    readonly event: Name
    readonly data: z.output<E[Name]>
    readonly id?: string | undefined
  }
}[keyof E & string]

export interface AskedStream<P extends Shape = Shape, Q extends Shape = Shape> extends Asked<P, Q> {
  /**
   * The id after which to go on, from `Last-Event-ID` or `?after=`. Ids of events are sequence numbers of a log; a
   * `Last-Event-ID` that is none counts as absent.
   */
  readonly lastEventId: number | undefined
}

interface StreamDefinition<
  Id extends string,
  P extends Shape,
  Q extends Shape,
  E extends Events,
> extends Described<Id> {
  readonly params?: P
  readonly query?: Q
  readonly events: E
  /**
   * Checks (and throws) first, then returns the events. When the events end by themselves the reader is told
   * (`event: end`) and does not come back.
   */
  run(app: App, asked: AskedStream<P, Q>): Promise<AsyncIterable<StreamEvent<E>>>
}

export interface StreamEndpoint<
  P extends Shape = Shape,
  Q extends Shape = Shape,
  E extends Events = Events,
  Id extends string = string,
> extends Omit<StreamDefinition<Id, P, Q, E>, 'params' | 'query' | 'errors'> {
  readonly stream: 'sse'
  readonly params: Strict<P>
  readonly query: Strict<Q>
  readonly errors: readonly ErrorCode[]
}

export type AnyEndpoint = Endpoint | StreamEndpoint

/** The shape of an endpoint without parameters. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type
type Empty = Record<never, never>

/** Completes and checks a definition; the types of `run` follow from its schemas. */
export function defineEndpoint<
  Id extends string,
  O extends z.ZodType,
  P extends Shape = Empty,
  Q extends Shape = Empty,
  B extends z.ZodType = Strict<Empty>,
>(definition: Definition<Id, P, Q, B, O>): Endpoint<P, Q, B, O, Id> {
  return {
    ...definition,
    params: z.strictObject((definition.params ?? {}) as P),
    query: z.strictObject((definition.query ?? {}) as Q),
    body: definition.body ?? (z.strictObject({}) as unknown as B),
    errors: definition.errors ?? [],
    shownOnce: definition.shownOnce ?? [],
  }
}

/** As `defineEndpoint`, for a stream of server-sent events. Every stream also takes `?after=`. */
export function defineStream<
  Id extends string,
  E extends Events,
  P extends Shape = Empty,
  Q extends Shape = Empty,
>(definition: StreamDefinition<Id, P, Q, E>): StreamEndpoint<P, Q, E, Id> {
  return {
    ...definition,
    stream: 'sse',
    params: z.strictObject((definition.params ?? {}) as P),
    query: z.strictObject((definition.query ?? {}) as Q),
    errors: definition.errors ?? [],
  }
}

/** Every code that `endpoint` can answer: its own, and those that its kind brings along. */
export function errorsOf(endpoint: AnyEndpoint): ErrorCode[] {
  const codes = new Set<ErrorCode>([...endpoint.errors, 'invalid_input', 'malformed_request', 'internal'])
  const add = (...more: ErrorCode[]): void => more.forEach((code) => codes.add(code))
  if (endpoint.scope !== 'public')
    add('unauthenticated', 'forbidden', 'too_many_requests', 'control_unavailable')
  if (endpoint.stream === 'sse') add('too_many_requests')
  if (endpoint.method !== 'GET') add('payload_too_large', 'unsupported_media_type')
  if (endpoint.method === 'POST') add('conflict', 'idempotency_mismatch')
  return [...codes]
}

/** True when requests count against the limit of their token. */
export function isCounted(endpoint: AnyEndpoint): boolean {
  return endpoint.scope !== 'public' && endpoint.isUncounted !== true
}

/** True when calls of `endpoint` are written to the audit log. */
export function isAudited(endpoint: AnyEndpoint): boolean {
  return (endpoint.stream === undefined ? endpoint.audited : undefined) ?? endpoint.method !== 'GET'
}

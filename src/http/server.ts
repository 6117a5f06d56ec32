/** The HTTP surface: a server made from the table of endpoints. What is not in the table does not exist. */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { App } from '../api/app.ts'
import type { AnyEndpoint } from '../api/endpoint.ts'
import { sqlstateOf } from '../engine/failure.ts'
import { forgetKeys } from '../control/idempotency.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { metrics } from '../observability/metrics.ts'
import { answer, pathOf } from './answer.ts'
import { Authenticator, type Identity } from './authenticate.ts'
import { DOCS_CSP } from './docs-page.ts'
import { describeApi, DOCS_PATH } from './documents.ts'
import { parseBody, toJson } from './json.ts'
import { askersError, problemOf, PROBLEM_TYPE } from './problem.ts'
import { SSE_LIMITS, type SseLimits, type StreamEnd } from './sse.ts'
import { Streams } from './stream.ts'
import { LoginThrottle, type ThrottleLimits } from './throttle.ts'

export interface HttpOptions {
  /** Default: `app.config.listen`; port 0 takes a free one. */
  readonly host?: string
  readonly port?: number
  /** Milliseconds for the headers, and for the whole of a request. */
  readonly headersTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly maxConnections?: number
  /** Milliseconds that requests in hand have to finish when the server closes. */
  readonly graceMs?: number
  readonly sse?: Partial<SseLimits>
  readonly throttle?: Partial<ThrottleLimits>
}

export interface HttpServer {
  readonly url: string
  /** Stops accepting, ends streams, lets requests in hand finish for a while, then closes every connection. */
  close(): Promise<void>
}

const BODY_LIMIT = 1024 * 1024
const FORGET_KEYS_MS = 60 * 60 * 1000
const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

interface Parts {
  readonly app: App
  readonly server: FastifyInstance
  readonly authenticator: Authenticator
  readonly streams: Streams
  readonly identities: WeakMap<FastifyRequest, Identity>
}

/** Starts the API. @throws TenantryError `invalid_config` when the address cannot be listened on. */
export async function startHttp(
  app: App,
  endpoints: readonly AnyEndpoint[],
  options: HttpOptions = {},
): Promise<HttpServer> {
  const server = makeServer(app, options)
  const parts: Parts = {
    app,
    server,
    authenticator: new Authenticator(app, new LoginThrottle(options.throttle)),
    streams: new Streams({ ...SSE_LIMITS, ...options.sse }),
    identities: new WeakMap(),
  }
  addCommonParts(parts)
  const { all, document } = describeApi(endpoints)
  metrics.buildInfo.set({ version: document.info.version, node: process.version }, 1)
  for (const endpoint of all) addRoute(parts, endpoint)
  addUnknownRoutes(parts, all)

  const url = await listen(parts, options)
  const housekeeping = setInterval(() => {
    forgetKeys(app.control).catch((error: unknown) =>
      app.log.warn({ err: messageOf(error) }, 'old idempotency keys stay'),
    )
  }, FORGET_KEYS_MS).unref()
  return {
    url,
    async close() {
      clearInterval(housekeeping)
      parts.streams.closeAll()
      const deadline = setTimeout(() => server.server.closeAllConnections(), options.graceMs ?? 5_000)
      await server.close()
      clearTimeout(deadline)
    },
  }
}

function makeServer(app: App, options: HttpOptions): FastifyInstance {
  const server = fastify({
    loggerInstance: app.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestTimeout: options.requestTimeoutMs ?? 60_000,
    keepAliveTimeout: 72_000,
    requestIdHeader: false,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    routerOptions: { maxParamLength: 500 },
    http: {
      headersTimeout: options.headersTimeoutMs ?? 10_000,
      connectionsCheckingInterval: Math.min(options.headersTimeoutMs ?? 10_000, 5_000) / 2,
      maxHeaderSize: 16 * 1024,
    },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: (error, request, reply) => void sendProblem(app, error, request, reply),
  })
  server.server.maxConnections = options.maxConnections ?? 2_000
  return server as unknown as FastifyInstance
}

const UNREADABLE: Readonly<Record<string, { status: number; title: string; detail: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request Timeout',
    detail: 'The request did not arrive in time.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    title: 'Request Header Fields Too Large',
    detail: 'The headers are too large.',
  },
}

/** What is no HTTP request never reaches a route: it is answered on the bare connection. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const { status, title, detail } = UNREADABLE[error.code ?? ''] ?? {
    status: 400,
    title: 'Bad Request',
    detail: 'This is not a readable HTTP request.',
  }
  const body = toJson({
    type: '/docs#error-malformed_request',
    title,
    status,
    detail,
    code: 'malformed_request',
    retryable: false,
  })
  const head = `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${body.length}`
  socket.end(`${head}\r\n\r\n${body}`)
}

function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID()
}

function addCommonParts({ app, server }: Parts): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseBody(body as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })
  server.addHook('onRequest', async (request, reply) => addCommonHeaders(request, reply))
  server.addHook('onResponse', async (request, reply) => logResponse(app, request, reply))
  server.setErrorHandler((error, request, reply) => sendProblem(app, error, request, reply))
}

function addCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id })
}

/** What a route knows about its endpoint. */
interface RouteConfig {
  readonly route?: string
  readonly streams?: boolean
}

function logResponse(app: App, request: FastifyRequest, reply: FastifyReply): void {
  const { route = 'unmatched', streams = false } = (request.routeOptions.config ?? {}) as RouteConfig
  const facts = { route, method: request.method, code: String(reply.raw.statusCode) }
  const seconds = reply.elapsedTime / 1000
  if (!streams) metrics.httpRequestDuration.observe(facts, seconds)
  app.log.info(
    {
      requestId: request.id,
      ...facts,
      path: pathOf(request),
      ms: Math.round(seconds * 1000),
      address: request.ip,
    },
    'answered',
  )
}

function sendProblem(app: App, thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = askersError(thrown)
  logProblem(app, thrown, error, request)
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="tenantry"')
  if (error.status === 503 && !reply.hasHeader('retry-after')) void reply.header('retry-after', '5')
  // Requests that never reached a route have not been through the hooks.
  addCommonHeaders(request, reply)
  const problem = problemOf(error, { instance: pathOf(request), requestId: request.id })
  return reply
    .code(error.status)
    .type(PROBLEM_TYPE)
    .send(Buffer.from(toJson(problem)))
}

/** A server that does not answer is the world's failure, told in a line; any other failure is a defect of ours. */
function logProblem(
  app: App,
  thrown: unknown,
  { status, code }: TenantryError,
  request: FastifyRequest,
): void {
  if (status < 500) return
  const facts = { requestId: request.id, path: pathOf(request) }
  if (status === 500) return app.log.error({ ...facts, err: thrown }, messageOf(thrown))
  const sqlstate = thrown instanceof TenantryError ? thrown.facts.sqlstate : sqlstateOf(thrown)
  app.log.warn({ ...facts, code, sqlstate: sqlstate ?? undefined }, messageOf(thrown))
}

function addRoute(parts: Parts, endpoint: AnyEndpoint): void {
  const { app, server, identities } = parts
  server.route({
    method: endpoint.method,
    url: endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    bodyLimit: (endpoint.stream === undefined ? endpoint.bodyLimit : undefined) ?? BODY_LIMIT,
    config: { route: endpoint.path, streams: endpoint.stream === 'sse' } satisfies RouteConfig,
    exposeHeadRoute: endpoint.stream === undefined,
    // Before the body is read: who may not ask does not get to send one.
    onRequest: async (request, reply) => {
      const credentials = {
        authorization: request.headers.authorization,
        address: request.ip,
        requestId: request.id,
      }
      const identity = await parts.authenticator.identify(endpoint, credentials, (header, value) => {
        void reply.header(header, value)
      })
      identities.set(request, identity)
      if (endpoint.path === DOCS_PATH) void reply.header('content-security-policy', DOCS_CSP)
    },
    handler: async (request, reply) => {
      const identity = identities.get(request)
      if (identity === undefined) throw new Error(`${endpoint.id} was reached without authentication`)
      const life = new AbortController()
      reply.raw.once('close', () => life.abort('gone' satisfies StreamEnd))
      if (endpoint.stream === undefined)
        return answer(endpoint, request, reply, { app, identity, signal: life.signal })
      await parts.streams.open(endpoint, request, reply, { app, identity, life })
      return reply
    },
  })
}

/** 405 where only the method is wrong, 404 elsewhere. */
function addUnknownRoutes({ server }: Parts, endpoints: readonly AnyEndpoint[]): void {
  const paths = Map.groupBy(endpoints, (endpoint) => endpoint.path)
  const known = [...paths].map(([path, here]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    allow: [...new Set(here.map((endpoint) => endpoint.method))].toSorted().join(', '),
  }))
  server.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    const match = known.find(({ pattern }) => pattern.test(path))
    if (match === undefined) {
      throw new TenantryError('not_found', 'There is nothing at this path.', {
        nextSteps: ['See /docs for what there is.'],
      })
    }
    void reply.header('allow', match.allow)
    throw new TenantryError('method_not_allowed', `This path takes ${match.allow}, not ${request.method}.`)
  })
}

async function listen({ app, server }: Parts, options: HttpOptions): Promise<string> {
  const host = options.host ?? app.config.listen.host
  const port = options.port ?? app.config.listen.port
  try {
    return await server.listen({ host, port, listenTextResolver: (address) => `API on ${address}` })
  } catch (cause) {
    await server.close()
    throw new TenantryError(
      'invalid_config',
      `The API cannot listen on ${host}:${port}: ${messageOf(cause)}`,
      {
        nextSteps: ['Choose another APP_HOST_PORT, or stop what listens there.'],
        cause,
      },
    )
  }
}

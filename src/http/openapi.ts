/** The OpenAPI 3.1 document, made from the same schemas that check requests and shape answers. */
import { z } from 'zod'
import { errorsOf, isCounted, type AnyEndpoint } from '../api/endpoint.ts'
import { SCOPES } from '../api/scopes.ts'
import { ERROR_CODES, type ErrorCode } from '../lib/error-codes.ts'
import { SchemaBook, type JsonSchema } from './json-schema.ts'
import { PROBLEM_TYPE } from './problem.ts'
import { AFTER } from './stream.ts'

const ProblemShape = z
  .object({
    type: z.string().describe('Where the code is explained, relative to this API.'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What failed, on what, and why.'),
    instance: z.string(),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
    requestId: z.string().describe('Find it in the log of the API.'),
    retryable: z.boolean(),
    errors: z
      .array(
        z.object({
          pointer: z.string().describe('JSON pointer into the body, or /query/…, /params/….'),
          code: z.string(),
          message: z.string(),
        }),
      )
      .optional(),
    nextSteps: z.array(z.string()).optional().describe('What to do now.'),
    sqlstate: z.string().optional(),
    server: z.string().optional(),
    tenant: z.string().optional(),
  })
  .meta({ id: 'Problem' })

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: { readonly version: string; readonly description: string; readonly [field: string]: unknown }
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>
  readonly [field: string]: unknown
}

export function openApi(endpoints: readonly AnyEndpoint[], version: string): OpenApi {
  const book = new SchemaBook()
  const problems = new ProblemResponses(book.output(ProblemShape))
  const answers = new Map(endpoints.map((endpoint) => [endpoint, successResponses(endpoint, book)]))
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const endpoint of endpoints) {
    const here = (paths[endpoint.path] ??= {})
    here[endpoint.method.toLowerCase()] = operation(endpoint, book, {
      ...answers.get(endpoint),
      ...problems.of(endpoint),
    })
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tenantry',
      version,
      summary: 'Runs fleets of tenant databases.',
      description: INTRODUCTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: book.schemas,
      responses: problems.responses,
      headers: HEADERS,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'tnt_<kind>_<secret>_<checksum>',
          description: scopeList(),
        },
      },
    },
  }
}

const INTRODUCTION = `Every request but those marked public carries \`Authorization: Bearer <token>\`.
Errors are RFC 9457 problem documents with a stable \`code\`. A POST may carry an \`Idempotency-Key\`: repeated within
a day with the same key it is answered with the first answer (\`Idempotency-Replayed: true\`) and done once. Lists are
read page by page with \`limit\` and \`cursor\`. A token may send so many requests a minute: \`RateLimit-Policy\`
and \`RateLimit\` tell how many are left, a 429 tells by \`Retry-After\` when to go on. Streams are server-sent
events that resume by \`Last-Event-ID\`.`

function scopeList(): string {
  return Object.entries(SCOPES)
    .map(([scope, about]) => `- \`${scope}\`: ${about}`)
    .join('\n')
}

function operation(endpoint: AnyEndpoint, book: SchemaBook, responses: JsonSchema): JsonSchema {
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    ...(endpoint.description === undefined ? {} : { description: endpoint.description }),
    tags: [endpoint.tag],
    security: endpoint.scope === 'public' ? [] : [{ token: [endpoint.scope] }],
    parameters: parameters(endpoint, book),
    ...requestBody(endpoint, book),
    responses,
  }
}

function parameters(endpoint: AnyEndpoint, book: SchemaBook): JsonSchema[] {
  const list = [
    ...shapeParameters(endpoint.params, 'path', book),
    ...shapeParameters(endpoint.query, 'query', book),
  ]
  if (endpoint.stream === 'sse') {
    list.push(...shapeParameters(z.strictObject({ after: AFTER }), 'query', book), {
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: 'Go on after the event with this id.',
      schema: { type: 'integer', minimum: 0 },
    })
  }
  if (endpoint.method === 'POST') {
    list.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Chosen by the client: the request is done once, however often it is sent with this key.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    })
  }
  return list
}

function shapeParameters(object: z.ZodObject, place: 'path' | 'query', book: SchemaBook): JsonSchema[] {
  return Object.entries(object.shape).map(([name, schema]) => {
    const { description, ...json } = book.input(schema as z.ZodType)
    const absent = (schema as z.ZodType).safeParse(undefined)
    const standard = absent.data === undefined ? {} : { default: absent.data }
    return {
      name,
      in: place,
      required: place === 'path' || !absent.success,
      ...(description === undefined ? {} : { description }),
      schema: { ...json, ...standard },
    }
  })
}

function requestBody(endpoint: AnyEndpoint, book: SchemaBook): JsonSchema {
  if (!takesBody(endpoint)) return {}
  const required = !endpoint.body.safeParse({}).success
  return { requestBody: { required, content: { 'application/json': { schema: book.input(endpoint.body) } } } }
}

/** True when the endpoint has any field to send. */
function takesBody(endpoint: AnyEndpoint): endpoint is Extract<AnyEndpoint, { body: unknown }> {
  if (endpoint.stream === 'sse' || endpoint.method === 'GET') return false
  return !(endpoint.body instanceof z.ZodObject) || Object.keys(endpoint.body.shape).length > 0
}

function successResponses(endpoint: AnyEndpoint, book: SchemaBook): JsonSchema {
  if (endpoint.stream === 'sse') {
    const events = Object.entries(endpoint.events).map(([event, schema]) => ({
      type: 'object',
      properties: { event: { const: event }, id: { type: 'string' }, data: book.output(schema) },
      required: ['event', 'data'],
    }))
    const content = { 'text/event-stream': { schema: { type: 'string' }, 'x-events': { oneOf: events } } }
    return {
      200: {
        description: 'The events, then `event: end` when there will be no more.',
        headers: successHeaders(endpoint),
        content,
      },
    }
  }
  const description = endpoint.summary
  if (endpoint.status === 204) return { 204: { description, headers: successHeaders(endpoint) } }
  const content = {
    [endpoint.produces?.split(';', 1)[0] ?? 'application/json']: { schema: book.output(endpoint.output) },
  }
  const headers = { ...successHeaders(endpoint), ...(endpoint.location === undefined ? {} : LOCATION_HEADER) }
  const { otherStatus } = endpoint
  return {
    [endpoint.status]: { description, headers, content },
    ...(otherStatus === undefined
      ? {}
      : { [otherStatus.status]: { description: otherStatus.about, headers, content } }),
  }
}

const HEADERS = {
  RequestId: { description: 'Yours, or one that was made.', schema: { type: 'string' } },
  RateLimitPolicy: {
    description:
      'How many requests (q) a token may send in how many seconds (w), e.g. `"token";q=6000;w=60`.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description: 'How many are left (r) for how many seconds (t), e.g. `"token";r=5999;t=60`.',
    schema: { type: 'string' },
  },
  RetryAfter: { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } },
}
const COMMON_HEADERS = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } }
const LIMIT_HEADERS = {
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimitPolicy' },
  RateLimit: { $ref: '#/components/headers/RateLimit' },
}
const WAIT_HEADERS = { ...LIMIT_HEADERS, 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }

function successHeaders(endpoint: AnyEndpoint): JsonSchema {
  return isCounted(endpoint) ? { ...COMMON_HEADERS, ...LIMIT_HEADERS } : COMMON_HEADERS
}

const LOCATION_HEADER = { Location: { description: 'Where to look on.', schema: { type: 'string' } } }

/** The problem responses, each set of codes described once. */
class ProblemResponses {
  readonly responses: Record<string, JsonSchema> = {}
  readonly #schema: JsonSchema

  constructor(schema: JsonSchema) {
    this.#schema = schema
  }

  /** Status → reference. */
  of(endpoint: AnyEndpoint): JsonSchema {
    const byStatus = Map.groupBy(errorsOf(endpoint), (code) => ERROR_CODES[code].status)
    const statuses = [...byStatus].toSorted(([one], [other]) => one - other)
    return Object.fromEntries(
      statuses.map(([status, codes]) => [status, { $ref: this.#referTo(codes.toSorted()) }]),
    )
  }

  #referTo(codes: readonly ErrorCode[]): string {
    const name = codes.join('.')
    this.responses[name] ??= {
      description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`).join('; '),
      headers: codes.includes('too_many_requests') ? { ...COMMON_HEADERS, ...WAIT_HEADERS } : COMMON_HEADERS,
      content: { [PROBLEM_TYPE]: { schema: this.#schema } },
    }
    return `#/components/responses/${name}`
  }
}

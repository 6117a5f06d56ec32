/**
 * Every endpoint of the table with values made from its schemas, three valid ones to one of junk: it must never
 * fail inside, answer only with statuses that it documents, and with bodies that fit their schemas.
 */
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorsOf, type AnyEndpoint } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { ERROR_CODES, type ErrorCode } from '../../src/lib/error-codes.ts'
import { describeApi } from '../../src/http/documents.ts'
import { AFTER } from '../../src/http/stream.ts'
import { startTestApi, type Ask, type Answered, type TestApi } from './api.ts'
import { junk, mostlyValid, type JsonSchema } from './arbitrary.ts'
import { seedFleet, type Seeds } from './seeds.ts'

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40)
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_120)

const { all, document } = describeApi(ENDPOINTS)
const ajv = new Ajv2020.default({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addSchema({ ...document, $id: 'api' })

let api: TestApi
let token: string
let seeds: Seeds

beforeAll(async () => {
  api = await startTestApi({ environment: { API_REQUESTS_PER_MINUTE: '0' } })
})
afterAll(() => api.close())

interface Call {
  readonly params: Record<string, unknown>
  readonly query: Record<string, unknown>
  readonly body: unknown
  readonly key: string | undefined
}

function callsOf(endpoint: AnyEndpoint): fc.Arbitrary<Call> {
  const known = seeds[endpoint.path] ?? {}
  const part = (schema: z.ZodType): JsonSchema =>
    z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' })
  const field = (name: string, json: JsonSchema): fc.Arbitrary<unknown> => {
    if (name === 'wait') return fc.constantFrom(0, '0', 'soon', -1)
    const seeded = known[name]
    const made = mostlyValid(json)
    return seeded === undefined
      ? made
      : fc.oneof({ arbitrary: fc.constantFrom(...seeded), weight: 4 }, { arbitrary: made, weight: 1 })
  }
  const fields = (schema: z.ZodType, complete: boolean): fc.Arbitrary<Record<string, unknown>> => {
    const { properties = {} } = part(schema)
    const values = Object.entries(properties).map(([name, json]) => [name, field(name, json)] as const)
    return fc.record(Object.fromEntries(values), complete ? {} : { requiredKeys: [] })
  }
  const body =
    endpoint.stream === 'sse' || endpoint.method === 'GET'
      ? fc.constant(undefined)
      : bodyOf(part(endpoint.body), known)
  return fc.record({
    params: fields(endpoint.params, true),
    query: fields(
      endpoint.stream === 'sse' ? endpoint.query.extend({ after: AFTER }) : endpoint.query,
      false,
    ),
    body,
    key: fc.option(fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' }), {
      nil: undefined,
      freq: 4,
    }),
  })
}

/** Fields that name something get, mostly, the name of something that is there. */
function bodyOf(schema: JsonSchema, known: Seeds[string]): fc.Arbitrary<unknown> {
  const present = Object.entries(known).filter(([name]) => schema.properties?.[name] !== undefined)
  if (present.length === 0) return mostlyValid(schema)
  const named = fc.record(
    Object.fromEntries(present.map(([name, values]) => [name, fc.constantFrom(...values)])),
  )
  return fc
    .tuple(mostlyValid(schema), named, fc.boolean())
    .map(([made, names, use]) =>
      use && made !== null && typeof made === 'object' && !Array.isArray(made) ? { ...made, ...names } : made,
    )
}

function pathOf(endpoint: AnyEndpoint, call: Call): string {
  const path = endpoint.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(call.params[name]))
  const query = Object.entries(call.query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(asText(value))}`],
  )
  return query.length === 0 ? path : `${path}?${query.join('&')}`
}

/** The empty text, `.` and `..` would make another path. */
function segment(value: unknown): string {
  const text = asText(value)
  return /^\.{0,2}$/.test(text) ? 'x' : encodeURIComponent(text)
}

function asText(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed()
}

/** Streams are opened, looked at, and closed. */
async function askOnce(endpoint: AnyEndpoint, call: Call): Promise<Answered> {
  const asking: Ask = {
    token,
    ...(call.body === undefined ? {} : { body: call.body }),
    ...(call.key === undefined ? {} : { headers: { 'idempotency-key': call.key } }),
  }
  if (endpoint.stream === undefined) return api.ask(endpoint.method, pathOf(endpoint, call), asking)
  const abort = new AbortController()
  const response = await fetch(`${api.url}${pathOf(endpoint, call)}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: abort.signal,
  })
  const text = response.ok ? '' : await response.text()
  if (response.ok) await readFirstEvent(response)
  abort.abort()
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

/** Every stream begins with an event; one that breaks before throws. */
async function readFirstEvent(response: Response): Promise<void> {
  let text = ''
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece
    if (text.includes('\ndata: ')) return
  }
  throw new Error(`the stream ended without an event: ${text}`)
}

/** It may have revoked its own token: then it goes on with a new one. */
async function ask(endpoint: AnyEndpoint, call: Call): Promise<Answered> {
  const answered = await askOnce(endpoint, call)
  if (answered.status !== 401) return answered
  token = await api.makeToken()
  return askOnce(endpoint, call)
}

/** What is wrong with an answer. */
function complaints(endpoint: AnyEndpoint, answered: Answered): string[] {
  const { status, headers, body, text } = answered
  const response = resolve(
    `/paths/${escape(endpoint.path)}/${endpoint.method.toLowerCase()}/responses/${status}`,
  )
  const found: string[] = []
  if (response === undefined) found.push('the status is not documented')
  if (headers.get('x-request-id') === null) found.push('there is no request id')
  if (status >= 400) found.push(...problemComplaints(endpoint, status, body?.code))
  const [type, content] = Object.entries<JsonSchema>(response?.content ?? {})[0] ?? []
  if (type !== undefined && /json/.test(type)) {
    const valid = validator(content.schema)
    if (headers.get('content-type') !== type) found.push(`the content type is ${headers.get('content-type')}`)
    if (!valid(body)) found.push(ajv.errorsText(valid.errors))
  }
  return found.map(
    (complaint) => `${endpoint.method} ${endpoint.path} → ${status} ${text.slice(0, 500)}: ${complaint}`,
  )
}

function problemComplaints(endpoint: AnyEndpoint, status: number, code: ErrorCode): string[] {
  const found: string[] = []
  if (!errorsOf(endpoint).includes(code)) found.push(`the code ${code} is not documented`)
  if (ERROR_CODES[code]?.status !== status) found.push(`the status of ${code} is another`)
  // 502 tells of a server of the fleet, not of the API.
  if (status >= 500 && status !== 502) found.push('it failed inside')
  return found
}

const validators = new Map<JsonSchema, ReturnType<typeof ajv.compile>>()

function validator(schema: JsonSchema): ReturnType<typeof ajv.compile> {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const made = ajv.compile(
    JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/')),
  )
  validators.set(schema, made)
  return made
}

function resolve(pointer: string): JsonSchema {
  const found = pointer
    .split('/')
    .slice(1)
    .reduce((at: JsonSchema, part) => at?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document)
  return found?.$ref === undefined ? found : resolve(found.$ref.slice(1))
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1')
}

async function tryOut(
  endpoint: AnyEndpoint,
  calls: fc.Arbitrary<Call>,
  runs: number,
): Promise<{ wrong: string[]; taken: number }> {
  token = await api.makeToken()
  const wrong: string[] = []
  let taken = 0
  const result = await fc.check(
    fc.asyncProperty(calls, async (call) => {
      const answered = await ask(endpoint, call)
      if (!['invalid_input', 'malformed_request'].includes(answered.body?.code)) taken += 1
      const found = complaints(endpoint, answered)
      if (found.length > 0) wrong.push(...found, JSON.stringify(call))
      return found.length === 0
    }),
    { numRuns: runs, seed: SEED, endOnFailure: true },
  )
  // What was thrown instead of answered, e.g. a connection that broke.
  if (result.failed && wrong.length === 0) wrong.push(fc.defaultReportMessage(result) ?? 'it failed')
  return { wrong, taken }
}

describe.each(all)('$method $path', (endpoint) => {
  test('answers as it says', { timeout: 120_000 }, async () => {
    // Anew for each endpoint: the one before may have retired, cancelled, revoked them.
    seeds = await seedFleet(api)
    const { wrong, taken } = await tryOut(endpoint, callsOf(endpoint), RUNS)
    expect(wrong).toEqual([])
    // Values that are all refused try nothing.
    expect(taken).toBeGreaterThan(0)
  })

  test('refuses junk as a body or in the query', async () => {
    const calls = fc.tuple(junk, fc.string({ minLength: 1 })).map(([body, name]) => ({
      params: {},
      query: { [name]: body },
      body: endpoint.method === 'GET' ? undefined : body,
      key: undefined,
    }))
    const { wrong } = await tryOut(endpoint, calls, Math.ceil(RUNS / 4))
    expect(wrong).toEqual([])
  })
})

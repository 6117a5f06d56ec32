import { z } from 'zod'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { defineEndpoint } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { forgetKeys } from '../../src/control/idempotency.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { until } from '../support/wait.ts'
import { startTestApi, type Answered, type TestApi } from './api.ts'

let runs = 0
let held: PromiseWithResolvers<void> | undefined
let refusal: TenantryError | undefined

const count = defineEndpoint({
  id: 'test.count',
  method: 'POST',
  path: '/test/count/{name}',
  summary: 'Counts how often it ran',
  tag: 'Test',
  scope: 'simulate',
  params: { name: z.string() },
  query: { double: z.string().optional() },
  body: z.strictObject({ a: z.number().optional(), b: z.number().optional() }),
  status: 201,
  output: z.object({ runs: z.int() }),
  location: (output) => `/test/${output.runs}`,
  async run() {
    await held?.promise
    if (refusal !== undefined) throw refusal
    return { runs: ++runs }
  },
})

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ endpoints: [...ENDPOINTS, count] })
})
afterAll(() => api.close())
beforeEach(() => {
  runs = 0
  held = undefined
  refusal = undefined
})

let keys = 0
function newKey(): string {
  return `key-${++keys}`
}

function post(
  key: string,
  body: unknown = {},
  more: { token?: string; path?: string } = {},
): Promise<Answered> {
  const { path = '/test/count/x', ...ask } = more
  return api.ask('POST', path, { body, headers: { 'idempotency-key': key }, ...ask })
}

test('a repetition is answered as the first time, marked, and not done again', async () => {
  const key = newKey()
  const first = await post(key, { a: 1, b: 2 })
  const second = await post(key, { b: 2, a: 1 })
  expect(runs).toBe(1)
  expect([second.status, second.body, second.headers.get('location')]).toEqual([201, { runs: 1 }, '/test/1'])
  expect(first.headers.get('idempotency-replayed')).toBeNull()
  expect(second.headers.get('idempotency-replayed')).toBe('true')
})

test('without a key, and with other keys, it is done each time', async () => {
  await api.ask('POST', '/test/count/x')
  await api.ask('POST', '/test/count/x')
  await post(newKey())
  await post(newKey())
  expect(runs).toBe(4)
})

test.each([
  ['another body', '/test/count/x', { a: 2 }],
  ['another path', '/test/count/y', { a: 1 }],
  ['another query', '/test/count/x?double=1', { a: 1 }],
  ['another endpoint', '/tokens', { name: 'x', scopes: ['simulate'] }],
])('the same key with %s: 422', async (_what, path, body) => {
  const key = newKey()
  await post(key, { a: 1 })
  const answered = await post(key, body, { path })
  expect([answered.status, answered.body.code]).toEqual([422, 'idempotency_mismatch'])
  expect(runs).toBe(1)
})

test('a key belongs to its token', async () => {
  const key = newKey()
  await post(key)
  await post(key, {}, { token: await api.makeToken({ scopes: ['simulate'] }) })
  expect(runs).toBe(2)
})

test('twenty at once with one key: one runs, the others are refused with 409 while it does', async () => {
  held = Promise.withResolvers()
  const key = newKey()
  const asked = Array.from({ length: 20 }, () => post(key))
  let settled = 0
  for (const one of asked) void one.then(() => (settled += 1))
  await until(() => settled === 19, { what: '19 of 20 to be refused while the first is in flight' })
  held.resolve()
  const answers = await Promise.all(asked)
  expect(answers.map((one) => one.status).toSorted((one, other) => one - other)).toEqual([
    201,
    ...Array.from({ length: 19 }, () => 409),
  ])
  const refused = answers.find((one) => one.status === 409)
  expect(refused?.body).toMatchObject({ code: 'conflict', retryable: true })
  expect((await post(key)).body).toEqual({ runs: 1 })
  expect(runs).toBe(1)
})

test('what failed gives its key back', async () => {
  const key = newKey()
  refusal = new TenantryError('conflict', 'Not now.')
  expect((await post(key)).status).toBe(409)
  refusal = undefined
  expect((await post(key)).status).toBe(201)
})

test('what is not valid does not use its key up', async () => {
  const key = newKey()
  expect((await post(key, { nope: 1 })).status).toBe(422)
  expect((await post(key, { a: 1 })).status).toBe(201)
})

test('what crashed in flight can be done again after five minutes, not before', async () => {
  const key = newKey()
  await post(key)
  const age = (minutes: number): Promise<unknown> =>
    api.app.control.query(
      `update tenantry.idempotency_keys set status = null, response = null,
         created_at = clock_timestamp() - make_interval(mins => $2) where key = $1`,
      [key, minutes],
    )
  await age(4)
  expect((await post(key)).status).toBe(409)
  await age(6)
  expect((await post(key)).body).toEqual({ runs: 2 })
  expect((await post(key)).body).toEqual({ runs: 2 })
})

test('one that lost its key to another cannot write its answer over that one', async () => {
  const key = newKey()
  held = Promise.withResolvers()
  const slow = post(key)
  await until(async () => (await keyRows(key)).length === 1, { what: 'the first to be in flight' })
  await api.app.control.query(
    `update tenantry.idempotency_keys set created_at = clock_timestamp() - interval '6 minutes' where key = $1`,
    [key],
  )
  const first = held
  held = undefined
  expect((await post(key)).body).toEqual({ runs: 1 })
  const kept = await keyRows(key)
  expect(kept).toMatchObject([{ status: 201, response: { runs: 1 } }])
  first.resolve()
  expect((await slow).body).toEqual({ runs: 2 })
  expect(await keyRows(key)).toEqual(kept)
})

function keyRows(key: string): Promise<{ status: number | null; response: unknown }[]> {
  return api.app.control.query('select status, response from tenantry.idempotency_keys where key = $1', [key])
}

test('after a day the key is forgotten', async () => {
  const key = newKey()
  await post(key)
  await api.app.control.query(
    `update tenantry.idempotency_keys set created_at = clock_timestamp() - interval '25 hours' where key = $1`,
    [key],
  )
  await forgetKeys(api.app.control)
  expect(await keyRows(key)).toEqual([])
})

test('a new token is in the first answer only, and never in the control database', async () => {
  const key = newKey()
  const body = { name: 'once', scopes: ['operations:read'] }
  const first = await post(key, body, { path: '/tokens' })
  const second = await post(key, body, { path: '/tokens' })
  expect(first.body.token).toMatch(/^tnt_api_/)
  expect(second.body).toEqual({ ...first.body, token: null })
  const dump = await api.app.control.query<{ text: string }>(
    `select kept::text as text from tenantry.idempotency_keys kept
     union all select entry::text from tenantry.audit_log entry union all select token::text from tenantry.api_tokens token`,
  )
  expect(dump.length).toBeGreaterThan(2)
  for (const row of dump) expect(row.text).not.toContain(first.body.token)
})

test.each(['', 'ä', 'x'.repeat(256)])('the key %j cannot be read: 400', async (key) => {
  const bytes = Buffer.from(key, 'utf8').toString('latin1')
  const answered = await post(bytes)
  expect([answered.status, answered.body.code]).toEqual([400, 'malformed_request'])
})

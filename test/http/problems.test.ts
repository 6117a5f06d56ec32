import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineEndpoint } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { startTestApi, type TestApi } from './api.ts'

const HOSTILE = '<img src=x onerror=alert(1)> \u001b[2J\u009b31m \u2028 "quotes" \r\nSet-Cookie: a=b'

const failing = defineEndpoint({
  id: 'test.fail',
  method: 'POST',
  path: '/test/fail',
  summary: 'Fails as asked',
  tag: 'Test',
  scope: 'admin',
  body: z.strictObject({ how: z.string() }),
  bodyLimit: 11 * 1024 * 1024,
  status: 200,
  output: z.object({ ok: z.boolean().optional() }),
  async run({ control }, { body }) {
    if (body.how === 'bug') throw new TypeError('secret internals at 10.0.0.7')
    if (body.how === 'output') return { ok: 'secret' } as never
    if (body.how === 'sql') await control.query('select * from no_such_table_with_a_secret')
    if (body.how === 'timeout') {
      await control.transaction(async (tx) => {
        await tx.query(`set local statement_timeout = '1ms'`)
        await tx.query('select pg_sleep(1)')
      })
    }
    if (body.how === 'hostile') {
      throw new TenantryError('server_refused', HOSTILE, {
        sqlstate: '42501',
        server: 'pg-1',
        tenant: HOSTILE,
        nextSteps: [HOSTILE],
      })
    }
    return {}
  },
})

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ endpoints: [...ENDPOINTS, failing] })
})
afterAll(() => api.close())

describe('what cannot be read', () => {
  test.each([
    ['not JSON', '{"name": ', 400, 'malformed_request'],
    ['JSON with a comment', '{/* hello */}', 400, 'malformed_request'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'malformed_request'],
    ['half a million brackets', '['.repeat(500_000), 400, 'malformed_request'],
    ['deep nesting', '['.repeat(400_000) + ']'.repeat(400_000), 422, 'invalid_input'],
    ['null', 'null', 422, 'invalid_input'],
    ['a list', '[]', 422, 'invalid_input'],
    ['a text', '"x"', 422, 'invalid_input'],
  ])('%s', async (_what, raw, status, code) => {
    const answered = await api.ask('POST', '/tokens', { raw })
    expect([answered.status, answered.body.code]).toEqual([status, code])
  })

  test('another content type: 415', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'application/jsonx',
      'x',
    ]) {
      const answered = await api.ask('POST', '/tokens', { raw: '{}', headers: { 'content-type': type } })
      expect([type, answered.status, answered.body.code]).toEqual([type, 415, 'unsupported_media_type'])
    }
  })

  test('more than the limit of the endpoint: 413; up to it: read', async () => {
    const tenMegabytes = JSON.stringify({ name: 'x'.repeat(10 * 1024 * 1024) })
    const refused = await api.ask('POST', '/tokens', { raw: tenMegabytes })
    expect([refused.status, refused.body.code]).toEqual([413, 'payload_too_large'])
    const taken = await api.ask('POST', '/test/fail', { body: { how: 'x'.repeat(10 * 1024 * 1024) } })
    expect(taken.status).toBe(200)
  })

  test('a large body without a token is refused before it is read', async () => {
    const answered = await api.ask('POST', '/test/fail', { token: undefined, raw: 'x'.repeat(100_000) })
    expect(answered.status).toBe(401)
  })

  test.each([
    '/operations/%',
    '/operations/%zz',
    '/operations/%c0%ae%c0%ae',
    '/operations/%00',
    '/operations/..%2f..%2fetc%2fpasswd',
  ])('the path %s', async (path) => {
    const answered = await api.ask('GET', path)
    expect([400, 404, 422]).toContain(answered.status)
    expect(answered.headers.get('content-type')).toBe('application/problem+json')
    expect(answered.headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe('what is not there', () => {
  test('an unknown path: 404', async () => {
    const answered = await api.ask('GET', '/nothing/here?token=secret')
    expect(answered.status).toBe(404)
    expect(answered.body).toMatchObject({ code: 'not_found', instance: '/nothing/here', retryable: false })
  })

  test('a wrong method: 405 with what is allowed', async () => {
    for (const method of ['PATCH', 'PUT', 'DELETE', 'OPTIONS']) {
      const answered = await api.ask(method, '/tokens')
      expect([answered.status, answered.headers.get('allow')]).toEqual([405, 'GET, POST'])
      expect(answered.body.code).toBe('method_not_allowed')
    }
    expect(
      (await api.ask('POST', '/operations/00000000-0000-4000-8000-000000000000')).headers.get('allow'),
    ).toBe('GET')
  })

  test('HEAD answers as GET does, without a body', async () => {
    const answered = await api.ask('HEAD', '/livez')
    expect([answered.status, answered.text]).toEqual([200, ''])
  })
})

describe('what is not valid', () => {
  test('every problem at once, each with its place', async () => {
    const body = { name: '', scopes: ['nope'], expires_in_days: 0, extra: 1, 'with/slash~': 2 }
    const { status, body: problem } = await api.ask('POST', '/tokens?dry=1', { body })
    expect([status, problem.code]).toEqual([422, 'invalid_input'])
    const pointers = problem.errors.map((error: { pointer: string }) => error.pointer)
    expect(pointers.toSorted()).toEqual(
      ['/expires_in_days', '/extra', '/name', '/query/dry', '/scopes/0', '/with~1slash~0'].toSorted(),
    )
  })

  test('parameters in the query and path', async () => {
    for (const [path, pointer] of [
      ['/operations?limit=-1', '/query/limit'],
      ['/operations?limit=1e3', '/query/limit'],
      ['/operations?limit=', '/query/limit'],
      ['/operations?limit=1&limit=2', '/query/limit'],
      ['/operations?state=done', '/query/state'],
      ['/operations?Kind=rollout', '/query/Kind'],
      ['/operations?__proto__=1', '/query'],
      ['/operations?constructor=1', '/query/constructor'],
      ['/operations/7', '/params/id'],
    ]) {
      const answered = await api.ask('GET', path ?? '')
      expect([path, answered.status, answered.body.errors?.[0].pointer]).toEqual([path, 422, pointer])
    }
  })

  test('a limit that is too large is lowered', async () => {
    expect((await api.ask('GET', '/operations?limit=100000')).status).toBe(200)
  })

  test('names that reach into prototypes, at any depth', async () => {
    for (const raw of [
      '{"__proto__": {"isAdmin": true}, "name": "x", "scopes": ["admin"]}',
      '{"name": "x", "scopes": [{"__proto__": 1}]}',
      '{"\\u005f_proto__": 1}',
      '{"name": "x", "scopes": ["admin"], "constructor": {"prototype": {"isAdmin": true}}}',
    ]) {
      const answered = await api.ask('POST', '/tokens', { raw })
      expect([raw, answered.status]).toEqual([raw, 422])
    }
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined()
  })

  test('text that PostgreSQL cannot store', async () => {
    for (const [raw, pointer] of [
      ['{"name": "a\\u0000b", "scopes": ["admin"]}', '/name'],
      ['{"name": "a\\ud800b", "scopes": ["admin"]}', '/name'],
      ['{"name": "x", "scopes": ["admin"], "a\\u0000": 1}', ''],
    ]) {
      const answered = await api.ask('POST', '/tokens', { raw: raw ?? '' })
      expect([raw, answered.status, answered.body.errors?.[0].pointer]).toEqual([raw, 422, pointer])
    }
    expect((await api.ask('GET', '/operations?kind=a%00b')).status).toBe(422)
  })
})

describe('what fails inside', () => {
  test.each(['bug', 'sql', 'output'])('%s: 500 that tells nothing but the request id', async (how) => {
    const answered = await api.ask('POST', '/test/fail', {
      body: { how },
      headers: { 'x-request-id': `find-${how}` },
    })
    expect(answered.status).toBe(500)
    expect(answered.body).toMatchObject({ code: 'internal', requestId: `find-${how}`, retryable: false })
    expect(answered.text).not.toMatch(/secret|10\.0\.0\.7|at .*\.ts/)
    expect(api.log.some((line) => line.includes(`find-${how}`) && line.includes('"level":50'))).toBe(true)
  })

  test('a statement that took too long is worth another try', async () => {
    const answered = await api.ask('POST', '/test/fail', { body: { how: 'timeout' } })
    expect([answered.status, answered.body.code, answered.headers.get('retry-after')]).toEqual([
      503,
      'control_unavailable',
      '5',
    ])
  })

  test('hostile error text stays text', async () => {
    const answered = await api.ask('POST', '/test/fail', { body: { how: 'hostile' } })
    expect(answered.status).toBe(502)
    // Expected to happen: a line, no stack.
    const lines = api.log.filter((line) => line.includes(String(answered.headers.get('x-request-id'))))
    const [told] = lines
      .filter((line) => !line.includes('"answered"'))
      .map((line) => JSON.parse(line) as unknown)
    expect(told).toMatchObject({ level: 40, sqlstate: '42501', msg: HOSTILE })
    expect(lines.join('')).not.toMatch(/"level":50|"stack"/)
    expect(answered.headers.get('content-type')).toBe('application/problem+json')
    expect(answered.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answered.headers.get('set-cookie')).toBeNull()
    // oxlint-disable-next-line no-control-regex
    expect(answered.text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    expect(answered.body).toMatchObject({
      detail: HOSTILE,
      tenant: HOSTILE,
      nextSteps: [HOSTILE],
      sqlstate: '42501',
      server: 'pg-1',
    })
  })
})

describe('every answer', () => {
  test('carries the request id that was given, or one of its own', async () => {
    const given = await api.ask('GET', '/livez', { headers: { 'x-request-id': 'mine-1' } })
    expect(given.headers.get('x-request-id')).toBe('mine-1')
    const hostile = await api.ask('GET', '/nowhere', { headers: { 'x-request-id': 'a b<script>' } })
    expect(hostile.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(hostile.body.requestId).toBe(hostile.headers.get('x-request-id'))
  })

  test('carries the security headers', async () => {
    for (const path of ['/livez', '/nowhere', '/tokens', '/openapi.json', '/operations/%']) {
      const { headers } = await api.ask('GET', path)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain(`default-src 'none'`)
      expect(headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('server')).toBeNull()
      expect(headers.get('x-powered-by')).toBeNull()
    }
  })
})

test('the log names requests, but holds no token, query or body', async () => {
  const secret = 'planted-secret-value'
  const made = await api.ask('POST', '/tokens', { body: { name: secret, scopes: ['operations:read'] } })
  await api.ask('GET', `/operations?kind=${secret}`)
  await api.ask('GET', `/operations?token=${api.token}`)
  const log = api.log.join('')
  expect(log).toContain('"route":"/tokens"')
  for (const hidden of [secret, api.token, made.body.token]) expect(log).not.toContain(hidden)
})

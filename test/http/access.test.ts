import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnyEndpoint } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { SCOPE_NAMES } from '../../src/api/scopes.ts'
import { listTokens, revokeToken } from '../../src/control/tokens.ts'
import { describeApi } from '../../src/http/documents.ts'
import { startTestApi, type TestApi } from './api.ts'

const { all } = describeApi(ENDPOINTS)
const closed = all.filter((endpoint) => endpoint.scope !== 'public')

let api: TestApi
const tokens: Record<string, string> = {}

beforeAll(async () => {
  // The same address fails hundreds of times here: that it is slowed down is tested elsewhere.
  api = await startTestApi({ throttle: { burst: 1_000_000 } })
  tokens['expired'] = await api.makeToken({ expiresAt: new Date(Date.now() - 1000) })
  tokens['revoked'] = await api.makeToken()
  const [newest] = await listTokens(api.app.control, { limit: 1 })
  await revokeToken(api.app.control, newest?.id ?? 0)
  tokens['of another server'] = 'tnt_api_0000000000000000000000000000000000000000000_000000'
  tokens['mistyped'] = api.token.slice(0, -1) + (api.token.endsWith('x') ? 'y' : 'x')
  tokens['garbage'] = "' or 1=1 --"
})
afterAll(() => api.close())

function pathFor(endpoint: AnyEndpoint): string {
  return endpoint.path.replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000')
}

test('only health and the description of the API are public', () => {
  const open = all.filter((endpoint) => endpoint.scope === 'public').map((endpoint) => endpoint.path)
  expect(open.toSorted()).toEqual([
    '/docs',
    '/health',
    '/health/live',
    '/health/ready',
    '/livez',
    '/openapi.json',
    '/readyz',
  ])
})

test('ids and method with path are unique', () => {
  expect(new Set(all.map((endpoint) => endpoint.id)).size).toBe(all.length)
  expect(new Set(all.map((endpoint) => `${endpoint.method} ${endpoint.path}`)).size).toBe(all.length)
})

test.each(all)('$method $path: the parameters in the path are those of its schema', (endpoint) => {
  const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
  expect(inPath).toEqual(Object.keys(endpoint.params.shape))
})

describe.each(closed)('$method $path', (endpoint) => {
  test('without a token: 401', async () => {
    const answered = await api.ask(endpoint.method, pathFor(endpoint), {
      token: undefined,
      body: bodyFor(endpoint),
    })
    expect(answered.status).toBe(401)
    expect(answered.body).toMatchObject({ code: 'unauthenticated', status: 401 })
    expect(answered.headers.get('www-authenticate')).toBe('Bearer realm="tenantry"')
  })

  test.each(['expired', 'revoked', 'of another server', 'mistyped', 'garbage'])(
    'with a token that is %s: 401',
    async (kind) => {
      const token = tokens[kind] ?? ''
      const answered = await api.ask(endpoint.method, pathFor(endpoint), { token, body: bodyFor(endpoint) })
      expect(answered.status).toBe(401)
      expect(answered.body.code).toBe('unauthenticated')
      expect(answered.text).not.toContain(token)
    },
  )

  test('with every scope but its own: 403', async () => {
    const scopes = SCOPE_NAMES.filter((scope) => scope !== endpoint.scope && scope !== 'admin')
    const token = await api.makeToken({ scopes })
    const answered = await api.ask(endpoint.method, pathFor(endpoint), { token, body: bodyFor(endpoint) })
    expect(answered.status).toBe(403)
    expect(answered.body.code).toBe('forbidden')
    expect(answered.body.detail).toContain(endpoint.scope)
  })

  test('with its own scope only: let in', async () => {
    const token = await api.makeToken({ scopes: [endpoint.scope] })
    const controller = new AbortController()
    // A field that nothing has: what is let in gets as far as the check of its input, and changes nothing.
    const path = `${pathFor(endpoint)}?no_such_parameter=1`
    const answered = await api.ask(endpoint.method, path, {
      token,
      body: bodyFor(endpoint),
      signal: controller.signal,
    })
    expect(answered.status).toBe(422)
    controller.abort()
  })
})

/** Refused for its content if it is ever read, so that a hole shows as 422 and not as a change. */
function bodyFor(endpoint: AnyEndpoint): unknown {
  return endpoint.method === 'GET' ? undefined : { no_such_field: true }
}

test('a token in the query, a cookie or another scheme is no token', async () => {
  const asked = await Promise.all([
    api.ask('GET', `/tokens?token=${api.token}`, { token: undefined }),
    api.ask('GET', '/tokens', { token: undefined, headers: { cookie: `token=${api.token}` } }),
    api.ask('GET', '/tokens', {
      token: undefined,
      headers: { authorization: `Basic ${btoa(`x:${api.token}`)}` },
    }),
    api.ask('GET', '/tokens', {
      token: undefined,
      headers: { 'x-forwarded-user': 'admin', 'x-remote-user': 'admin' },
    }),
  ])
  expect(asked.map((answered) => answered.status)).toEqual([401, 401, 401, 401])
})

test('a revoked token ends with the next request', async () => {
  const token = await api.makeToken({ scopes: ['operations:read'] })
  const [newest] = await listTokens(api.app.control, { limit: 1 })
  expect((await api.ask('GET', '/operations', { token })).status).toBe(200)
  expect((await api.ask('DELETE', `/tokens/${newest?.id}`)).status).toBe(204)
  expect((await api.ask('GET', '/operations', { token })).status).toBe(401)
})

/** How often a token may ask: told with every answer, refused in words when it is too much. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RateLimit } from '../../src/http/rate-limit.ts'
import { startTestApi, type Answered, type TestApi } from './api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ environment: { API_REQUESTS_PER_MINUTE: '3' } })
})
afterAll(() => api.close())

function limitOf({ headers }: Answered): unknown[] {
  return [headers.get('ratelimit-policy'), headers.get('ratelimit')]
}

test('each answer tells what is left; then 429 with the seconds to wait; other tokens are not concerned', async () => {
  const token = await api.makeToken()
  const first = await api.ask('GET', '/operations', { token })
  expect(first.status).toBe(200)
  expect(limitOf(first)).toEqual(['"token";q=3;w=60', expect.stringMatching(/^"token";r=2;t=(60|59)$/)])
  // What is refused for another reason counts as well.
  expect((await api.ask('GET', '/operations?limit=x', { token })).status).toBe(422)
  expect((await api.ask('GET', '/operations', { token })).headers.get('ratelimit')).toContain('r=0')
  const refused = await api.ask('POST', '/tokens', { token, body: { name: 'x', scopes: ['admin'] } })
  expect(refused.status).toBe(429)
  expect(refused.headers.get('content-type')).toBe('application/problem+json')
  const seconds = Number(refused.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  expect(limitOf(refused)).toEqual(['"token";q=3;w=60', `"token";r=0;t=${seconds}`])
  expect(refused.body).toMatchObject({
    code: 'too_many_requests',
    retryable: true,
    nextSteps: [`Wait ${seconds} s. The setting API_REQUESTS_PER_MINUTE is 3.`],
  })
  expect((await api.ask('GET', '/operations', { token: await api.makeToken() })).status).toBe(200)
})

test('health and metrics are asked as often as one likes', async () => {
  const token = await api.makeToken()
  for (const path of ['/metrics', '/health', '/livez', '/readyz']) {
    for (let n = 0; n < 5; n += 1) {
      const answered = await api.ask('GET', path, { token })
      expect([path, answered.status, ...limitOf(answered)]).toEqual([path, 200, null, null])
    }
  }
})

test('0 is no limit', async () => {
  const free = await startTestApi({ environment: { API_REQUESTS_PER_MINUTE: '0' } })
  const answered = await free.ask('GET', '/operations')
  expect([answered.status, ...limitOf(answered)]).toEqual([200, null, null])
  await free.close()
})

test('a minute after its first request a token begins anew', () => {
  let now = 1000
  const limit = new RateLimit(2, () => now)
  expect([1, 2, 3].map(() => limit.count(7)?.allowed)).toEqual([true, true, false])
  expect(limit.count(8)).toMatchObject({ allowed: true, resetSeconds: 60 })
  now += 59.5
  expect(limit.count(7)).toMatchObject({ allowed: false, resetSeconds: 1 })
  now += 0.5
  expect(limit.count(7)).toMatchObject({
    allowed: true,
    headers: { 'RateLimit-Policy': '"token";q=2;w=60', RateLimit: '"token";r=1;t=60' },
  })
})

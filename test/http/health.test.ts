import { afterAll, beforeAll, expect, test } from 'vitest'
import { registerWorker } from '../../src/control/workers.ts'
import { startPrivateServer } from '../support/private-servers.ts'
import { dsnOf } from '../support/postgres.ts'
import { until } from '../support/wait.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

test('the report tells without a token whether the control database answers and workers run', async () => {
  const before = await api.ask('GET', '/health', { token: undefined })
  expect(before.status).toBe(200)
  expect(before.body).toMatchObject({
    status: 'degraded',
    live: true,
    ready: true,
    checks: { workers: { count: 0 } },
  })
  await registerWorker(api.app.control, { id: crypto.randomUUID(), host: 'here', pid: 1 })
  const after = await until(
    async () => {
      const report = await api.ask('GET', '/health', { token: undefined })
      return report.body.status === 'ok' && report
    },
    { what: 'the report to be made anew' },
  )
  expect(after.body.checks.workers).toEqual({ ok: true, state: 'running', count: 1 })
})

test.each(['/health/live', '/livez', '/health/ready', '/readyz'])('%s answers ok', async (path) => {
  const answered = await api.ask('GET', path, { token: undefined })
  expect([answered.status, answered.body]).toEqual([200, { status: 'ok' }])
})

test('without its control database it is alive, not ready, and tells no address', async () => {
  const server = await startPrivateServer()
  const lonely = await startTestApi({ databaseUrl: dsnOf('postgres', server) })
  try {
    await server.stop()
    const [report, live, ready, list] = await Promise.all([
      lonely.ask('GET', '/health'),
      lonely.ask('GET', '/livez'),
      lonely.ask('GET', '/readyz'),
      lonely.ask('GET', '/metrics'),
    ])
    expect(report.status).toBe(503)
    expect(report.body).toMatchObject({ status: 'unavailable', ready: false, live: true })
    expect(live.status).toBe(200)
    for (const answered of [ready, list]) {
      expect(answered.status).toBe(503)
      expect(answered.body).toMatchObject({ code: 'control_unavailable', retryable: true })
      expect(answered.headers.get('retry-after')).toBe('5')
    }
    for (const { text } of [report, ready, list])
      expect(text).not.toMatch(new RegExp(`127\\.0\\.0\\.1|${server.port}`))
    await server.restart()
    await until(async () => (await lonely.ask('GET', '/readyz')).status === 200, {
      what: 'readiness to return',
    })
  } finally {
    await lonely.close()
    await server.remove()
  }
})

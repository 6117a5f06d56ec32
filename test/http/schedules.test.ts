import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

const nightly = {
  kind: 'discover',
  input: { pattern: 'cmp_%' },
  cron: '0 3 * * *',
  timezone: 'Europe/Vienna',
}

test('a schedule is made, replaced, listed and removed', async () => {
  const made = await api.ask('PUT', '/schedules/nightly', { body: nightly })
  expect(made.status).toBe(200)
  expect(made.body).toMatchObject({ name: 'nightly', ...nightly, enabled: true, last_operation_id: null })
  expect(Date.parse(made.body.next_at)).toBeGreaterThan(Date.now())
  const replaced = await api.ask('PUT', '/schedules/nightly', { body: { ...nightly, cron: '*/5 * * * *' } })
  expect(replaced.body.cron).toBe('*/5 * * * *')
  await api.ask('PUT', '/schedules/another', { body: nightly })
  const first = await api.ask('GET', '/schedules?limit=1')
  const second = await api.ask('GET', `/schedules?limit=1&cursor=${first.body.next_cursor}`)
  expect([first, second].map((page) => page.body.items[0].name)).toEqual(['another', 'nightly'])
  expect((await api.ask('DELETE', '/schedules/nightly')).status).toBe(204)
  expect((await api.ask('DELETE', '/schedules/nightly')).status).toBe(404)
})

test.each([
  ['a kind that cannot be scheduled', { ...nightly, kind: 'rollout' }, '/kind'],
  ['a kind from the prototype', { ...nightly, kind: 'constructor' }, '/kind'],
  ['an input of another shape', { ...nightly, input: { pattern: 7 } }, '/input/pattern'],
  ['an unknown time zone', { ...nightly, timezone: 'Mars/Olympus' }, '/timezone'],
])('%s is refused', async (_what, body, pointer) => {
  const answered = await api.ask('PUT', '/schedules/x', { body })
  expect([answered.status, answered.body.errors?.[0].pointer]).toEqual([422, pointer])
})

test.each(['never', '61 * * * *', '0 0 31 2 *'])('the time %j is refused', async (cron) => {
  const answered = await api.ask('PUT', '/schedules/x', { body: { ...nightly, cron } })
  expect([answered.status, answered.body.code]).toEqual([422, 'invalid_input'])
})

test('a schedule does for nobody what they may not do themselves', async () => {
  const token = await api.makeToken({ scopes: ['operations:write'] })
  const refused = await api.ask('PUT', '/schedules/x', { token, body: nightly })
  expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
  const both = await api.makeToken({ scopes: ['operations:write', 'registry:write'] })
  expect((await api.ask('PUT', '/schedules/x', { token: both, body: nightly })).status).toBe(200)
})

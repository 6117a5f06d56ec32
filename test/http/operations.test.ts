import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endpointOf } from '../../src/api/index.ts'
import { createClient, type Client } from '../../src/client/client.ts'
import type { Operation } from '../../src/control/operations/operation.ts'
import {
  claimOperations,
  endOperation,
  enqueueOperation,
  recordEvent,
} from '../../src/control/operations/store.ts'
import { registerWorker } from '../../src/control/workers.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
let client: Client
const worker = randomUUID()

beforeAll(async () => {
  api = await startTestApi()
  client = createClient({ url: api.url, token: api.token })
  await registerWorker(api.app.control, { id: worker, host: 'test', pid: 1 })
})
afterAll(() => api.close())

function enqueue(kind = 'discover', input: Record<string, unknown> = { pattern: 'x' }): Promise<Operation> {
  return enqueueOperation(api.app.control, { kind, input, createdBy: 'test' })
}

/** Takes it as a worker would. */
async function claim(kind: string): Promise<Operation> {
  const [operation] = await claimOperations(api.app.control, { id: worker, kinds: [kind], limit: 1 })
  if (operation === undefined) throw new Error(`no operation of kind ${kind} to claim`)
  return operation
}

test('an operation is shown with its input and steps, in lists without', async () => {
  const { id } = await enqueue('shown')
  const shown = await client.call(endpointOf('operations.show'), { params: { id } })
  expect(shown).toMatchObject({
    id,
    kind: 'shown',
    state: 'queued',
    input: { pattern: 'x' },
    steps: [],
    error: null,
  })
  const list = await client.call(endpointOf('operations.list'), { query: { kind: 'shown' } })
  expect(list.items.map((item) => item.id)).toEqual([id])
  expect(list.items[0]).not.toHaveProperty('input')
})

test('a huge input is not shown', async () => {
  const { id } = await enqueue('huge', { tenants: Array.from({ length: 20_000 }, (_, n) => `tenant ${n}`) })
  expect((await client.call(endpointOf('operations.show'), { params: { id } })).input).toBeNull()
})

test('one that is not there: 404', async () => {
  const id = randomUUID()
  for (const [method, path] of [
    ['GET', `/operations/${id}?wait=30`],
    ['GET', `/operations/${id}/stream`],
    ['POST', `/operations/${id}/cancel`],
    ['POST', `/operations/${id}/retry`],
  ]) {
    const answered = await api.ask(method ?? '', path ?? '')
    expect([path, answered.status, answered.body.code]).toEqual([path, 404, 'not_found'])
  }
})

test('wait answers when it ends', async () => {
  const { id } = await enqueue('awaited')
  const waiting = client.call(endpointOf('operations.show'), { params: { id }, query: { wait: 60 } })
  const claimed = await claim('awaited')
  await api.app.control.transaction((tx) =>
    endOperation(tx, claimed, { state: 'succeeded', result: { made: 3 } }),
  )
  expect(await waiting).toMatchObject({ state: 'succeeded', result: { made: 3 } })
})

test('wait answers when the time is over', async () => {
  const { id } = await enqueue('late')
  const begun = performance.now()
  const shown = await client.call(endpointOf('operations.show'), { params: { id }, query: { wait: 1 } })
  expect(shown.state).toBe('queued')
  expect(performance.now() - begun).toBeGreaterThanOrEqual(990)
})

test('wait takes a minute at most', async () => {
  const { id } = await enqueue('long')
  expect((await api.ask('GET', `/operations/${id}?wait=61`)).status).toBe(422)
})

test('cancel ends one that never ran; a second cancel conflicts', async () => {
  const { id } = await enqueue('cancelled')
  const answered = await api.ask('POST', `/operations/${id}/cancel`, { body: { reason: 'not needed' } })
  expect([answered.status, answered.body.state, answered.headers.get('location')]).toEqual([
    202,
    'cancelled',
    `/operations/${id}`,
  ])
  expect((await api.ask('POST', `/operations/${id}/cancel`)).status).toBe(409)
  const audit = await api.ask('GET', `/audit?action=operations.cancel&target=${id}`)
  expect(audit.body.items).toMatchObject([
    { outcome: 'conflict', target: id },
    {
      outcome: 'ok',
      target: id,
      reason: 'not needed',
      actor: expect.stringMatching(/^token:\d+ test admin$/),
    },
  ])
})

test('retry lets a failed one run again, and no other', async () => {
  const { id } = await enqueue('retried')
  expect((await api.ask('POST', `/operations/${id}/retry`)).status).toBe(409)
  const claimed = await claim('retried')
  const error = { code: 'internal', message: 'broke', nextSteps: ['mend it'] }
  await api.app.control.transaction((tx) => endOperation(tx, claimed, { state: 'failed', error }))
  expect((await client.call(endpointOf('operations.show'), { params: { id } })).error).toEqual(error)
  const retried = await client.call(endpointOf('operations.retry'), { params: { id } })
  expect(retried).toMatchObject({ state: 'queued', attempts: 0, error: null })
})

test('the stream shows the state, each event once, each change, and the end', async () => {
  const { id } = await enqueue('followed')
  const seen: unknown[] = []
  const ids: string[] = []
  for await (const { event, data, id: eventId } of client.stream(endpointOf('operations.stream'), {
    params: { id },
  })) {
    seen.push(event === 'event' ? `event ${data.type}` : `${event} ${data.state}`)
    if (eventId !== undefined) ids.push(eventId)
    if (event === 'snapshot') {
      const claimed = await claim('followed')
      await api.app.control.transaction(async (tx) => {
        await recordEvent(tx, id, 'found', { count: 1 })
        await endOperation(tx, claimed, { state: 'succeeded', result: {} })
      })
    }
  }
  expect(seen[0]).toBe('snapshot queued')
  expect(seen.filter((entry) => String(entry).startsWith('event'))).toEqual([
    'event found',
    'event operation.succeeded',
  ])
  expect(seen.at(-1)).toBe('change succeeded')

  const resumed: string[] = []
  for await (const { event, data } of client.stream(endpointOf('operations.stream'), {
    params: { id },
    lastEventId: ids[1],
  })) {
    resumed.push(event === 'event' ? `event ${data.type}` : `${event} ${data.state}`)
  }
  expect(resumed).toEqual(['snapshot succeeded', 'event operation.succeeded'])
})

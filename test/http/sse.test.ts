import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defineStream } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { revokeToken } from '../../src/control/tokens.ts'
import { EventParser, type RawEvent } from '../../src/client/event-stream.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { Wakeup } from '../../src/lib/wakeup.ts'
import { metrics } from '../../src/observability/metrics.ts'
import { until } from '../support/wait.ts'
import { startTestApi, type TestApi } from './api.ts'

const pause = new Wakeup()
let upTo = 0
let ended = false
let broken: Error | undefined
let open = 0

const numbers = defineStream({
  id: 'test.numbers',
  method: 'GET',
  path: '/test/numbers',
  summary: 'Numbers, as far as they have come',
  tag: 'Test',
  scope: 'operations:read',
  query: { refuse: z.string().optional() },
  events: { number: z.object({ n: z.int() }) },
  async run(_app, { lastEventId, signal, query }) {
    if (query.refuse !== undefined) throw new TenantryError('not_found', 'There are no numbers.')
    return follow(lastEventId ?? 0, signal)
  },
})

async function* follow(after: number, signal: AbortSignal) {
  open += 1
  try {
    let n = after
    while (!signal.aborted) {
      while (n < upTo) {
        n += 1
        yield { event: 'number' as const, id: String(n), data: { n, undeclared: 'secret' } }
      }
      if (broken !== undefined) throw broken
      if (ended) return
      await pause.sleep(20, signal)
    }
  } finally {
    open -= 1
  }
}

const flood = defineStream({
  id: 'test.flood',
  method: 'GET',
  path: '/test/flood',
  summary: 'More than anybody reads',
  tag: 'Test',
  scope: 'operations:read',
  events: { wave: z.object({ text: z.string() }) },
  run: async (_app, { signal }) => waves(signal),
})

async function* waves(signal: AbortSignal) {
  open += 1
  try {
    while (!signal.aborted) {
      yield { event: 'wave' as const, data: { text: 'x'.repeat(16 * 1024) } }
      await pause.sleep(0, signal)
    }
  } finally {
    open -= 1
  }
}

let api: TestApi
const limits = {
  heartbeatMs: 50,
  maxUnsentBytes: 64 * 1024,
  patienceMs: 200,
  retryMs: 1234,
  streamsPerToken: 3,
}
beforeAll(async () => {
  api = await startTestApi({ endpoints: [...ENDPOINTS, numbers, flood], sse: limits })
})
afterAll(() => api.close())
beforeEach(() => {
  upTo = 0
  ended = false
  broken = undefined
})

interface Reading {
  readonly status: number
  readonly headers: Headers
  readonly events: RawEvent[]
  readonly text: () => string
  /** Resolves when the server ended the stream; false: the connection broke. */
  readonly done: Promise<boolean>
  stop(): void
}

async function read(path: string, headers: Record<string, string> = {}, token = api.token): Promise<Reading> {
  const abort = new AbortController()
  const response = await fetch(`${api.url}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: abort.signal,
  })
  const events: RawEvent[] = []
  let text = ''
  const readAll = async (): Promise<boolean> => {
    const parser = new EventParser()
    try {
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += piece
        events.push(...parser.push(piece))
      }
      return true
    } catch {
      return false
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    events,
    text: () => text,
    done: readAll(),
    stop: () => abort.abort(),
  }
}

function numbersOf(reading: Reading): number[] {
  return reading.events
    .filter(({ event }) => event === 'number')
    .map(({ data }) => JSON.parse(data).n as number)
}

test('a stream says what it is, sends what is declared, and ends with `end`', async () => {
  upTo = 3
  const reading = await read('/test/numbers')
  expect(Object.fromEntries(reading.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.any(String),
  })
  await until(() => reading.events.length === 3, { what: 'three events' })
  ended = true
  expect(await reading.done).toBe(true)
  expect(numbersOf(reading)).toEqual([1, 2, 3])
  expect(reading.text().startsWith('retry: 1234\n\n')).toBe(true)
  expect(reading.text().endsWith('event: end\ndata: {}\n\n')).toBe(true)
  expect(reading.text()).not.toContain('secret')
  await until(() => open === 0, { what: 'the source to be closed' })
})

test('it goes on after Last-Event-ID, or ?after= where headers cannot be set', async () => {
  upTo = 5
  ended = true
  const [byHeader, byQuery] = await Promise.all([
    read('/test/numbers', { 'last-event-id': '3' }),
    read('/test/numbers?after=4'),
  ])
  await Promise.all([byHeader.done, byQuery.done])
  expect(numbersOf(byHeader)).toEqual([4, 5])
  expect(numbersOf(byQuery)).toEqual([5])
  for (const id of ['Infinity', '1e999', '-1', '1.5', 'x']) {
    const anew = await read('/test/numbers', { 'last-event-id': id })
    await anew.done
    expect([id, numbersOf(anew)]).toEqual([id, [1, 2, 3, 4, 5]])
    expect((await api.ask('GET', `/test/numbers?after=${id}`)).status).toBe(422)
  }
})

test('comments keep it alive while nothing happens', async () => {
  const reading = await read('/test/numbers')
  await until(() => reading.text().split(': \n\n').length > 3, { what: 'three heartbeats' })
  expect(reading.events).toEqual([])
  reading.stop()
  await until(() => open === 0, { what: 'the source to be closed when the reader has gone' })
})

test('what is wrong at the start is a problem document, not a stream', async () => {
  const missing = await api.ask('GET', '/test/numbers?refuse=1')
  expect([missing.status, missing.body.code]).toEqual([404, 'not_found'])
  const unknown = await api.ask('GET', '/test/numbers?nope=1')
  expect([unknown.status, unknown.body.errors[0].pointer]).toEqual([422, '/query/nope'])
})

test('what breaks later breaks the connection, so that the reader comes back', async () => {
  upTo = 1
  const reading = await read('/test/numbers')
  await until(() => reading.events.length === 1, { what: 'the first event' })
  broken = new Error('secret internals')
  expect(await reading.done).toBe(false)
  expect(reading.text()).not.toMatch(/event: end|secret/)
  await until(() => api.log.some((line) => line.includes('a stream broke')), { what: 'a line in the log' })
})

test('a reader that does not read is dropped; others go on', async () => {
  const droppedAsSlow = async (): Promise<number> =>
    (await metrics.sseDropped.get()).values.find(({ labels }) => labels.reason === 'slow')?.value ?? 0
  const before = await droppedAsSlow()
  const good = await read('/test/numbers', {}, await api.makeToken())
  const paused = await Promise.all(
    Array.from({ length: 20 }, async () => openPaused('/test/flood', await api.makeToken())),
  )
  // Not told by how many are open: they may not have been opened yet.
  await until(async () => (await droppedAsSlow()) === before + 20, {
    what: 'all readers that do not read to be dropped',
    timeoutMs: 20_000,
  })
  await until(() => open === 1, { what: 'their streams to be closed' })
  upTo = 1
  await until(() => good.events.length === 1, { what: 'the reader that reads to get its event' })
  good.stop()
  for (const socket of paused) socket.destroy()
})

async function openPaused(path: string, token: string): Promise<Socket> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  socket.pause()
  return socket
}

describe('limits', () => {
  test('a token has so many streams; closing one makes room', async () => {
    const token = await api.makeToken()
    const readings = await Promise.all([1, 2, 3].map(() => read('/test/numbers', {}, token)))
    const refused = await api.ask('GET', '/test/numbers', { token })
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'too_many_requests',
      '5',
    ])
    const other = await read('/test/numbers', {}, await api.makeToken())
    expect(other.status).toBe(200)
    readings[0]?.stop()
    await until(() => open === 3, { what: 'the first to be closed' })
    const next = await read('/test/numbers', {}, token)
    expect(next.status).toBe(200)
    for (const reading of [...readings, other, next]) reading.stop()
    await until(() => open === 0, { what: 'all to be closed' })
  })

  test('a stream ends when its token is revoked', async () => {
    const token = await api.makeToken({ name: 'soon revoked' })
    const reading = await read('/test/numbers', {}, token)
    const [row] = await api.app.control.query<{ id: number }>(
      `select id from tenantry.api_tokens where name = 'soon revoked'`,
    )
    await revokeToken(api.app.control, row?.id ?? 0)
    expect(await reading.done).toBe(true)
    expect(reading.text()).not.toContain('event: end')
    expect((await api.ask('GET', '/test/numbers', { token })).status).toBe(401)
  })
})

test('the number of open streams is a metric', async () => {
  const value = async (): Promise<number> => (await metrics.sseClients.get()).values[0]?.value ?? 0
  await until(async () => (await value()) === 0, { what: 'no open stream' })
  const reading = await read('/test/numbers')
  expect(await value()).toBe(1)
  reading.stop()
  await until(async () => (await value()) === 0, { what: 'no open stream again' })
})

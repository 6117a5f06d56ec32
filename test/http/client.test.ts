import { createServer, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defineEndpoint, defineStream } from '../../src/api/endpoint.ts'
import { ENDPOINTS, endpointOf } from '../../src/api/index.ts'
import { createClient } from '../../src/client/client.ts'
import { EventParser } from '../../src/client/event-stream.ts'
import { startHttp, type HttpServer } from '../../src/http/server.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { Wakeup } from '../../src/lib/wakeup.ts'
import { until } from '../support/wait.ts'
import { startTestApi, type TestApi } from './api.ts'

let runs = 0
const echo = defineEndpoint({
  id: 'test.echo',
  method: 'POST',
  path: '/test/echo/{name}',
  summary: 'Says what it was asked',
  tag: 'Test',
  scope: 'admin',
  params: { name: z.string() },
  query: { times: z.string().optional() },
  body: z.strictObject({ text: z.string().optional() }),
  status: 200,
  output: z.object({
    name: z.string(),
    times: z.string().nullable(),
    text: z.string().nullable(),
    run: z.int(),
  }),
  async run(_app, { params, query, body }) {
    runs += 1
    if (body.text === 'refuse') {
      throw new TenantryError('server_refused', 'It said no.', {
        sqlstate: '42501',
        server: 'pg-1',
        tenant: 'acme',
        retryable: true,
        errors: [{ pointer: '/text', code: 'no', message: 'no' }],
        nextSteps: ['Ask it nicely.'],
      })
    }
    return { name: params.name, times: query.times ?? null, text: body.text ?? null, run: runs }
  },
})

const pause = new Wakeup()
let upTo = 0
let ended = false
const counting = defineStream({
  id: 'test.counting',
  method: 'GET',
  path: '/test/counting',
  summary: 'Counts',
  tag: 'Test',
  scope: 'admin',
  events: { count: z.object({ n: z.int() }) },
  run: async (_app, { lastEventId, signal }) => count(lastEventId ?? 0, signal),
})

async function* count(after: number, signal: AbortSignal) {
  let n = after
  while (!signal.aborted) {
    while (n < upTo) yield { event: 'count' as const, id: String(++n), data: { n } }
    if (ended) return
    await pause.sleep(20, signal)
  }
}

const endpoints = [...ENDPOINTS, echo, counting]
let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ endpoints })
})
afterAll(() => api.close())
beforeEach(() => {
  runs = 0
  upTo = 0
  ended = false
})

describe('call', () => {
  test('fills path, query and body, and gives the typed answer', async () => {
    const client = createClient({ url: `${api.url}/`, token: () => Promise.resolve(api.token) })
    const answer = await client.call(echo, {
      params: { name: 'ä/ö ?#' },
      query: { times: 'a&b' },
      body: { text: 'x' },
    })
    expect(answer).toEqual({ name: 'ä/ö ?#', times: 'a&b', text: 'x', run: 1 })
    expect(await client.call(echo, { params: { name: 'n' } })).toMatchObject({ times: null, text: null })
  })

  test('gives errors back as they were thrown', async () => {
    const client = createClient({ url: api.url, token: api.token })
    const failure = client.call(echo, { params: { name: 'n' }, body: { text: 'refuse' } })
    await expect(failure).rejects.toBeInstanceOf(TenantryError)
    await expect(failure).rejects.toMatchObject({
      code: 'server_refused',
      message: 'It said no.',
      status: 502,
      exitCode: 1,
      facts: {
        sqlstate: '42501',
        server: 'pg-1',
        tenant: 'acme',
        retryable: true,
        nextSteps: ['Ask it nicely.'],
      },
    })
    await expect(createClient({ url: api.url }).call(endpointOf('tokens.list'))).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })

  test('does a POST once by its key', async () => {
    const client = createClient({ url: api.url, token: api.token })
    const input = { params: { name: 'n' }, idempotencyKey: 'client-1' }
    expect((await client.call(echo, input)).run).toBe(1)
    expect((await client.call(echo, input)).run).toBe(1)
    expect((await client.call(echo, { params: { name: 'n' } })).run).toBe(2)
  })

  test('answers without content, and answers that are text', async () => {
    const client = createClient({ url: api.url, token: api.token })
    const made = await client.call(endpointOf('tokens.create'), { body: { name: 'x', scopes: ['simulate'] } })
    expect(await client.call(endpointOf('tokens.revoke'), { params: { id: made.id } })).toBeUndefined()
    expect(await client.call(endpointOf('metrics.read'))).toContain(
      '# TYPE tenantry_http_request_duration_seconds histogram',
    )
  })

  test('an API that is not there is said to be so', async () => {
    const client = createClient({ url: 'http://127.0.0.1:1', retries: 0 })
    await expect(client.call(endpointOf('health.report'))).rejects.toMatchObject({
      code: 'server_unreachable',
      message: expect.stringMatching(/127\.0\.0\.1:1 cannot be reached/),
      facts: { retryable: true },
    })
  })

  test('a call that is given up is not repeated', async () => {
    const server = await serve(() => undefined)
    const client = createClient({ url: server.url })
    const abort = new AbortController()
    const call = client.call(endpointOf('health.report'), { signal: abort.signal })
    await until(() => server.asked.length === 1, { what: 'the request to arrive' })
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    expect(server.asked).toHaveLength(1)
    await server.close()
  })

  test('a POST whose answer was lost is repeated with the same key, a DELETE is not', async () => {
    const server = await serve((request, response) => {
      if (server.asked.length === 1 || request.method === 'DELETE') response.socket?.destroy()
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"run": 7}')
    })
    const client = createClient({ url: server.url })
    expect(await client.call(echo, { params: { name: 'n' } })).toEqual({ run: 7 })
    expect(server.asked).toHaveLength(2)
    expect(server.asked[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/)
    expect(server.asked[1]?.headers['idempotency-key']).toBe(server.asked[0]?.headers['idempotency-key'])
    await expect(client.call(endpointOf('tokens.revoke'), { params: { id: 1 } })).rejects.toMatchObject({
      code: 'server_unreachable',
    })
    expect(server.asked).toHaveLength(3)
    await server.close()
  })

  test.each([
    [502, 'server_unreachable'],
    [413, 'payload_too_large'],
    [418, 'internal'],
  ])('the page of a proxy with status %i becomes %s', async (status, code) => {
    const server = await serve((_request, response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>no</h1>'),
    )
    const client = createClient({ url: server.url, retries: 0 })
    await expect(client.call(endpointOf('health.live'))).rejects.toMatchObject({ code })
    await server.close()
  })

  test('the token does not follow a redirect', async () => {
    const elsewhere = await serve((_request, response) => response.end('{}'))
    const server = await serve((_request, response) =>
      response.writeHead(307, { location: `${elsewhere.url}/x` }).end(),
    )
    const client = createClient({ url: server.url, token: 'secret', retries: 0 })
    await expect(client.call(endpointOf('health.live'))).rejects.toMatchObject({ code: 'server_unreachable' })
    expect(elsewhere.asked).toHaveLength(0)
    await Promise.all([server.close(), elsewhere.close()])
  })
})

interface TestServer {
  readonly url: string
  readonly asked: Parameters<RequestListener>[0][]
  close(): Promise<void>
}

async function serve(listener: RequestListener): Promise<TestServer> {
  const asked: Parameters<RequestListener>[0][] = []
  const server: Server = createServer((request, response) => {
    asked.push(request)
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

describe('stream', () => {
  test('survives restarts of the server: every event once, in order, and the end', async () => {
    let http: HttpServer = await startHttp(api.app, endpoints, { host: '127.0.0.1', port: 0, graceMs: 100 })
    const port = Number(new URL(http.url).port)
    const client = createClient({ url: http.url, token: api.token })
    const seen: number[] = []
    const losses: string[] = []
    const following = (async () => {
      for await (const { data } of client.stream(counting, { onReconnect: (reason) => losses.push(reason) }))
        seen.push(data.n)
    })()
    for (let round = 1; round <= 3; round++) {
      upTo += 5
      await until(() => seen.length === upTo, { what: `event ${upTo}` })
      await http.close()
      upTo += 5
      await until(() => losses.length >= round, { what: 'the loss to be noticed' })
      http = await startHttp(api.app, endpoints, { host: '127.0.0.1', port, graceMs: 100 })
      await until(() => seen.length === upTo, { what: `event ${upTo} after the restart` })
    }
    ended = true
    await following
    expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
    await http.close()
  })

  test('begins where it is told to', async () => {
    upTo = 5
    ended = true
    const client = createClient({ url: api.url, token: api.token })
    const seen: number[] = []
    for await (const { data } of client.stream(counting, { lastEventId: '3' })) seen.push(data.n)
    expect(seen).toEqual([4, 5])
  })

  test('what trying again does not mend is thrown', async () => {
    const client = createClient({ url: api.url, token: 'wrong' })
    const first = client.stream(counting).next()
    await expect(first).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('leaving the loop or aborting closes the connection', async () => {
    const open = async (): Promise<string> => (await api.ask('GET', '/metrics')).text
    upTo = 1
    const client = createClient({ url: api.url, token: api.token })
    for await (const { data } of client.stream(counting)) {
      expect(data.n).toBe(1)
      expect(await open()).toContain('\ntenantry_sse_clients 1\n')
      break
    }
    await until(async () => (await open()).includes('\ntenantry_sse_clients 0\n'), {
      what: 'the stream to be closed',
    })
    const abort = new AbortController()
    const aborted = (async () => {
      for await (const { id } of client.stream(counting, { signal: abort.signal })) abort.abort(id)
    })()
    await aborted
    await until(async () => (await open()).includes('\ntenantry_sse_clients 0\n'), {
      what: 'the stream to be closed again',
    })
  })
})

describe('the parser of event streams', () => {
  const text =
    ': comment\nretry: 5\n\nid: 1\nevent: a\ndata: x\ndata:y\n\r\ndata\n\nid:2\r\ndata: z\r\n\r\nevent: none\n\ndata: unfinished'
  const expected = [
    { event: 'a', data: 'x\ny', id: '1' },
    { event: 'message', data: '', id: undefined },
    { event: 'message', data: 'z', id: '2' },
  ]

  test('reads what the standard describes, in any pieces', () => {
    for (let size = 1; size <= text.length; size++) {
      const parser = new EventParser()
      const events = []
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)))
      expect([size, events]).toEqual([size, expected])
    }
  })
})

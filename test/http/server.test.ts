import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { afterEach, expect, test } from 'vitest'
import { defineEndpoint } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { startHttp } from '../../src/http/server.ts'
import { until } from '../support/wait.ts'
import { startTestApi, type TestApi, type TestApiOptions } from './api.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

let entered = 0
let gone = 0
let held: PromiseWithResolvers<void>
const slow = defineEndpoint({
  id: 'test.slow',
  method: 'GET',
  path: '/test/slow',
  summary: 'Answers when it is let go',
  tag: 'Test',
  scope: 'admin',
  status: 200,
  output: z.object({ done: z.boolean() }),
  async run(_app, { signal }) {
    entered += 1
    signal.addEventListener('abort', () => (gone += 1))
    await held.promise
    return { done: true }
  },
})

async function start(options: TestApiOptions = {}): Promise<TestApi> {
  entered = 0
  gone = 0
  held = Promise.withResolvers()
  const api = await startTestApi({ endpoints: [...ENDPOINTS, slow], ...options })
  opened.push(api)
  return api
}

async function dial(
  api: TestApi,
  text: string,
): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.setEncoding('utf8').on('data', (piece: string) => (received += piece))
  socket.on('error', () => undefined)
  const closed = once(socket, 'close').catch(() => undefined)
  await once(socket, 'connect')
  socket.write(text)
  return { socket, received: () => received, closed }
}

test('headers that come drop by drop are cut off: 408', async () => {
  const api = await start({ headersTimeoutMs: 300, requestTimeoutMs: 300 })
  const { received, closed } = await dial(api, 'GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  await closed
  expect(received()).toMatch(/^HTTP\/1\.1 408 /)
})

test('a body that never comes is cut off: 408', async () => {
  const api = await start({ headersTimeoutMs: 300, requestTimeoutMs: 600 })
  const head = `POST /tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
  const { received, closed } = await dial(api, head)
  await closed
  expect(received()).toMatch(/^HTTP\/1\.1 408 /)
})

test.each([
  ['no HTTP', 'hello\r\n\r\n'],
  ['headers of 20 kB', `GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`],
  [
    'two lengths',
    'POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
])('%s is answered with 4xx and the connection closed', async (_what, text) => {
  const api = await start()
  const { received, closed } = await dial(api, text)
  await closed
  expect(received()).toMatch(/^HTTP\/1\.1 4\d\d /)
  expect(received()).toContain('"code":"malformed_request"')
  expect((await api.ask('GET', '/livez')).status).toBe(200)
})

test('more connections than allowed are not taken', async () => {
  const api = await start({ maxConnections: 2 })
  const first = await dial(api, '')
  const second = await dial(api, '')
  const third = await dial(api, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
  await third.closed
  expect(third.received()).toBe('')
  first.socket.destroy()
  second.socket.destroy()
  const answered = await until(() => api.ask('GET', '/livez'), { what: 'room to be there again' })
  expect(answered.status).toBe(200)
})

test('whoever goes away while waiting is noticed', async () => {
  const api = await start()
  const abort = new AbortController()
  const asked = api.ask('GET', '/test/slow', { signal: abort.signal }).catch(() => undefined)
  await until(() => entered === 1, { what: 'the request to arrive' })
  abort.abort()
  await asked
  await until(() => gone > 0, { what: 'the signal to be aborted' })
  expect(gone).toBe(1)
  held.resolve()
})

test('closing lets requests in hand finish', async () => {
  const api = await start()
  const asked = api.ask('GET', '/test/slow')
  await until(() => entered === 1, { what: 'the request to arrive' })
  opened.pop()
  const closing = api.close()
  await until(
    () =>
      fetch(`${api.url}/livez`).then(
        () => false,
        () => true,
      ),
    { what: 'no new connection to be taken' },
  )
  held.resolve()
  expect((await asked).body).toEqual({ done: true })
  await closing
})

test('closing waits for nobody longer than its grace', async () => {
  const api = await start({ graceMs: 200 })
  const asked = api.ask('GET', '/test/slow').then(
    (answered) => answered.status,
    () => 'cut off',
  )
  await until(() => entered === 1, { what: 'the request to arrive' })
  opened.pop()
  const begun = performance.now()
  const closing = api.close()
  expect(await asked).toBe('cut off')
  held.resolve()
  await closing
  expect(performance.now() - begun).toBeLessThan(5_000)
})

test('a port that is taken is named', async () => {
  const api = await start()
  const port = Number(new URL(api.url).port)
  await expect(startHttp(api.app, ENDPOINTS, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
})

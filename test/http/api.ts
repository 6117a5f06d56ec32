/** A real API on a real control database, for one test file. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { ENDPOINTS } from '../../src/api/index.ts'
import type { App } from '../../src/api/app.ts'
import type { AnyEndpoint } from '../../src/api/endpoint.ts'
import { readConfig } from '../../src/config.ts'
import { openControl } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import { openKeyring } from '../../src/control/secrets.ts'
import { createToken, type NewToken } from '../../src/control/tokens.ts'
import { startHttp, type HttpOptions } from '../../src/http/server.ts'
import { testDirectory } from '../support/directories.ts'
import { createDatabase } from '../support/postgres.ts'

export interface Ask {
  readonly token?: string | undefined
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Buffer
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly text: string
}

export interface TestApi {
  readonly app: App
  readonly url: string
  /** Scope `admin`. */
  readonly token: string
  /** What the API has logged, line by line. */
  readonly log: readonly string[]
  makeToken(facts?: Partial<NewToken>): Promise<string>
  /** With the admin token unless another, or undefined for none, is given. */
  ask(method: string, path: string, ask?: Ask): Promise<Answered>
  close(): Promise<void>
}

export interface TestApiOptions extends HttpOptions {
  readonly endpoints?: readonly AnyEndpoint[]
  readonly databaseUrl?: string
  readonly environment?: Readonly<Record<string, string>>
}

export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = options.databaseUrl === undefined ? await createDatabase('api') : undefined
  const directory = await testDirectory('api')
  const databaseUrl = options.databaseUrl ?? database?.dsn ?? ''
  const control = openControl({ url: databaseUrl })
  await migrateControl(control)
  const log: string[] = []
  const app: App = {
    config: readConfig({ environment: { ...options.environment, DATABASE_URL: databaseUrl }, directory }),
    control,
    keyring: await openKeyring(join(directory, 'secret.key')),
    log: pino({ level: 'info' }, { write: (line) => void log.push(line) }),
  }
  const makeToken = async (facts: Partial<NewToken> = {}): Promise<string> => {
    const wanted: NewToken = { name: 'test', scopes: ['admin'], kind: 'api', expiresAt: null, ...facts }
    return (await createToken(control, wanted)).token
  }
  const token = await makeToken({ name: 'test admin', kind: 'admin' })
  const server = await startHttp(app, options.endpoints ?? ENDPOINTS, {
    host: '127.0.0.1',
    port: 0,
    ...options,
  })
  return {
    app,
    url: server.url,
    token,
    log,
    makeToken,
    ask: (method, path, ask = {}) => request(`${server.url}${path}`, method, { token, ...ask }),
    async close() {
      await server.close()
      await control.close()
      await database?.drop()
      await rm(directory, { recursive: true })
    },
  }
}

async function request(url: string, method: string, ask: Ask): Promise<Answered> {
  const body = ask.raw ?? (ask.body === undefined ? undefined : JSON.stringify(ask.body))
  const response = await fetch(url, {
    method,
    headers: {
      ...(ask.token === undefined ? {} : { authorization: `Bearer ${ask.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...ask.headers,
    },
    ...(body === undefined ? {} : { body }),
    ...(ask.signal === undefined ? {} : { signal: ask.signal }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : undefined,
    text,
  }
}

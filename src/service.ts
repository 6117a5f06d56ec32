/** A running Tenantry: database, API and workers, started in order and ended in order. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { App } from './api/app.ts'
import { ENDPOINTS } from './api/index.ts'
import { ownEnvironment, type Config } from './config.ts'
import { ensureFirstToken } from './control/first-token.ts'
import { Children } from './engine/children.ts'
import { startHttp } from './http/server.ts'
import { startLocal, type Local } from './provisioning/local.ts'
import { registerAtStart } from './provisioning/first-server.ts'
import { openApp, startWorker } from './serve.ts'

export type Role = 'api' | 'worker' | 'all'

export interface ServiceOptions {
  readonly role: Role
  readonly config: Config
  readonly log: Logger
  /** The program's own starter: more worker processes are made with it. */
  readonly starter: string
  /** Settings of the embedded server beside its own. */
  readonly postgres?: Record<string, string>
}

export interface Service {
  readonly app: App
  /** Of the API; undefined for workers alone. */
  readonly url: string | undefined
  /** True when the control database is the embedded server. */
  readonly embedded: boolean
  /** Settles when the embedded server ends by itself; never otherwise. */
  readonly broken: Promise<string>
  /** Drains workers, ends requests, stops the embedded server. */
  stop(): Promise<void>
  /** The short end: nothing is waited for. What was in hand is taken over or undone at the next start. */
  abandon(): void
}

/**
 * Starts what `role` says. Without `config.databaseUrl` the embedded PostgreSQL is started and is the first server.
 * @throws TenantryError for whatever cannot be started; what was started before is stopped again.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  await using parts = new AsyncDisposableStack()
  const { config, log, role } = options
  const local =
    config.databaseUrl === undefined ? await startLocal(config.stateDir, options.postgres) : undefined
  if (local !== undefined) parts.defer(() => local.embedded.stop())
  const controlUrl = local?.controlUrl ?? config.databaseUrl ?? ''
  const app = await openApp(config, controlUrl, log)
  parts.defer(() => app.close())
  // Workers do not register: whoever serves the API does, and they may start at the same moment.
  if (role !== 'worker') await registerAtStart(app, local)
  const url = role === 'worker' ? undefined : await startApi(app, parts)
  const children = role === 'api' ? undefined : await startWorkers(app, controlUrl, options, parts)
  const all = parts.move()
  let serverRuns = local !== undefined
  void local?.embedded.exited.then(() => (serverRuns = false))
  return {
    app,
    url,
    embedded: local !== undefined,
    broken: broken(local),
    stop: () => all.disposeAsync(),
    abandon() {
      children?.kill()
      // Once it has ended, its number may belong to another process.
      if (local !== undefined && serverRuns) process.kill(local.embedded.pid, 'SIGINT')
    },
  }
}

async function startApi(app: App, parts: AsyncDisposableStack): Promise<string> {
  const { config } = app
  await ensureFirstToken(app.control, config.tokenFile)
  const server = await startHttp(app, ENDPOINTS)
  parts.defer(() => server.close())
  const url = server.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 })
  const text = `${JSON.stringify({ url, pid: process.pid })}\n`
  await writeFile(config.apiFile, text)
  parts.defer(async () => {
    // Another process of this directory may have taken over the place.
    if ((await readFile(config.apiFile, 'utf8').catch(() => '')) === text) await rm(config.apiFile)
  })
  return url
}

/** One worker in this process, the others in processes of their own. */
async function startWorkers(
  app: App,
  controlUrl: string,
  options: ServiceOptions,
  parts: AsyncDisposableStack,
): Promise<Children> {
  const { config, log } = options
  const { worker } = await startWorker(app, controlUrl)
  const children = new Children({
    count: config.workerProcesses - 1,
    file: options.starter,
    // Whoever started them says that they run.
    args: ['serve', '--role', 'worker', '--quiet', '--output', 'none'],
    env: {
      ...ownEnvironment(),
      DATABASE_URL: controlUrl,
      TENANTRY_STATE_DIR: config.stateDir,
      TENANTRY_SECRET_KEY_FILE: config.secretKeyFile,
      LOG_LEVEL: config.logLevel,
      WORKERS: '1',
    },
    onDeath: (facts) => log.error(facts, 'a worker process has ended; another is started'),
  })
  parts.defer(() => Promise.all([worker.drain(), children.stop()]).then(() => undefined))
  return children
}

async function broken(local: Local | undefined): Promise<string> {
  const { promise: never } = Promise.withResolvers<never>()
  if (local === undefined) return never
  const code = await local.embedded.exited
  return `The embedded PostgreSQL has ended${code === null ? '' : ` with exit code ${code}`}; its log is ${join(local.embedded.dataDir, '..', 'postgres.log')}`
}

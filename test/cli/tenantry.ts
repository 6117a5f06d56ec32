/** The real program: run to its end, or kept running. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../src/engine/ports.ts'
import { testDirectory } from '../support/directories.ts'
import { createDatabase, sharedServer, type TestDatabase } from '../support/postgres.ts'
import { until } from '../support/wait.ts'

export const STARTER = path.resolve(import.meta.dirname, '../../bin/tenantry.js')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: Record<string, string>
  readonly input?: string
  /** Arguments for Node itself. */
  readonly node?: readonly string[]
}

/** A program that runs: what it has written so far, and how to end it. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''

  constructor(args: readonly string[], options: RunOptions) {
    this.child = spawn(process.execPath, [...(options.node ?? []), STARTER, ...args], {
      cwd: options.cwd,
      // Nothing of the surroundings that could be a setting.
      env: { PATH: process.env['PATH'] ?? '', HOME: options.cwd, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (data: Buffer) => (this.stdout += data.toString()))
    this.child.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString()))
    this.child.stdin?.on('error', () => undefined)
    this.child.stdin?.end(options.input ?? '')
    this.ended = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }))
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Waits until it has written this. */
  async says(pattern: RegExp, timeoutMs = 20_000): Promise<void> {
    await until(() => pattern.test(this.stdout + this.stderr), {
      timeoutMs,
      what: `${pattern} from tenantry`,
    }).catch((error: unknown) => {
      throw new Error(`It said:\n${this.stdout}\n${this.stderr}`, { cause: error })
    })
  }
}

/** Runs a command to its end. */
export function tenantry(args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Running(args, options).ended
}

export interface Up {
  readonly directory: string
  readonly url: string
  readonly port: number
  readonly database: TestDatabase
  /** A command in its directory. */
  run(...args: string[]): Promise<Ended>
  /** The same, with the answer as JSON. @throws when it failed */
  // oxlint-disable-next-line typescript/no-explicit-any
  json(...args: string[]): Promise<any>
  start(...args: string[]): Running
  /** The service itself; another one after a restart. */
  readonly service: Running
  /** SIGKILL. */
  killService(): Promise<void>
  /** Starts it again on the same port. */
  startService(): Promise<void>
  /** Ends it and removes what it had. */
  remove(): Promise<void>
}

/** `tenantry up` on the run's shared server, which is its tenant server as well. */
export async function startUp(env: Record<string, string> = {}): Promise<Up> {
  const directory = await testDirectory('cli')
  const database = await createDatabase('cli')
  const { host, port, user, password } = sharedServer()
  const settings = {
    DATABASE_URL: database.dsn,
    DB_ENDPOINT: host,
    DB_PORT: String(port),
    DB_USERNAME: user,
    DB_PASSWORD: password,
    LOG_LEVEL: 'warn',
    APP_HOST_PORT: String(await freePort()),
    ...env,
  }
  const start = async (): Promise<Running> => {
    const running = new Running(['up', '-o', 'json'], { cwd: directory, env: settings })
    await running.says(/"url"/)
    return running
  }
  let service = await start()
  const { url } = JSON.parse(service.stdout) as { url: string }
  const run = (...args: string[]): Promise<Ended> => tenantry(args, { cwd: directory })
  return {
    directory,
    url,
    port: Number(new URL(url).port),
    database,
    run,
    start: (...args) => new Running(args, { cwd: directory }),
    async json(...args) {
      const ended = await run('-o', 'json', ...args)
      if (ended.code !== 0) throw new Error(`tenantry ${args.join(' ')}: exit ${ended.code}\n${ended.stderr}`)
      return JSON.parse(ended.stdout) as unknown
    },
    get service() {
      return service
    },
    async killService() {
      service.kill('SIGKILL')
      await service.ended
    },
    async startService() {
      service = await start()
    },
    async remove() {
      const early = service.child.exitCode ?? service.child.signalCode
      service.kill('SIGTERM')
      const { stderr } = await service.ended
      if (early !== null) throw new Error(`The service ended by itself (${early}):\n${stderr}`)
      await database.drop()
      await rm(directory, { recursive: true })
    },
  }
}

/** Where a service of this directory says that it listens. */
export async function readApiFile(directory: string): Promise<{ url: string; pid: number }> {
  return JSON.parse(await readFile(path.join(directory, '.tenantry/api.json'), 'utf8')) as {
    url: string
    pid: number
  }
}

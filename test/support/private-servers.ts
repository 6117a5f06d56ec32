/**
 * Servers of one test's own, to be killed, restarted, filled up: embedded PostgreSQL 18, Debian's 15, and others whose
 * programs are at hand.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from '../../src/engine/embedded.ts'
import {
  ENVIRONMENT,
  giveTo,
  identity,
  renderAccess,
  renderConfig,
  replaceFile,
  type ServerFiles,
  serverFiles,
  writeConfig,
} from '../../src/engine/embedded-files.ts'
import {
  becomesReady,
  killRunning,
  launch,
  type Running,
  stopRunning,
} from '../../src/engine/embedded-process.ts'
import { freePort } from '../../src/engine/ports.ts'
import { logTail, testDirectory } from './directories.ts'
import type { SharedServer } from './global-setup.ts'
import { programPath } from './programs.ts'

export interface PrivateServer extends SharedServer {
  readonly stateDir: string
  readonly dataDir: string
  /** Of the postmaster; another one after a restart. */
  readonly pid: number
  readonly stop: () => Promise<void>
  /** SIGKILL to the server and its children. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same port; also stops it first when it runs. */
  readonly restart: () => Promise<void>
  /** Stops it and removes its data. */
  readonly remove: () => Promise<void>
}

type Options = Pick<EmbeddedOptions, 'settings' | 'auth'>

/** A PostgreSQL 18 with durable settings unless `settings` says otherwise. */
export async function startPrivateServer(options: Options = {}): Promise<PrivateServer> {
  const stateDir = await testDirectory('private')
  const start = async (port?: number): Promise<EmbeddedServer> =>
    await startEmbedded({ ...options, stateDir, noSync: true, ...(port === undefined ? {} : { port }) })
  let server = await start()
  const { host, port, superuser, dataDir } = server
  const stop = async (): Promise<void> => await server.stop()
  return {
    host,
    port,
    ...superuser,
    stateDir,
    dataDir,
    get pid() {
      return server.pid
    },
    stop,
    kill: async () => await server.kill(),
    restart: async () => {
      await stop()
      server = await start(port)
    },
    remove: async () => {
      await stop()
      await rm(stateDir, { recursive: true })
    },
  }
}

/** Debian's PostgreSQL 15; needs `withProgram('postgres15')`. */
export function startDebianServer(options: Options = {}): Promise<PrivateServer> {
  return startProgram(programPath('postgres15'), options, initialiseWith(programPath('initdb15')))
}

/** A server of the `initdb` and `postgres` in this directory. */
export function startServerIn(directory: string, options: Options = {}): Promise<PrivateServer> {
  const initdb = path.join(directory, 'initdb')
  return startProgram(path.join(directory, 'postgres'), options, initialiseWith(initdb))
}

/** A streaming replica of such a server, copied from it; needs `withProgram('postgres15', 'basebackup15')`. */
export function startDebianReplica(of: PrivateServer, options: Options = {}): Promise<PrivateServer> {
  return startProgram(programPath('postgres15'), options, (files) => {
    const args = ['-h', of.host, '-p', String(of.port), '-U', of.user, '-D', files.dataDir]
    return run(programPath('basebackup15'), [...args, '-R', '-c', 'fast', '--no-sync'], files, {
      PGPASSWORD: of.password,
    })
  })
}

async function startProgram(
  program: string,
  options: Options,
  fill: (files: ServerFiles, password: string) => Promise<void>,
): Promise<PrivateServer> {
  const files = await serverFiles(await testDirectory('debian'))
  const place = { port: await freePort(), socketDir: path.join(files.stateDir, 'run') }
  const password = 'debian superuser'
  await mkdir(place.socketDir, { mode: 0o700 })
  await giveTo(files.account, place.socketDir)
  await mkdir(files.dataDir, { mode: 0o700 })
  await giveTo(files.account, files.dataDir)
  await fill(files, password)
  const config = renderConfig(place, options.settings ?? {})
  await writeConfig(files, {
    'postgresql.conf': config,
    'pg_hba.conf': renderAccess(options.auth ?? 'scram'),
  })

  const start = async (): Promise<Running> => {
    const running = await launch(files, program)
    if (await becomesReady(running, place, password)) return running
    throw new Error(`${program} ended while starting:\n${await logTail(files.log)}`)
  }
  let running = await start()
  const stop = async (): Promise<void> => await stopRunning(running)
  return {
    host: '127.0.0.1',
    port: place.port,
    user: 'postgres',
    password,
    stateDir: files.stateDir,
    dataDir: files.dataDir,
    get pid() {
      return running.pid
    },
    stop,
    kill: async () => await killRunning(running),
    restart: async () => {
      await stop()
      running = await start()
    },
    remove: async () => {
      await stop()
      await rm(files.stateDir, { recursive: true })
    },
  }
}

function initialiseWith(initdb: string) {
  return async (files: ServerFiles, password: string): Promise<void> => {
    const passwordFile = path.join(files.stateDir, 'run', 'initial-password')
    await replaceFile(passwordFile, `${password}\n`, 0o600, files.account)
    const args = [
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-sync',
    ]
    await run(initdb, [...args, '-D', files.dataDir], files)
  }
}

async function run(
  program: string,
  args: readonly string[],
  files: ServerFiles,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, {
    cwd: files.dataDir,
    ...identity(files),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...ENVIRONMENT, ...env },
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${program} failed with exit code ${code}`)
}

/**
 * A real PostgreSQL 18 in a directory of its own, started from npm's binaries: also as root (it then runs as
 * `nobody`), without touching the host, and able to survive the death of the process that started it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { messageOf, TenantryError } from '../lib/errors.ts'
import {
  absent,
  giveTo,
  readState,
  renderAccess,
  renderConfig,
  replaceFile,
  type ServerFiles,
  serverFiles,
  socketDirectory,
  superuserPassword,
  writeConfig,
  writeState,
} from './embedded-files.ts'
import { canEnter, type PostgresBinaries, postgresBinaries, temporaryDirectory } from './postgres-binaries.ts'
import { childrenOf, isRunning, processesIn, processInfo, signal, waitUntilGone } from './processes.ts'

export interface EmbeddedOptions {
  /** Holds `data/`, `run/`, the log, the superuser's password and, where needed, a copy of the programs. */
  stateDir: string
  /** Default: the port of the last start when it is free, else any free one. */
  port?: number
  /** PostgreSQL settings that override the defaults of `DEFAULT_SETTINGS`. */
  settings?: Record<string, string>
  /** How logins are checked; default `scram`. */
  auth?: 'scram' | 'trust'
  /** Do not wait for the disk while the data directory is made. */
  noSync?: boolean
}

export interface EmbeddedServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly socketDir: string
  readonly dataDir: string
  readonly pid: number
  readonly superuser: { readonly user: 'postgres'; readonly password: string }
  /** Fast stop: sessions are ended, the data is flushed. */
  stop(): Promise<void>
  /** SIGKILL to the server and all its children: a power cut without the loss of the page cache. */
  kill(): Promise<void>
  /** Settles when the server has ended: its exit code, null after a signal or when it was adopted. */
  readonly exited: Promise<number | null>
}

/** Crash recovery may take a while; a start that takes longer than this has gone wrong. */
const START_MS = 120_000
const STOP_MS = 60_000
const KILL_MS = 10_000
const POLL_MS = 15
const PORT_ATTEMPTS = 5
/** The version whose data the installed programs read. */
const MAJOR = '18'
/** Answers of a server that is about to be ready: no socket yet, starting or stopping, every slot taken. */
const STARTING = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P03', '53300'])
/** Nothing of the host's environment: its locale, time zone and PG* variables would change the server. */
const ENVIRONMENT = { LC_ALL: 'C.UTF-8', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' }
/** The directory that a process stands in, reached without entering the directories above it. */
const HERE = '/proc/self/cwd'
const LOG_LIMIT_BYTES = 10 * 1024 * 1024

interface Place {
  readonly port: number
  readonly socketDir: string
}

interface Running {
  readonly pid: number
  readonly startedAt: string
  readonly exited: Promise<number | null>
}

/**
 * Starts the server of `stateDir`, making it on the first call (about a second; 0.2 s afterwards). A server left
 * behind by a killed process is adopted. The running server does not keep this process alive, and is not stopped
 * by a terminal's Ctrl-C: call `stop()`.
 *
 * @throws TenantryError `conflict` (in use by another process), `program_missing`, `invalid_config`,
 *   `server_unreachable` (it died while starting: the message holds the end of its log)
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const files = await serverFiles(options.stateDir)
  const claim = await claimDirectory(files)
  try {
    return await startClaimed(files, options, () => claim.close())
  } catch (thrown) {
    claim.close()
    throw thrown
  }
}

async function startClaimed(files: ServerFiles, options: EmbeddedOptions, release: () => void): Promise<EmbeddedServer> {
  const state = await readState(files)
  const password = await superuserPassword(files)
  const runtimeDir = files.reachable ? files.stateDir : await keptOrTemporary(files, state.runtimeDir)
  const binaries = await postgresBinaries(files.account, runtimeDir)
  const socketDir = await socketDirectory(files, state)
  await initialise(files, binaries, { socketDir, password, noSync: options.noSync ?? false })

  const orphan = await findOrphan(files)
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort(options.port, state.port, orphan)
    const place = { port, socketDir }
    const config = renderConfig(place, options.settings ?? {})
    const changed = await writeConfig(files, config, renderAccess(options.auth ?? 'scram'))
    await writeState(files, { stateDir: files.stateDir, port, socketDir, ...(files.reachable ? {} : { runtimeDir }) })
    if (orphan !== undefined && changed) await stopRunning(orphan)
    if (orphan !== undefined && (await becomesReady(orphan, place, password))) {
      return serverHandle(files, orphan, place, password, release)
    }
    const logged = (await stat(files.log).catch(absent))?.size ?? 0
    const running = await launch(files, binaries)
    if (await becomesReady(running, place, password)) return serverHandle(files, running, place, password, release)
    // Between the choice of a free port and its use another program may have taken it.
    const portLost = options.port === undefined && attempt < PORT_ATTEMPTS && !(await isFree(port))
    if (!portLost) throw await diedAtStart(files, logged)
  }
}

function serverHandle(
  files: ServerFiles,
  running: Running,
  place: Place,
  password: string,
  release: () => void,
): EmbeddedServer {
  let stopping: Promise<void> | undefined
  const exited = running.exited.finally(release)
  const tidy = async (): Promise<void> => {
    await exited
    if (path.dirname(place.socketDir) !== files.stateDir) await rm(place.socketDir, { recursive: true, force: true })
  }
  return {
    host: '127.0.0.1',
    port: place.port,
    socketDir: place.socketDir,
    dataDir: files.dataDir,
    pid: running.pid,
    superuser: { user: 'postgres', password },
    exited,
    stop: () => (stopping ??= stopRunning(running).then(tidy)),
    kill: async () => {
      await killRunning(running)
      await tidy()
    },
  }
}

/**
 * Holds the directory for this process. An abstract Unix socket is the lock: the kernel gives it to one process
 * and takes it back when that process dies, so it is never stale.
 */
async function claimDirectory(files: ServerFiles): Promise<Server> {
  const server = createServer((socket) => socket.end(String(process.pid)))
  server.unref()
  const { dev, ino } = await stat(files.stateDir)
  server.listen({ path: `\0tenantry-embedded-${dev}-${ino}`, exclusive: true })
  try {
    await once(server, 'listening')
    return server
  } catch (cause) {
    throw new TenantryError('conflict', `Another live process already runs the embedded server in ${files.stateDir}`, {
      cause,
      nextSteps: ['Stop that process first', 'Or use another state directory'],
    })
  }
}

async function keptOrTemporary(files: ServerFiles, kept: string | undefined): Promise<string> {
  if (kept !== undefined && (await canEnter(kept, files.account).catch(() => false))) {
    const { uid } = await stat(kept)
    if (uid === process.getuid?.()) return kept
  }
  const made = await temporaryDirectory('tenantry-postgres-', files.account)
  await chmod(made, 0o755)
  return made
}

/** Makes the data directory unless it is there; one cut short by a crash is made anew. */
async function initialise(
  files: ServerFiles,
  binaries: PostgresBinaries,
  options: { socketDir: string; password: string; noSync: boolean },
): Promise<void> {
  const version = await readFile(path.join(files.dataDir, 'PG_VERSION'), 'utf8').catch(absent)
  if (version?.trim() === MAJOR) return
  if (version !== undefined) {
    throw new TenantryError('conflict', `${files.dataDir} was made by PostgreSQL ${version.trim()}, not ${MAJOR}`, {
      nextSteps: ['Use another state directory, or serve the old data by its own version and set DATABASE_URL'],
    })
  }
  const unfinished = path.join(files.stateDir, 'data.unfinished')
  const passwordFile = path.join(options.socketDir, 'initial-password')
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  await giveTo(files.account, unfinished)
  await replaceFile(passwordFile, `${options.password}\n`, 0o600, files.account)
  const args = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions')
  args.push(options.noSync ? '--no-sync' : '--sync-method=fsync')
  try {
    await runInitdb(files, binaries.initdb, [...args, '-D', files.reachable ? unfinished : HERE], unfinished)
    await rename(unfinished, files.dataDir)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function runInitdb(files: ServerFiles, initdb: string, args: string[], cwd: string): Promise<void> {
  const child = spawn(initdb, args, { cwd, ...identity(files), stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT })
  const output: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code === 0) return
  const text = output.join('').trim()
  if (text.includes('could not look up effective user ID')) {
    throw new TenantryError('invalid_config', `PostgreSQL needs a user with a name: uid ${files.account.uid} has no passwd entry`, {
      nextSteps: ['Run as a user that is listed in /etc/passwd, or as root', 'Or set DATABASE_URL to a server of your own'],
    })
  }
  throw new TenantryError('server_unreachable', `initdb failed (exit ${code}) in ${cwd}: ${lastLines(text)}`)
}

/** Starts the server in a session of its own: a terminal's Ctrl-C reaches us only, and we stop it when drained. */
async function launch(files: ServerFiles, binaries: PostgresBinaries): Promise<Running> {
  const { size } = (await stat(files.log).catch(absent)) ?? { size: 0 }
  if (size > LOG_LIMIT_BYTES) await rename(files.log, `${files.log}.1`)
  const log = await open(files.log, 'a', 0o600)
  try {
    const child = spawn(binaries.postgres, ['-D', files.reachable ? files.dataDir : HERE], {
      cwd: files.dataDir,
      ...identity(files),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: ENVIRONMENT,
    })
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await once(child, 'spawn')
    child.unref()
    const pid = child.pid ?? 0
    return { pid, startedAt: (await processInfo(pid))?.startedAt ?? '', exited }
  } catch (cause) {
    throw new TenantryError('server_unreachable', `${binaries.postgres} cannot be run: ${messageOf(cause)}`, { cause })
  } finally {
    await log.close()
  }
}

/**
 * The server that a killed process left running on this data, if there is one. Also clears the way when there is
 * none: waits for the last children of a killed server, and removes a pid file whose number now names another program.
 */
async function findOrphan(files: ServerFiles): Promise<Running | undefined> {
  const pidFile = path.join(files.dataDir, 'postmaster.pid')
  const text = await readFile(pidFile, 'utf8').catch(absent)
  if (text === undefined) return undefined
  const pid = Number.parseInt(text, 10)
  const ours = await processesIn(files.dataDir, 'postgres')
  const info = ours.includes(pid) ? await processInfo(pid) : undefined
  if (info !== undefined) return { pid, startedAt: info.startedAt, exited: untilEnded(pid, info.startedAt) }
  if (!(await waitUntilGone(ours, KILL_MS))) {
    throw new TenantryError('conflict', `Processes of a killed server still use ${files.dataDir}: ${ours.join(', ')}`, {
      nextSteps: ['Wait until their statements end, or end them: kill ' + ours.join(' ')],
    })
  }
  if (await isRunning(pid)) await rm(pidFile)
  return undefined
}

async function untilEnded(pid: number, startedAt: string): Promise<null> {
  while (await isRunning(pid, startedAt)) await delay(100, undefined, { ref: false })
  return null
}

async function choosePort(wanted: number | undefined, last: number | undefined, orphan?: Running): Promise<number> {
  const port = wanted ?? last
  if (port !== undefined && (port === last && orphan !== undefined)) return port
  if (port !== undefined && (await isFree(port))) return port
  if (wanted === undefined) return await freePort()
  throw new TenantryError('conflict', `Port ${wanted} on 127.0.0.1 is taken by another program`, {
    nextSteps: ['Leave the port out to get a free one', `See who has it: ss -ltnp 'sport = :${wanted}'`],
  })
}

async function isFree(port: number): Promise<boolean> {
  return (await freePort(port).catch(() => undefined)) !== undefined
}

async function freePort(port = 0): Promise<number> {
  const probe = createServer()
  probe.listen({ host: '127.0.0.1', port, exclusive: true })
  await once(probe, 'listening')
  const address = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return address.port
}

/** Logs in until it works; false when the server ends first. */
async function becomesReady(running: Running, place: Place, password: string): Promise<boolean> {
  const deadline = Date.now() + START_MS
  while (await isRunning(running.pid, running.startedAt)) {
    const failure = await tryLogin(place, password)
    if (failure === undefined) return true
    if (!STARTING.has(failure.code ?? '') || Date.now() > deadline) {
      throw new TenantryError('server_unreachable', `The embedded server does not let us in: ${failure.message}`, {
        cause: failure,
      })
    }
    await delay(POLL_MS)
  }
  return false
}

async function tryLogin(place: Place, password: string): Promise<(Error & { code?: string }) | undefined> {
  const client = new pg.Client({ host: place.socketDir, port: place.port, user: 'postgres', password, database: 'postgres' })
  try {
    await client.connect()
    await client.end()
    return undefined
  } catch (thrown) {
    return thrown as Error & { code?: string }
  }
}

async function stopRunning(running: Running): Promise<void> {
  for (const [name, patience] of [['SIGINT', STOP_MS], ['SIGQUIT', KILL_MS]] as const) {
    if (await isRunning(running.pid, running.startedAt)) signal(running.pid, name)
    if (await endsWithin(running, patience)) return
  }
  await killRunning(running)
}

async function endsWithin(running: Running, patience: number): Promise<boolean> {
  const timer = new AbortController()
  const late = delay(patience, false, { signal: timer.signal }).catch(() => false)
  const ended = await Promise.race([running.exited.then(() => true), late])
  timer.abort()
  return ended
}

async function killRunning(running: Running): Promise<void> {
  if (!(await isRunning(running.pid, running.startedAt))) return
  // Held still first, so that it starts no child between the count and the kill.
  signal(running.pid, 'SIGSTOP')
  const all = [running.pid, ...(await childrenOf(running.pid))]
  for (const pid of all) signal(pid, 'SIGKILL')
  if (await waitUntilGone(all, KILL_MS)) return
  throw new TenantryError('internal', `The server's processes do not end after SIGKILL: ${all.join(', ')}`)
}

async function diedAtStart(files: ServerFiles, from: number): Promise<TenantryError> {
  const log = await readFile(files.log)
  const text = log.subarray(from < log.length ? from : 0).toString('utf8')
  return new TenantryError('server_unreachable', `The embedded server ended while starting: ${lastLines(text)}`, {
    nextSteps: [`Read ${files.log}`],
  })
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-12).join('\n')
}

function identity(files: ServerFiles): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: files.account.uid, gid: files.account.gid } : {}
}

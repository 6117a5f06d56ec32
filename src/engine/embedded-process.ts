/** The embedded server as a process: started, found again, asked whether it answers, ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { absent, ENVIRONMENT, HERE, identity, type ServerFiles } from './embedded-files.ts'
import { childrenOf, isRunning, processesIn, processInfo, signal, waitUntilGone } from './processes.ts'

export interface Place {
  readonly port: number
  readonly socketDir: string
}

/** A server process, started by us or found running. */
export interface Running {
  readonly pid: number
  readonly startedAt: string
  readonly exited: Promise<number | null>
}

/** Crash recovery may take a while; a start that takes longer than this has gone wrong. */
const START_MS = 120_000
const STOP_MS = 60_000
const KILL_MS = 10_000
/** Each early login leaves a line in the server's log, so a long recovery is asked less often. */
const FIRST_POLL_MS = 15
const LAST_POLL_MS = 250
/** Answers of a server that is about to be ready: no socket yet, starting or stopping, every slot taken. */
const STARTING = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P03', '53300'])
const LOG_LIMIT_BYTES = 10 * 1024 * 1024

/** Starts the server in a session of its own: a terminal's Ctrl-C reaches us only, and we stop it when drained. */
export async function launch(files: ServerFiles, postgres: string): Promise<Running> {
  const { size } = (await stat(files.log).catch(absent)) ?? { size: 0 }
  if (size > LOG_LIMIT_BYTES) await rename(files.log, `${files.log}.1`)
  const log = await open(files.log, 'a', 0o600)
  try {
    const child = spawn(postgres, ['-D', files.reachable ? files.dataDir : HERE], {
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
    throw new TenantryError('server_unreachable', `${postgres} cannot be run: ${messageOf(cause)}`, { cause })
  } finally {
    await log.close()
  }
}

/**
 * The server that a killed process left running on this data, if there is one. Also clears the way when there is
 * none: ends the last children of a killed server, and removes a pid file whose number now names another program.
 */
export async function findOrphan(files: ServerFiles): Promise<Running | undefined> {
  const pidFile = path.join(files.dataDir, 'postmaster.pid')
  const text = await readFile(pidFile, 'utf8').catch(absent)
  if (text === undefined) return undefined
  const pid = Number.parseInt(text, 10)
  const ours = await processesIn(files.dataDir, 'postgres')
  const info = ours.includes(pid) ? await processInfo(pid) : undefined
  if (info !== undefined) return { pid, startedAt: info.startedAt, exited: untilEnded(pid, info.startedAt) }
  // Children of a killed server end by themselves once idle; a busy one would hold up the start for as long.
  for (const child of ours) signal(child, 'SIGKILL')
  if (!(await waitUntilGone(ours, KILL_MS))) {
    throw new TenantryError(
      'conflict',
      `Processes of a killed server still use ${files.dataDir}: ${ours.join(', ')}`,
      {
        nextSteps: ['They do not end after SIGKILL: look whether their disk answers'],
      },
    )
  }
  if (await isRunning(pid)) await rm(pidFile)
  return undefined
}

async function untilEnded(pid: number, startedAt: string): Promise<null> {
  while (await isRunning(pid, startedAt)) await delay(100, undefined, { ref: false })
  return null
}

/** Logs in until it works; false when the server ends first. */
export async function becomesReady(running: Running, place: Place, password: string): Promise<boolean> {
  const deadline = Date.now() + START_MS
  let pause = FIRST_POLL_MS
  while (await isRunning(running.pid, running.startedAt)) {
    const failure = await tryLogin(place, password)
    if (failure === undefined) return true
    if (!STARTING.has(failure.code ?? '') || Date.now() > deadline) {
      throw new TenantryError(
        'server_unreachable',
        `The embedded server does not let us in: ${failure.message}`,
        {
          cause: failure,
        },
      )
    }
    await delay(pause)
    pause = Math.min(pause * 1.5, LAST_POLL_MS)
  }
  return false
}

async function tryLogin(place: Place, password: string): Promise<(Error & { code?: string }) | undefined> {
  const client = new pg.Client({
    host: place.socketDir,
    port: place.port,
    user: 'postgres',
    password,
    database: 'postgres',
  })
  try {
    await client.connect()
    await client.end()
    return undefined
  } catch (thrown) {
    return thrown as Error & { code?: string }
  }
}

export async function stopRunning(running: Running): Promise<void> {
  for (const [name, patience] of [
    ['SIGINT', STOP_MS],
    ['SIGQUIT', KILL_MS],
  ] as const) {
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

export async function killRunning(running: Running): Promise<void> {
  if (!(await isRunning(running.pid, running.startedAt))) return
  // Held still first, so that it starts no child between the count and the kill.
  signal(running.pid, 'SIGSTOP')
  const all = [running.pid, ...(await childrenOf(running.pid))]
  for (const pid of all) signal(pid, 'SIGKILL')
  if ((await waitUntilGone(all, KILL_MS)) && (await endsWithin(running, KILL_MS))) return
  throw new TenantryError('internal', `The server's processes do not end after SIGKILL: ${all.join(', ')}`)
}

export async function diedAtStart(files: ServerFiles, from: number): Promise<TenantryError> {
  const log = await readFile(files.log)
  const text = log.subarray(from < log.length ? from : 0).toString('utf8')
  return new TenantryError(
    'server_unreachable',
    `The embedded server ended while starting: ${lastLines(text)}`,
    {
      nextSteps: [`Read ${files.log}`],
    },
  )
}

export function lastLines(text: string): string {
  return text.trim().split('\n').slice(-12).join('\n')
}

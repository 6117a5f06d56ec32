/** What Linux says of running processes: enough to tell a live server from a stale pid file. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProcessInfo {
  readonly pid: number
  readonly parent: number
  /** Clock ticks since boot at which it started; with the pid it names one process for good. */
  readonly startedAt: string
  readonly zombie: boolean
}

/** Reads `/proc/<pid>/stat`; undefined when there is no such process. */
export async function processInfo(pid: number): Promise<ProcessInfo | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(goneAsUndefined)
  if (stat === undefined) return undefined
  // The command name may hold spaces and brackets: fields are counted from its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    parent: Number(fields[1]),
    startedAt: fields[19] ?? '',
    zombie: fields[0] === 'Z' || fields[0] === 'X',
  }
}

/** The pids of live processes of `program` whose working directory is `directory` (a real path). */
export async function processesIn(directory: string, program: string): Promise<number[]> {
  return await selectPids(async (pid) => {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(goneAsUndefined)
    if (cwd !== directory) return false
    const executable = await readlink(`/proc/${pid}/exe`).catch(goneAsUndefined)
    return executable !== undefined && path.basename(executable).replace(' (deleted)', '') === program
  })
}

export async function childrenOf(parent: number): Promise<number[]> {
  return await selectPids(async (pid) => (await processInfo(pid))?.parent === parent)
}

/** Whether the process runs; `startedAt` tells it from a later process with the same pid. */
export async function isRunning(pid: number, startedAt?: string): Promise<boolean> {
  const info = await processInfo(pid)
  if (info === undefined || info.zombie) return false
  return startedAt === undefined || info.startedAt === startedAt
}

/** Waits until none of the processes runs; true when they are gone, false after `timeoutMs`. */
export async function waitUntilGone(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  let left = pids
  while (true) {
    const running = await Promise.all(left.map((pid) => isRunning(pid)))
    left = left.filter((_, i) => running[i])
    if (left.length === 0) return true
    if (Date.now() > deadline) return false
    await delay(20)
  }
}

/** Sends a signal; false when the process is already gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw thrown
  }
}

async function selectPids(test: (pid: number) => Promise<boolean>): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const selected = await Promise.all(pids.map(test))
  return pids.filter((_, i) => selected[i])
}

/** A process may end while it is being looked at, and other users' processes may not be looked at. */
function goneAsUndefined(thrown: NodeJS.ErrnoException): undefined {
  if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(thrown.code ?? '')) return undefined
  throw thrown
}

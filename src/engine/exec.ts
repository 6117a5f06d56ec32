/** Running other programs: no shell, no inherited environment, an end to how long and how much. */
import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'
import { TenantryError } from '../lib/errors.ts'
import { signal } from './processes.ts'

export interface RunOptions {
  readonly cwd: string
  /** The whole environment of the program; nothing is added. */
  readonly env: Readonly<Record<string, string>>
  /** Milliseconds after which it is killed, with everything it started. */
  readonly timeoutMs: number
  /** Given on standard input; nothing when absent. */
  readonly input?: string
  /** Most bytes of standard output, and of standard error; default 64 MB each. */
  readonly maxBytes?: number
}

export interface RunResult {
  /** Exit code. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const DEFAULT_MAX_BYTES = 64 * 2 ** 20

/**
 * Runs a program to its end. Arguments go to it as they are: no shell reads them.
 * @throws TenantryError `program_missing` when there is no such program; `internal` when it ran longer or wrote more
 *   than allowed (it and its children are killed) or was ended by a signal. A non-zero exit code is a result.
 */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A process group of its own, so that what it started can be ended with it.
    detached: true,
  })
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
  let stopped: string | undefined
  const stop = (reason: string): void => {
    stopped ??= reason
    if (child.pid !== undefined) signal(-child.pid, 'SIGKILL')
    // Something that left the group may still hold the pipes open.
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const timer = setTimeout(() => stop(`did not end within ${options.timeoutMs / 1000} s`), options.timeoutMs)
  const tooMuch = (): void => stop(`wrote more than ${maxBytes} bytes`)
  const stdout = collect(child.stdout, maxBytes, tooMuch)
  const stderr = collect(child.stderr, maxBytes, tooMuch)
  // A program need not read its input; what it makes of that shows in how it ends.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  try {
    const [code, killedBy] = await ended(child, program)
    if (stopped !== undefined || code === null) {
      throw new TenantryError('internal', `${program} ${stopped ?? `was ended by ${killedBy}`}`)
    }
    return { code, stdout: stdout(), stderr: stderr() }
  } finally {
    clearTimeout(timer)
  }
}

/** Gathers what a stream gives; the function returned decodes it. */
function collect(stream: NodeJS.ReadableStream, maxBytes: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > maxBytes) tooMuch()
    else chunks.push(chunk)
  })
  return () => Buffer.concat(chunks).toString('utf8')
}

/** Waits for the exit and the end of both outputs. */
async function ended(
  child: ChildProcess,
  program: string,
): Promise<[code: number | null, killedBy: string | null]> {
  return await new Promise((settle, fail) => {
    child.once('error', (cause: NodeJS.ErrnoException) => fail(notStarted(program, cause)))
    child.once('close', (code, killedBy) => settle([code, killedBy]))
  })
}

function notStarted(program: string, cause: NodeJS.ErrnoException): TenantryError {
  if (cause.code === 'ENOENT' || cause.code === 'EACCES') {
    return new TenantryError('program_missing', `${program} cannot be run: ${cause.message}`, { cause })
  }
  return new TenantryError('internal', `${program} could not be started: ${cause.message}`, { cause })
}

/**
 * The first of `directories` (a list, or text as in PATH) that has an executable file of this name; undefined when
 * none has. Relative and empty entries are passed over: they would depend on where one stands.
 */
export async function which(
  program: string,
  directories: string | readonly string[],
): Promise<string | undefined> {
  const list = typeof directories === 'string' ? directories.split(delimiter) : directories
  for (const directory of list.filter((entry) => entry.startsWith('/'))) {
    const file = resolve(directory, program)
    if (await isExecutable(file)) return file
  }
  return undefined
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'ELOOP') return false
    throw thrown
  }
}

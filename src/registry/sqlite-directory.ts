/** A server of the kind `sqlite`: a directory with one file per tenant. */
import {
  accessSync,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { nameMatcher } from './selector.ts'

/** @returns why the directory cannot be used for changes, or undefined when it can. */
export function lookAtDirectory(directory: string): string | undefined {
  try {
    if (!statSync(directory).isDirectory()) return `${directory} is not a directory.`
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return `${directory} cannot be used: ${messageOf(error)}`
  }
}

export interface DirectoryFacts {
  readonly systemIdentifier: string
  readonly serverVersion: number
  readonly isSuperuser: boolean
  readonly maxConnections: number
  readonly latencyMs: number
}

/** Files are opened a few at a time, so this limits nothing. */
const MAX_CONNECTIONS = 100

/** @throws TenantryError `server_unreachable` */
export function inspectDirectory(directory: string, name: string): DirectoryFacts {
  const started = performance.now()
  const problem = lookAtDirectory(directory)
  if (problem !== undefined) {
    throw new TenantryError('server_unreachable', `Server ${name} cannot be used: ${problem}`, {
      server: name,
      nextSteps: ['Every worker needs the directory under this path, with the right to write to it.'],
    })
  }
  const { dev, ino } = statSync(directory)
  return {
    systemIdentifier: `sqlite ${dev}:${ino}`,
    serverVersion: sqliteVersion(),
    isSuperuser: false,
    maxConnections: MAX_CONNECTIONS,
    latencyMs: performance.now() - started,
  }
}

/** As SQLite numbers it: 3053004 is 3.53.4. */
function sqliteVersion(): number {
  const database = new DatabaseSync(':memory:')
  try {
    const { version } = database.prepare('SELECT sqlite_version() AS version').get() as { version: string }
    const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
    return major * 1_000_000 + minor * 1_000 + patch
  } finally {
    database.close()
  }
}

export interface FoundFile {
  readonly database: string
  /** Why it cannot be used, if it cannot. */
  readonly unreachable: string | null
}

/** What SQLite, or Tenantry, keeps beside a database. */
const BESIDE = /-(?:journal|wal|shm|tenantry-lock)$/

/** Files whose names match, by name; `%` stands for any text. */
export function findFiles(directory: string, pattern: string): FoundFile[] {
  const matches = nameMatcher(pattern)
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !BESIDE.test(name) && matches.test(name))
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => ({ database: name, unreachable: problemOf(path.join(directory, name)) }))
    .toSorted((a, b) => (a.database < b.database ? -1 : 1))
}

const HEADER = 'SQLite format 3\0'

function problemOf(file: string): string | null {
  try {
    if (!lstatSync(file).isFile()) return 'it is not a file of its own'
    accessSync(file, constants.R_OK | constants.W_OK)
    const handle = openSync(file, 'r')
    try {
      const buffer = Buffer.alloc(HEADER.length)
      const read = readSync(handle, buffer)
      // An empty file is an empty database.
      return read === 0 || buffer.toString('latin1') === HEADER ? null : 'it is no SQLite database'
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    return messageOf(error)
  }
}

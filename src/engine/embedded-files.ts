/** The files that an embedded server lives in: where they are, who owns them, and what is written in them. */
import { randomBytes } from 'node:crypto'
import { chown, lstat, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { TenantryError } from '../lib/errors.ts'
import { type Account, canEnter, temporaryDirectory } from './postgres-binaries.ts'

/** Kept from start to start in `server.json`. */
export interface ServerState {
  stateDir?: string
  /** The process that started or adopted it last. */
  owner?: number
  port?: number
  socketDir?: string
  runtimeDir?: string
}

export interface ServerFiles {
  readonly stateDir: string
  readonly dataDir: string
  readonly log: string
  /** The user that the server runs as. */
  readonly account: Account
  /** False when the server's user cannot reach `stateDir` by its path. */
  readonly reachable: boolean
}

/** `nobody`: the server refuses to run as root. */
const NOBODY = 65534
/** The kernel's limit for the path of a Unix socket, without the closing zero byte. */
const LONGEST_SOCKET_PATH = 107

/** Nothing of the host's environment: its locale, time zone and PG* variables would change the server. */
export const ENVIRONMENT = { LC_ALL: 'C.UTF-8', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' }
/** The directory that a process stands in, reached without entering the directories above it. */
export const HERE = '/proc/self/cwd'

const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '200',
  shared_buffers: '128MB',
  wal_level: 'logical',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  recovery_init_sync_method: 'syncfs',
  // Failing statements can hold secrets (CREATE ROLE … PASSWORD), their details can hold customers' rows.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_line_prefix: '%m [%p] %q%u@%d ',
  log_timezone: 'UTC',
  timezone: 'UTC',
  datestyle: 'iso, ymd',
  lc_messages: 'C',
  default_text_search_config: 'pg_catalog.english',
  password_encryption: 'scram-sha-256',
}

/** Makes `stateDir` and decides who the server runs as: the user itself; for root the data's owner or nobody. */
export async function serverFiles(stateDir: string): Promise<ServerFiles> {
  await mkdir(stateDir, { recursive: true, mode: 0o755 })
  const real = await realpath(stateDir)
  const dataDir = path.join(real, 'data')
  const account = await accountFor(dataDir)
  return {
    stateDir: real,
    dataDir,
    log: path.join(real, 'postgres.log'),
    account,
    reachable: await canEnter(real, account),
  }
}

async function accountFor(dataDir: string): Promise<Account> {
  const own = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
  const data = await stat(dataDir).catch(absent)
  if (own.uid === 0) return data === undefined || data.uid === 0 ? { uid: NOBODY, gid: NOBODY } : data
  if (data === undefined || data.uid === own.uid) return own
  throw new TenantryError(
    'conflict',
    `${dataDir} belongs to uid ${data.uid}, this process runs as uid ${own.uid}`,
    {
      nextSteps: ['Start as the user who started it first (or as root)', 'Or use another state directory'],
    },
  )
}

export async function readState(files: ServerFiles): Promise<ServerState> {
  const text = await readFile(path.join(files.stateDir, 'server.json'), 'utf8').catch(absent)
  const state = text === undefined ? {} : (JSON.parse(text) as ServerState)
  if (state.stateDir === files.stateDir || state.port === undefined) return state
  // Moved or copied: the other directories belong to the original.
  return { port: state.port }
}

export async function writeState(files: ServerFiles, state: ServerState): Promise<void> {
  await replaceFile(path.join(files.stateDir, 'server.json'), `${JSON.stringify(state, null, 2)}\n`, 0o644)
}

/** The superuser's password: made once, readable by its owner only. */
export async function superuserPassword(files: ServerFiles): Promise<string> {
  const file = path.join(files.stateDir, 'superuser-password')
  const kept = await readFile(file, 'utf8').catch(absent)
  if (kept !== undefined && kept.trim() !== '') return kept.trim()
  if ((await lstat(path.join(files.dataDir, 'PG_VERSION')).catch(absent)) !== undefined) {
    throw new TenantryError(
      'conflict',
      `${file} is missing, so nobody can log in to the server in ${files.dataDir}`,
      {
        nextSteps: [
          `Put the password back into ${file}`,
          `Or remove ${files.dataDir} to start with an empty server`,
        ],
      },
    )
  }
  const password = randomBytes(24).toString('base64url')
  await replaceFile(file, `${password}\n`, 0o600)
  return password
}

/** The directory of the server's Unix socket: `run/` in the state directory, or a short one elsewhere. */
export async function socketDirectory(files: ServerFiles, state: ServerState): Promise<string> {
  const near = path.join(files.stateDir, 'run')
  const longest = Buffer.byteLength(path.join(near, '.s.PGSQL.65535.lock'))
  const kept = state.socketDir === undefined ? undefined : await lstat(state.socketDir).catch(absent)
  if (state.socketDir !== undefined && kept?.isDirectory() && kept.uid === files.account.uid)
    return state.socketDir
  if (files.reachable && longest <= LONGEST_SOCKET_PATH) {
    await mkdir(near, { recursive: true, mode: 0o700 })
    await giveTo(files.account, near)
    return near
  }
  const elsewhere = await temporaryDirectory('tenantry-', files.account)
  await giveTo(files.account, elsewhere)
  return elsewhere
}

/** The text of postgresql.conf, written anew at each start: nothing in it comes from the host. */
export function renderConfig(
  place: { port: number; socketDir: string },
  settings: Record<string, string>,
): string {
  const all: Record<string, string> = {
    ...DEFAULT_SETTINGS,
    listen_addresses: '127.0.0.1',
    ...settings,
    port: String(place.port),
    unix_socket_directories: place.socketDir,
  }
  const lines = Object.entries(all).map(([name, value]) => `${settingName(name)} = ${settingValue(value)}`)
  return `# Written at every start. Lasting changes: the server's settings in Tenantry, or ALTER SYSTEM.\n${lines.join('\n')}\n`
}

export function renderAccess(auth: 'scram' | 'trust'): string {
  const method = auth === 'scram' ? 'scram-sha-256' : 'trust'
  const rules = [
    'local all all',
    'local replication all',
    'host all all 127.0.0.1/32',
    'host replication all 127.0.0.1/32',
  ]
  return rules.map((rule) => `${rule} ${method}\n`).join('')
}

/** Whether one of the files, by name, holds something else than the text given. */
export async function configDiffers(
  files: ServerFiles,
  texts: Readonly<Record<string, string>>,
): Promise<boolean> {
  for (const [name, text] of Object.entries(texts)) {
    if ((await readFile(path.join(files.dataDir, name), 'utf8').catch(absent)) !== text) return true
  }
  return false
}

export async function writeConfig(
  files: ServerFiles,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  if (!(await configDiffers(files, texts))) return
  for (const [name, text] of Object.entries(texts)) {
    await replaceFile(path.join(files.dataDir, name), text, 0o600, files.account)
  }
}

/** Writes beside the file and renames, so that a reader or a crash never meets half of it. */
export async function replaceFile(file: string, text: string, mode: number, owner?: Account): Promise<void> {
  const next = `${file}.next`
  await rm(next, { force: true })
  await writeFile(next, text, { mode, flag: 'wx' })
  if (owner !== undefined) await giveTo(owner, next)
  await rename(next, file)
}

export async function giveTo(account: Account, file: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(file, account.uid, account.gid)
}

/** The options of `spawn` that make a program run as the server's user. */
export function identity(files: ServerFiles): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: files.account.uid, gid: files.account.gid } : {}
}

export function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code === 'ENOENT') return undefined
  throw thrown
}

function settingName(name: string): string {
  if (/^[a-z_][a-z0-9_.]*$/i.test(name)) return name
  throw new TenantryError(
    'invalid_config',
    `"${name}" is not the name of a PostgreSQL setting, such as max_connections`,
  )
}

function settingValue(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n')}'`
}

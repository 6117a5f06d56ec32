/**
 * A real PostgreSQL 18 in a directory of its own, started from npm's binaries: also as root (it then runs as
 * `nobody`), without touching the host, and able to survive the death of the process that started it.
 */
import { once } from 'node:events'
import { chmod, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import path from 'node:path'
import { TenantryError } from '../lib/errors.ts'
import {
  absent,
  configDiffers,
  readState,
  renderAccess,
  renderConfig,
  type ServerFiles,
  serverFiles,
  socketDirectory,
  superuserPassword,
  writeConfig,
  writeState,
} from './embedded-files.ts'
import { initialise } from './embedded-initdb.ts'
import {
  becomesReady,
  diedAtStart,
  findOrphan,
  killRunning,
  launch,
  type Place,
  type Running,
  stopRunning,
} from './embedded-process.ts'
import { freePort, isFree } from './ports.ts'
import { canEnter, postgresBinaries, temporaryDirectory } from './postgres-binaries.ts'

export interface EmbeddedOptions {
  /** Holds `data/`, `run/`, the log, the superuser's password and, where needed, a copy of the programs. */
  stateDir: string
  /** Default: the port of the last start when it is free, else any free one. */
  port?: number
  /** PostgreSQL settings that override the defaults of embedded-files.ts. */
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
  readonly stop: () => Promise<void>
  /** SIGKILL to the server and all its children: a power cut without the loss of the page cache. */
  readonly kill: () => Promise<void>
  /** Settles when the server has ended: its exit code, null after a signal or when it was adopted. */
  readonly exited: Promise<number | null>
}

const PORT_ATTEMPTS = 5

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

async function startClaimed(
  files: ServerFiles,
  options: EmbeddedOptions,
  release: () => void,
): Promise<EmbeddedServer> {
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
    await configure(files, place, options, orphan)
    await writeState(files, { stateDir: files.stateDir, port, socketDir, runtimeDir, owner: process.pid })
    const logged = (await stat(files.log).catch(absent))?.size ?? 0
    const adopted = orphan !== undefined && (await becomesReady(orphan, place, password))
    const running = adopted ? orphan : await launchReady(files, binaries.postgres, place, password)
    if (running !== undefined) return serverHandle(files, running, place, password, release)
    // Between the choice of a free port and its use another program may have taken it.
    const portLost = options.port === undefined && attempt < PORT_ATTEMPTS && !(await isFree(port))
    if (!portLost) throw await diedAtStart(files, logged)
  }
}

/** Writes the settings. An orphan with others is stopped before: a crash in between leaves it an orphan. */
async function configure(
  files: ServerFiles,
  place: Place,
  options: EmbeddedOptions,
  orphan?: Running,
): Promise<void> {
  const texts = {
    'postgresql.conf': renderConfig(place, options.settings ?? {}),
    'pg_hba.conf': renderAccess(options.auth ?? 'scram'),
  }
  if (orphan !== undefined && (await configDiffers(files, texts))) await stopRunning(orphan)
  await writeConfig(files, texts)
}

/** Starts the server; undefined when it ended at once. One that lets nobody in is stopped again: an error. */
async function launchReady(
  files: ServerFiles,
  postgres: string,
  place: Place,
  password: string,
): Promise<Running | undefined> {
  const running = await launch(files, postgres)
  try {
    return (await becomesReady(running, place, password)) ? running : undefined
  } catch (thrown) {
    await stopRunning(running)
    throw thrown
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
    if (path.dirname(place.socketDir) !== files.stateDir)
      await rm(place.socketDir, { recursive: true, force: true })
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
    const { owner } = await readState(files)
    const holder = owner === undefined ? 'Another live process' : `The live process ${owner}`
    throw new TenantryError('conflict', `${holder} already runs the embedded server in ${files.stateDir}`, {
      cause,
      nextSteps: ['Use that one, or stop it first', 'Or use another state directory'],
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

async function choosePort(
  wanted: number | undefined,
  last: number | undefined,
  orphan?: Running,
): Promise<number> {
  const port = wanted ?? last
  if (port !== undefined && port === last && orphan !== undefined) return port
  if (port !== undefined && (await isFree(port))) return port
  if (wanted === undefined) return await freePort()
  throw new TenantryError('conflict', `Port ${wanted} on 127.0.0.1 is taken by another program`, {
    nextSteps: ['Leave the port out to get a free one', `See who has it: ss -ltnp 'sport = :${wanted}'`],
  })
}

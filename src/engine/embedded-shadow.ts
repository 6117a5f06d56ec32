/**
 * A PostgreSQL server for minutes: a copy of a data directory that was made once, with nothing kept safe, reached
 * through a Unix socket that only we can enter. It ends with this process, however that ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, chmod, mkdir, mkdtemp, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { TenantryError } from '../lib/errors.ts'
import {
  absent,
  ENVIRONMENT,
  giveTo,
  renderAccess,
  renderConfig,
  type ServerFiles,
  serverFiles,
} from './embedded-files.ts'
import { initialise } from './embedded-initdb.ts'
import { becomesReady, diedAtStart, launch, type Place } from './embedded-process.ts'
import {
  type Account,
  canEnter,
  type PostgresBinaries,
  postgresBinaries,
  temporaryDirectory,
} from './postgres-binaries.ts'
import { run } from './exec.ts'

export interface ShadowServer {
  /** The directory of its socket. */
  readonly socketDir: string
  readonly port: number
  readonly user: 'postgres'
  /** Empty databases that are there already. */
  readonly databases: readonly string[]
  close(): Promise<void>
}

/** No other server shares the directory of the socket, so any number does. */
const PORT = 5432
const COPY_MS = 60_000
const PREFIX = 'tenantry-shadow-'
const MEMORY = '/dev/shm'
const ROOM_BYTES = 1024 ** 3

/** Speed over safety: what it holds is thrown away. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  autovacuum: 'off',
  max_connections: '20',
  shared_buffers: '32MB',
  max_parallel_workers: '0',
  max_logical_replication_workers: '0',
  checkpoint_timeout: '1d',
  max_wal_size: '10GB',
  max_locks_per_transaction: '1024',
  dynamic_shared_memory_type: 'mmap',
  jit: 'off',
}

/**
 * Starts one: about a second the first time (the directory to copy is made), 0.15 s afterwards.
 * @param cacheDir where the directory to copy is kept
 * @throws TenantryError `program_missing` where there is no embedded PostgreSQL; `server_unreachable`
 */
export async function startShadow(cacheDir: string): Promise<ShadowServer> {
  const { account } = await serverFiles(cacheDir)
  const stateDir = await shadowDirectory(account)
  let keeper: ChildProcess | undefined
  try {
    await chmod(stateDir, 0o711)
    const files = await serverFiles(stateDir)
    const binaries = await postgresBinaries(account, cacheDir)
    await copyData(await dataToCopy(cacheDir, binaries), files)
    const place: Place = { port: PORT, socketDir: path.join(stateDir, 'run') }
    await mkdir(place.socketDir, { mode: 0o700 })
    await giveTo(account, place.socketDir)
    await writeFile(path.join(files.dataDir, 'postgresql.conf'), renderConfig(place, { ...SETTINGS }))
    await writeFile(path.join(files.dataDir, 'pg_hba.conf'), renderAccess('trust').split('\n')[0] ?? '')
    const running = await launch(files, binaries.postgres)
    keeper = keep(running.pid, stateDir)
    if (!(await becomesReady(running, place, ''))) throw await diedAtStart(files, 0)
    const end = keeper
    return {
      socketDir: place.socketDir,
      port: PORT,
      user: 'postgres',
      databases: ['postgres', 'template1'],
      close: async () => {
        end.ref()
        const ended = end.exitCode === null ? once(end, 'exit') : undefined
        end.stdin?.end()
        await ended
      },
    }
  } catch (thrown) {
    if (keeper === undefined) await rm(stateDir, { recursive: true, force: true })
    else keeper.stdin?.end()
    throw thrown
  }
}

/** In memory where there is room: copying and removing a thousand small files is many times faster there. */
async function shadowDirectory(account: Account): Promise<string> {
  const memory = await statfs(MEMORY).catch(absent)
  const isRoomy = memory !== undefined && memory.bavail * memory.bsize >= ROOM_BYTES
  if (isRoomy && (await canEnter(MEMORY, account)) && (await isWritable(MEMORY)))
    return mkdtemp(path.join(MEMORY, PREFIX))
  return temporaryDirectory(PREFIX, account)
}

async function isWritable(directory: string): Promise<boolean> {
  return access(directory, constants.W_OK).then(
    () => true,
    () => false,
  )
}

/**
 * A shell that waits until its input ends, which it does when this process ends in any way, and then ends the
 * server and removes its directory.
 */
function keep(pid: number, directory: string): ChildProcess {
  const script =
    'cat >/dev/null; kill -QUIT "$1"; n=500; while [ -e "$2/data/postmaster.pid" ] && [ $((n -= 1)) -gt 0 ]; do sleep 0.01; done; rm -rf "$2"'
  const keeper = spawn('/bin/sh', ['-c', script, 'tenantry-shadow', String(pid), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: ENVIRONMENT,
  })
  keeper.unref()
  return keeper
}

/** The data directory that shadows are copies of; made by the first who needs it. */
async function dataToCopy(cacheDir: string, binaries: PostgresBinaries): Promise<string> {
  const data = path.join(cacheDir, 'shadow-data-18')
  if ((await stat(path.join(data, 'PG_VERSION')).catch(absent)) !== undefined) return data
  const unfinished = await mkdtemp(path.join(cacheDir, 'making-'))
  await chmod(unfinished, 0o711)
  const files = await serverFiles(unfinished)
  const socketDir = path.join(unfinished, 'run')
  await mkdir(socketDir)
  await giveTo(files.account, socketDir)
  try {
    await initialise(files, binaries, { socketDir, password: 'unused', noSync: true, walSegmentMb: 1 })
    await rename(files.dataDir, data)
  } catch (thrown) {
    const madeByAnother = (await stat(path.join(data, 'PG_VERSION')).catch(absent)) !== undefined
    if (!madeByAnother) throw thrown
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return data
}

/** By `cp`: for a thousand small files it is many times faster than Node. */
async function copyData(from: string, files: ServerFiles): Promise<void> {
  const args = ['-a', '--reflink=auto', from, files.dataDir]
  const { code, stderr } = await run('cp', args, {
    cwd: files.stateDir,
    env: ENVIRONMENT,
    timeoutMs: COPY_MS,
  })
  if (code !== 0) throw new TenantryError('internal', `${from} cannot be copied: ${stderr.trim()}`)
}

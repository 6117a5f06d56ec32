/** A PostgreSQL of the machine, of the same version as its pg_dump, for the time of a measurement. */
import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ServerAddress } from '../../src/engine/address.ts'
import {
  ENVIRONMENT,
  giveTo,
  identity,
  renderAccess,
  renderConfig,
  replaceFile,
  serverFiles,
  writeConfig,
} from '../../src/engine/embedded-files.ts'
import { becomesReady, launch, stopRunning } from '../../src/engine/embedded-process.ts'
import { freePort } from '../../src/engine/ports.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { childrenCpuMs } from '../rollout/children.ts'

const run = promisify(execFile)

/** Where Debian has the programs of each version; newest first. */
const DIRECTORIES = [18, 17, 16, 15, 14].map((major) => `/usr/lib/postgresql/${major}/bin`)

export interface BenchServer {
  /** Holds initdb, postgres and pg_dump. */
  readonly programs: string
  readonly address: ServerAddress
  url(database: string): string
  /** CPU that its ended sessions have used, in milliseconds; resolution 10. */
  cpuMs(): Promise<number>
  stop(): Promise<void>
}

const PASSWORD = 'bench'
const SETTLE_MS = 100

/** Nothing is kept safe: reading is measured here. @throws TenantryError `program_missing` */
export async function startBenchServer(): Promise<BenchServer> {
  const programs = await programDirectory()
  const stateDir = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-schema-'))
  const files = await serverFiles(stateDir)
  const place = { port: await freePort(), socketDir: path.join(files.stateDir, 'run') }
  const passwordFile = path.join(place.socketDir, 'password')
  await run('chmod', ['0711', stateDir])
  for (const directory of [place.socketDir, files.dataDir]) {
    await mkdir(directory, { mode: 0o700 })
    await giveTo(files.account, directory)
  }
  await replaceFile(passwordFile, `${PASSWORD}\n`, 0o600, files.account)
  const args = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  args.push('--no-sync', '--locale=C.UTF-8', '-D', files.dataDir)
  await run(path.join(programs, 'initdb'), args, {
    cwd: files.dataDir,
    ...identity(files),
    env: ENVIRONMENT,
  })
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    shared_buffers: '512MB',
    max_locks_per_transaction: '1024',
    max_wal_size: '4GB',
  }
  await writeConfig(files, {
    'postgresql.conf': renderConfig(place, settings),
    'pg_hba.conf': renderAccess('scram'),
  })
  const running = await launch(files, path.join(programs, 'postgres'))
  if (!(await becomesReady(running, place, PASSWORD)))
    throw new TenantryError('server_unreachable', `The server in ${stateDir} ended while starting.`)
  const login = { host: '127.0.0.1', port: place.port, user: 'postgres', password: PASSWORD }
  return {
    programs,
    address: { ...login, database: 'postgres', ssl: 'disable' },
    url: (database) => `postgres://postgres:${PASSWORD}@127.0.0.1:${place.port}/${database}`,
    cpuMs: async () => {
      // A session that was closed a moment ago is counted when its process has been waited for.
      await delay(SETTLE_MS)
      return childrenCpuMs(running.pid)
    },
    stop: async () => {
      await stopRunning(running)
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

async function programDirectory(): Promise<string> {
  for (const directory of DIRECTORIES) {
    const whole = ['initdb', 'postgres', 'pg_dump'].map((name) => access(path.join(directory, name)))
    if ((await Promise.allSettled(whole)).every(({ status }) => status === 'fulfilled')) return directory
  }
  throw new TenantryError('program_missing', 'There is no PostgreSQL with its pg_dump on this machine.', {
    nextSteps: ['On Debian: sudo apt-get install --no-install-recommends postgresql'],
  })
}

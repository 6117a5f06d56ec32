/** Makes the data directory of an embedded server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { TenantryError } from '../lib/errors.ts'
import {
  absent,
  ENVIRONMENT,
  giveTo,
  HERE,
  identity,
  replaceFile,
  type ServerFiles,
} from './embedded-files.ts'
import { lastLines } from './embedded-process.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { processesIn, signal, waitUntilGone } from './processes.ts'

/** The version whose data the installed programs read. */
const MAJOR = '18'
const KILL_MS = 10_000

/** Makes the data directory unless it is there; one cut short by a crash is made anew. */
export async function initialise(
  files: ServerFiles,
  binaries: PostgresBinaries,
  options: { socketDir: string; password: string; noSync: boolean; walSegmentMb?: number },
): Promise<void> {
  const version = await readFile(path.join(files.dataDir, 'PG_VERSION'), 'utf8').catch(absent)
  if (version?.trim() === MAJOR) return
  if (version !== undefined) {
    throw new TenantryError(
      'conflict',
      `${files.dataDir} was made by PostgreSQL ${version.trim()}, not ${MAJOR}`,
      {
        nextSteps: [
          'Use another state directory, or serve the old data by its own version and set DATABASE_URL',
        ],
      },
    )
  }
  const unfinished = path.join(files.stateDir, 'data.unfinished')
  const passwordFile = path.join(options.socketDir, 'initial-password')
  await endUnfinished(unfinished)
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  await giveTo(files.account, unfinished)
  await replaceFile(passwordFile, `${options.password}\n`, 0o600, files.account)
  const args = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8']
  args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions')
  args.push(options.noSync ? '--no-sync' : '--sync-method=fsync')
  if (options.walSegmentMb !== undefined) args.push(`--wal-segsize=${options.walSegmentMb}`)
  try {
    await runInitdb(files, binaries.initdb, [...args, '-D', files.reachable ? unfinished : HERE], unfinished)
    await rename(unfinished, files.dataDir)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** Ends what a killed process left running: it would go on writing into the directory that is made anew. */
async function endUnfinished(directory: string): Promise<void> {
  const left = [...(await processesIn(directory, 'initdb')), ...(await processesIn(directory, 'postgres'))]
  for (const pid of left) signal(pid, 'SIGKILL')
  if (await waitUntilGone(left, KILL_MS)) return
  throw new TenantryError('conflict', `An earlier initdb still runs in ${directory}: ${left.join(', ')}`)
}

async function runInitdb(files: ServerFiles, initdb: string, args: string[], cwd: string): Promise<void> {
  const child = spawn(initdb, args, {
    cwd,
    ...identity(files),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENVIRONMENT,
  })
  const output: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code === 0) return
  const text = output.join('').trim()
  if (text.includes('could not look up effective user ID')) {
    throw new TenantryError(
      'invalid_config',
      `PostgreSQL needs a user with a name: uid ${files.account.uid} has no passwd entry`,
      {
        nextSteps: [
          'Run as a user that is listed in /etc/passwd, or as root',
          'Or set DATABASE_URL to a server of your own',
        ],
      },
    )
  }
  throw new TenantryError('server_unreachable', `initdb failed (exit ${code}) in ${cwd}: ${lastLines(text)}`)
}

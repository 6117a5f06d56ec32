/**
 * Snapshots in a git repository: `<name>.json` in the folder given, one commit per entry of its history. A commit is
 * made beside the index and put on the branch only when nobody else has moved it, so several may write at once and
 * what a person has staged is left alone.
 */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { childEnvironment } from '../../../config.ts'
import { run, type RunResult } from '../../../engine/exec.ts'
import { TenantryError } from '../../../lib/errors.ts'
import { byCodePoint, type DialectName, type Snapshot } from '../snapshot.ts'
import { parseSnapshot, snapshotText } from '../snapshot-text.ts'
import {
  ambiguous,
  checkName,
  notStored,
  parseReference,
  type SnapshotStore,
  type StoredVersion,
} from './store.ts'

const TIMEOUT_MS = 60_000
/** How often it is tried while another git holds a lock file. */
const LOCK_ATTEMPTS = 40
const LOCK_PAUSE_MS = 50
/** Ends a record and a field of `git log`; neither can be in a commit message. */
const RECORD = '\u001E'
const FIELD = '\u001F'
const LOG_FORMAT = ['%H', '%cI', '%s', '%(trailers:key=Snapshot,valueonly,separator=%x20)']

interface Entry extends StoredVersion {
  readonly commit: string
}

/** The folder of a repository, bare or with a working copy; at the first `put` it is made when there is none. */
export function gitStore(folder: string): SnapshotStore {
  const root = path.resolve(folder)
  const label = `git:${folder}`
  return {
    label,
    list: async () => {
      const newest = await Promise.all((await namesIn(root)).map((name) => historyOf(root, name)))
      return newest.flatMap(([first]) => (first === undefined ? [] : [shown(first)]))
    },
    history: async (name) => {
      const entries = await historyOf(root, checkName(name))
      if (entries.length === 0) throw notStored(label, name)
      return entries.map(shown)
    },
    put: async (name, snapshot, message = '') => put(root, checkName(name), snapshot, message),
    get: async (reference) => {
      const { commit, name } = await resolve(root, label, reference)
      return readAt(root, commit, name)
    },
    close: () => Promise.resolve(),
  }
}

async function put(
  root: string,
  name: string,
  snapshot: Snapshot,
  message: string,
): Promise<{ version: StoredVersion; added: boolean }> {
  await mkdir(root, { recursive: true })
  if (!(await isRepository(root))) await patiently(root, ['init', '--quiet', '--template='])
  const file = `${await prefixOf(root)}${fileOf(name)}`
  const blob = await git(root, ['hash-object', '-w', '--stdin'], { input: snapshotText(snapshot) })
  while (true) {
    const head = await headOf(root)
    const [newest] = await historyOf(root, name, head)
    if (newest?.fingerprint === snapshot.fingerprint) return { version: shown(newest), added: false }
    const commit = await commitBeside(root, head, file, blob, textOf(name, snapshot, message))
    const moved = await attempt(root, ['update-ref', 'HEAD', commit, head ?? '0'.repeat(40)])
    if (moved.code !== 0 && (await headOf(root)) === head) throw gitFailed(root, 'update-ref', moved)
    if (moved.code === 0) break
  }
  if ((await git(root, ['rev-parse', '--is-bare-repository'])) === 'false') await refresh(root, file)
  const added = (await historyOf(root, name)).find((entry) => entry.fingerprint === snapshot.fingerprint)
  if (added === undefined)
    throw new TenantryError('internal', `The commit of ${name} in ${root} is not found.`)
  return { version: shown(added), added: true }
}

function textOf(name: string, snapshot: Snapshot, message: string): string {
  const subject = message === '' ? `Snapshot ${name}` : message
  const facts = [snapshot.fingerprint, snapshot.dialect, snapshot.objects.length]
  return `${subject}\n\nSnapshot: ${facts.join(' ')}\n`
}

async function commitBeside(
  root: string,
  head: string | undefined,
  file: string,
  blob: string,
  message: string,
): Promise<string> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'tenantry-git-'))
  const env = { GIT_INDEX_FILE: path.join(scratch, 'index') }
  try {
    await git(root, head === undefined ? ['read-tree', '--empty'] : ['read-tree', head], { env })
    await git(root, ['update-index', '--add', '--cacheinfo', `100644,${blob},${file}`], { env })
    const tree = await git(root, ['write-tree'], { env })
    const parents = head === undefined ? [] : ['-p', head]
    const identity = await identityOf(root)
    return await git(root, [...identity, 'commit-tree', tree, ...parents, '-F', '-'], { input: message })
  } finally {
    await rm(scratch, { recursive: true })
  }
}

/** Where nobody has told git who commits, Tenantry does. */
async function identityOf(root: string): Promise<string[]> {
  const { stdout } = await attempt(root, ['config', 'user.email'])
  return stdout.trim() === '' ? ['-c', 'user.name=Tenantry', '-c', 'user.email=tenantry@localhost'] : []
}

/** Brings the committed file into the working copy and its index. */
function refresh(root: string, file: string): Promise<void> {
  return patiently(root, ['checkout', '--quiet', 'HEAD', '--', `:(top,literal)${file}`])
}

/** Tries again while another git holds one of its lock files. */
async function patiently(root: string, args: readonly string[]): Promise<void> {
  for (let left = LOCK_ATTEMPTS; ; left--) {
    const result = await attempt(root, args)
    if (result.code === 0) return
    const locked = /\.lock|could not lock|File exists/.test(result.stderr)
    if (left === 0 || !locked) throw gitFailed(root, args[0] ?? '', result)
    await delay(LOCK_PAUSE_MS)
  }
}

async function resolve(root: string, label: string, reference: string): Promise<Entry> {
  const asked = parseReference(reference)
  if (asked.by === 'name') {
    const entries = await historyOf(root, asked.name)
    const found =
      asked.number === undefined ? entries[0] : entries.find(({ number }) => number === asked.number)
    if (found === undefined) throw notStored(label, reference)
    return found
  }
  const all = await Promise.all((await namesIn(root)).map((name) => historyOf(root, name)))
  const matching = all.flat().filter(({ fingerprint }) => fingerprint.startsWith(asked.prefix))
  if (new Set(matching.map(({ fingerprint }) => fingerprint)).size > 1) throw ambiguous(label, asked.prefix)
  if (matching[0] === undefined) throw notStored(label, reference)
  return matching[0]
}

/** Names of the snapshots on the branch. */
async function namesIn(root: string): Promise<string[]> {
  if (!(await isRepository(root)) || (await headOf(root)) === undefined) return []
  const files = await git(root, ['ls-tree', '--name-only', '-z', `HEAD:${await prefixOf(root)}`])
  return files
    .split('\0')
    .flatMap((file) => /^([a-z][a-z0-9._-]*)\.json$/.exec(file)?.[1] ?? [])
    .toSorted(byCodePoint)
}

/** Newest first. Files that were committed by hand count as well; what is no snapshot does not. */
async function historyOf(root: string, name: string, head = 'HEAD'): Promise<Entry[]> {
  if (!(await isRepository(root)) || (await headOf(root)) === undefined) return []
  const format = `--format=${LOG_FORMAT.join('%x1f')}%x1e`
  const file = `:(top,literal)${await prefixOf(root)}${fileOf(name)}`
  const log = await git(root, ['log', '--diff-filter=AM', format, head, '--', file])
  const records = log.split(RECORD).flatMap((record) => (record.trim() === '' ? [] : [record.trim()]))
  const entries: Entry[] = []
  for (const record of records.toReversed()) {
    const [commit = '', createdAt = '', message = '', trailer = ''] = record.split(FIELD)
    const facts = factsOf(trailer) ?? (await factsAt(root, commit, name))
    const number = entries.length + 1
    if (facts === undefined) continue
    entries.push({ commit, name, number, ...facts, createdAt: new Date(createdAt).toISOString(), message })
  }
  return entries.toReversed()
}

type Facts = Pick<StoredVersion, 'fingerprint' | 'dialect' | 'objects'>

function factsOf(trailer: string): Facts | undefined {
  const [, fingerprint, dialect, objects] =
    /^([0-9a-f]{64}) (postgres|mysql|sqlite) (\d+)$/.exec(trailer.trim()) ?? []
  if (fingerprint === undefined) return undefined
  return { fingerprint, dialect: dialect as DialectName, objects: Number(objects) }
}

async function factsAt(root: string, commit: string, name: string): Promise<Facts | undefined> {
  try {
    const { fingerprint, dialect, objects } = await readAt(root, commit, name)
    return { fingerprint, dialect, objects: objects.length }
  } catch (thrown) {
    if (thrown instanceof TenantryError && thrown.code === 'invalid_input') return undefined
    throw thrown
  }
}

async function readAt(root: string, commit: string, name: string): Promise<Snapshot> {
  const object = `${commit}:${await prefixOf(root)}${fileOf(name)}`
  return parseSnapshot(await git(root, ['cat-file', 'blob', object]), `${object} in ${root}`)
}

function shown({ name, number, fingerprint, dialect, objects, createdAt, message }: Entry): StoredVersion {
  return { name, number, fingerprint, dialect, objects, createdAt, message }
}

function fileOf(name: string): string {
  return `${name}.json`
}

/** The folder's place in its repository: empty, or ending in a slash. */
function prefixOf(root: string): Promise<string> {
  return git(root, ['rev-parse', '--show-prefix'])
}

async function isRepository(root: string): Promise<boolean> {
  const there = await stat(root).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw thrown
  })
  if (there === undefined) return false
  const result = await attempt(root, ['rev-parse', '--git-dir'])
  if (result.code === 0) return true
  if (result.stderr.includes('not a git repository')) return false
  throw gitFailed(root, 'rev-parse', result)
}

/** The newest commit; undefined in a repository without one. */
async function headOf(root: string): Promise<string | undefined> {
  const { code, stdout } = await attempt(root, ['rev-parse', '--verify', '--quiet', 'HEAD'])
  return code === 0 ? stdout.trim() : undefined
}

interface GitOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

function attempt(root: string, args: readonly string[], options: GitOptions = {}): Promise<RunResult> {
  return run('git', args, {
    cwd: root,
    env: { ...childEnvironment(), LC_ALL: 'C.UTF-8', GIT_TERMINAL_PROMPT: '0', ...options.env },
    timeoutMs: TIMEOUT_MS,
    ...(options.input === undefined ? {} : { input: options.input }),
  })
}

/** What it writes, without the last line end. @throws TenantryError when it ends in an error */
async function git(root: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const result = await attempt(root, args, options)
  if (result.code === 0) return result.stdout.replace(/\n$/, '')
  throw gitFailed(root, args.find((arg) => /^[a-z]/.test(arg) && !arg.includes('=')) ?? '', result)
}

function gitFailed(root: string, command: string, { code, stderr }: RunResult): TenantryError {
  return new TenantryError('conflict', `git ${command} in ${root} failed (exit ${code}): ${stderr.trim()}`)
}

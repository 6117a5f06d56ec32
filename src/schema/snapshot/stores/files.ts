/**
 * Snapshots in a folder: `objects/<fingerprint>.json`, and one small file per entry of a name's history,
 * `names/<name>/0001.json`. Files are only ever added, so several programs may write at once.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { TenantryError } from '../../../lib/errors.ts'
import { byCodePoint, type Snapshot } from '../snapshot.ts'
import { parseSnapshot, snapshotText } from '../snapshot-text.ts'
import {
  ambiguous,
  checkName,
  notStored,
  parseReference,
  type SnapshotStore,
  type StoredVersion,
} from './store.ts'

const entry = z.strictObject({
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  dialect: z.enum(['postgres', 'mysql', 'sqlite']),
  objects: z.int(),
  createdAt: z.iso.datetime(),
  message: z.string(),
})

/** The folder is made at the first `put`. */
export function fileStore(folder: string): SnapshotStore {
  const root = path.resolve(folder)
  const label = folder
  const get = async (reference: string): Promise<Snapshot> => {
    const fingerprint = await resolve(root, label, reference)
    const text = await readFile(objectFile(root, fingerprint), 'utf8').catch(absent)
    if (text === undefined) throw notStored(label, reference)
    return parseSnapshot(text, objectFile(folder, fingerprint))
  }
  return {
    label,
    list: async () => {
      const names = (await readdir(path.join(root, 'names')).catch(absent)) ?? []
      const newest = await Promise.all(names.toSorted(byCodePoint).map((name) => newestOf(root, name)))
      return newest.filter((version) => version !== undefined)
    },
    history: async (name) => {
      const numbers = await numbersOf(root, checkName(name))
      if (numbers.length === 0) throw notStored(label, name)
      return Promise.all(numbers.map((number) => readEntry(root, name, number)))
    },
    put: async (name, snapshot, message = '') => put(root, checkName(name), snapshot, message),
    get,
    close: () => Promise.resolve(),
  }
}

async function put(
  root: string,
  name: string,
  snapshot: Snapshot,
  message: string,
): Promise<{ version: StoredVersion; added: boolean }> {
  await addFile(objectFile(root, snapshot.fingerprint), snapshotText(snapshot))
  while (true) {
    const newest = await newestOf(root, name)
    if (newest?.fingerprint === snapshot.fingerprint) return { version: newest, added: false }
    const number = (newest?.number ?? 0) + 1
    const facts = {
      fingerprint: snapshot.fingerprint,
      dialect: snapshot.dialect,
      objects: snapshot.objects.length,
      createdAt: new Date().toISOString(),
      message,
    }
    // Another writer may take the number in the meantime: then the newest is looked at again.
    if (await addFile(entryFile(root, name, number), `${JSON.stringify(facts, null, 2)}\n`))
      return { version: { name, number, ...facts }, added: true }
  }
}

/** Writes a file as a whole or not at all; false when it was there before. */
async function addFile(file: string, text: string): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true })
  const unfinished = `${file}.${randomBytes(6).toString('hex')}.unfinished`
  await writeFile(unfinished, text, { flush: true })
  try {
    await link(unfinished, file)
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  } finally {
    await rm(unfinished)
  }
}

async function resolve(root: string, label: string, reference: string): Promise<string> {
  const asked = parseReference(reference)
  if (asked.by === 'name') {
    const found =
      asked.number === undefined
        ? await newestOf(root, asked.name)
        : (await numbersOf(root, asked.name)).includes(asked.number)
          ? await readEntry(root, asked.name, asked.number)
          : undefined
    if (found === undefined) throw notStored(label, reference)
    return found.fingerprint
  }
  const files = (await readdir(path.join(root, 'objects')).catch(absent)) ?? []
  const matching = files.filter(
    (file) => file.startsWith(asked.prefix) && file.length === 64 + '.json'.length,
  )
  if (matching.length > 1) throw ambiguous(label, asked.prefix)
  if (matching[0] === undefined) throw notStored(label, reference)
  return matching[0].slice(0, 64)
}

async function newestOf(root: string, name: string): Promise<StoredVersion | undefined> {
  const [newest] = await numbersOf(root, name)
  return newest === undefined ? undefined : readEntry(root, name, newest)
}

/** Newest first. */
async function numbersOf(root: string, name: string): Promise<number[]> {
  const files = (await readdir(path.join(root, 'names', name)).catch(absent)) ?? []
  return files
    .flatMap((file) => /^(\d{4,9})\.json$/.exec(file)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => b - a)
}

async function readEntry(root: string, name: string, number: number): Promise<StoredVersion> {
  const file = entryFile(root, name, number)
  const text = await readFile(file, 'utf8')
  try {
    return { name, number, ...entry.parse(JSON.parse(text)) }
  } catch (cause) {
    throw new TenantryError('invalid_input', `${file} is not an entry of a store of snapshots.`, {
      cause,
      nextSteps: ['Restore the file, or remove it when nothing needs that entry.'],
    })
  }
}

function objectFile(root: string, fingerprint: string): string {
  return path.join(root, 'objects', `${fingerprint}.json`)
}

function entryFile(root: string, name: string, number: number): string {
  return path.join(root, 'names', name, `${String(number).padStart(4, '0')}.json`)
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code === 'ENOENT') return undefined
  throw thrown
}

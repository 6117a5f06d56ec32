/** A folder of migration files: what is in it, and the text of each. */
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import { readText } from '../text-file.ts'
import { sourceInvalid } from './source.ts'

/** More files than any project has migrations: the folder is another one than was meant. */
const MAX_ENTRIES = 20_000

type PathKind = 'file' | 'folder' | 'absent'

/** @throws TenantryError `source_invalid` when that cannot be found out */
export async function kindOfPath(path: string): Promise<PathKind> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : ''
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent'
    throw unreadable(path, thrown)
  }
}

function unreadable(path: string, thrown: unknown): TenantryError {
  return sourceInvalid(
    `${path} cannot be read: ${messageOf(thrown)}`,
    'Give Tenantry the right to read it.',
    thrown,
  )
}

interface Names {
  readonly files: string[]
  readonly folders: string[]
  /** Those of the folders that are symbolic links. */
  readonly linked: string[]
}

/** The names in a folder, sorted by character codes as the tools do; a symbolic link counts as what it leads to. */
export async function namesIn(path: string): Promise<Names> {
  const names: Names = { files: [], folders: [], linked: [] }
  const entries = await readdir(path, { withFileTypes: true }).catch((thrown: unknown) => {
    throw unreadable(path, thrown)
  })
  for (const entry of entries) {
    const isLinked = entry.isSymbolicLink() && (await kindOfPath(join(path, entry.name))) === 'folder'
    if (isLinked) names.linked.push(entry.name)
    if (isLinked || entry.isDirectory()) names.folders.push(entry.name)
    else names.files.push(entry.name)
  }
  return { files: names.files.toSorted(), folders: names.folders.toSorted(), linked: names.linked }
}

/**
 * The files below a folder with their paths from there, sub-folders included. Left out are folders whose name begins
 * with a dot, and node_modules.
 * @throws TenantryError `source_invalid`: a folder is a symbolic link (which may lead out or in circles), or there are
 *   more than 20,000 files
 */
export async function filesBelow(path: string): Promise<string[]> {
  const found: string[] = []
  const waiting = ['']
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const names = await namesIn(join(path, folder))
    const [link] = names.linked
    if (link !== undefined) {
      const linked = join(path, folder, link)
      throw sourceInvalid(`${linked} is a symbolic link to a folder`, 'Copy the files into the folder.')
    }
    found.push(...names.files.map((name) => join(folder, name)))
    const below = names.folders.filter((name) => !name.startsWith('.') && name !== 'node_modules')
    waiting.push(...below.map((name) => join(folder, name)))
    if (found.length + waiting.length > MAX_ENTRIES) {
      throw sourceInvalid(
        `${path} has more than ${MAX_ENTRIES} files below it`,
        'Name the folder with the migrations.',
      )
    }
  }
  return found.toSorted()
}

/** The text of a file that is expected to be there. @throws TenantryError `source_invalid` */
export async function readExpected(path: string, name: string): Promise<string> {
  const text = await readText(path, name)
  if (text !== null) return text
  throw sourceInvalid(
    `${join(path, name)} does not exist`,
    'Put the file back, or take what refers to it out.',
  )
}

/** As golang-migrate, numbered folders and Flyway name the way back. */
const WAY_BACK = /\.(?:down|undo)\.sql$|^U[\d._]*__/

/** @throws TenantryError `invalid_input` when one of the files takes away again what others make */
export function refuseMigrations(folder: string, names: readonly string[]): void {
  const wayBack = names.find((name) => WAY_BACK.test(basename(name)))
  if (wayBack === undefined) return
  throw new TenantryError(
    'invalid_input',
    `${folder} is a folder of migrations: ${wayBack} takes away again what another file makes.`,
    {
      nextSteps: [
        'Name SQL that makes the schema as it is to be. Versions of migrations: tenantry version generate',
      ],
    },
  )
}

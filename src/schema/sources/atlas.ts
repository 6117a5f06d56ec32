/**
 * Atlas: a folder of `<version>_<name>.sql` with `atlas.sum`, whose sums are checked. Order of the names as text.
 * Followed are `-- atlas:txmode none` and `-- atlas:delimiter`. A checkpoint stands for all files before it: the first
 * file may be one, later ones are passed over, for a tenant that has what comes before must not run them. There is no
 * way back: Atlas computes it.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { readText } from '../text-file.ts'
import { rulesFor, type VersionDialect } from '../version-dialects.ts'
import { kindOfPath, namesIn, readExpected } from './folder.ts'
import { locating, type Native, type Source, sourceInvalid, type SourceVersion } from './source.ts'
import { describe, withoutTransaction } from './sql/layout.ts'

const SUM = 'atlas.sum'

/** The folder with atlas.sum: `path`, or `migrations` below it. */
export async function findAtlas(path: string): Promise<string | undefined> {
  for (const folder of [path, join(path, 'migrations')]) {
    if ((await kindOfPath(join(folder, SUM))) === 'file') return folder
  }
  return undefined
}

interface AtlasFile {
  readonly name: string
  /** As the sums have it: with a byte order mark. */
  readonly whole: string
  readonly text: string
  readonly directives: ReadonlyMap<string, string>
}

/** A source over an Atlas directory; `path` is how the user named it. */
export function openAtlas(folder: string, path: string): Source {
  return {
    kind: 'atlas',
    path,
    async list(dialect = 'postgres') {
      const names = (await namesIn(folder)).files.filter((name) => name.endsWith('.sql'))
      const files = await Promise.all(names.map(async (name) => await readFile(folder, name)))
      const summed = files.filter(({ directives }) => directives.get('sum') !== 'ignore')
      const sums = sumsOf(summed)
      checkSums(folder, sums, await readExpected(folder, SUM))
      return withoutCheckpoints(summed).map(({ file, standIns }) => {
        const sum = sums.get(file.name)!
        return versionOf(file, { checksums: [sum, `h1:${sum}`], standIns }, dialect)
      })
    },
  }
}

async function readFile(folder: string, name: string): Promise<AtlasFile> {
  const whole = (await readText(folder, name, { keepByteOrderMark: true })) ?? ''
  const text = whole.replace(/^\ufeff/, '')
  return { name, whole, text, directives: directivesOf(text) }
}

/** `-- atlas:name value` in the comments that the file begins with, up to the first empty line. */
function directivesOf(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    if (!line.startsWith('--')) break
    const [, name, value = ''] = /^--\s*atlas:(\w+)(?:\s+(.*?))?\s*$/.exec(line) ?? []
    if (name !== undefined) found.set(name, value)
  }
  return found
}

/** One hash over all files, read off after each of them. */
function sumsOf(files: readonly AtlasFile[]): Map<string, string> {
  const hash = createHash('sha256')
  const sums = new Map<string, string>()
  for (const { name, whole } of files) {
    hash.update(name).update(whole)
    sums.set(name, hash.copy().digest('base64'))
  }
  return sums
}

function checkSums(folder: string, sums: ReadonlyMap<string, string>, text: string): void {
  const [total, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const recorded = new Map(
    lines.map((line) => {
      const [, name = '', sum = ''] = /^(.*) h1:(\S+)$/.exec(line) ?? []
      return [name, sum] as const
    }),
  )
  for (const [name, sum] of sums) {
    const found = recorded.get(name)
    if (found !== sum)
      throw unequal(
        folder,
        found === undefined ? `${name} is not in it` : `${name} was changed, or one before it`,
      )
  }
  const gone = [...recorded.keys()].find((name) => !sums.has(name))
  if (gone !== undefined) throw unequal(folder, gone === '' ? 'a line cannot be read' : `${gone} is gone`)
  const all = createHash('sha256')
  for (const [name, sum] of sums) all.update(name).update(sum)
  if (total !== `h1:${all.digest('base64')}`)
    throw unequal(folder, 'its first line is not the sum of the others')
}

function unequal(folder: string, what: string): Error {
  return sourceInvalid(
    `${join(folder, SUM)} does not fit the files: ${what}`,
    'Put the files back as they were; if the change is meant, run `atlas migrate hash`.',
  )
}

/** The files that every tenant runs, each with the checkpoints that stand for it and all before it. */
function withoutCheckpoints(files: readonly AtlasFile[]): { file: AtlasFile; standIns: string[] }[] {
  const kept: { file: AtlasFile; standIns: string[] }[] = []
  for (const file of files) {
    const last = kept.at(-1)
    if (last === undefined || !file.directives.has('checkpoint')) kept.push({ file, standIns: [] })
    else last.standIns.push(revisionOf(file.name))
  }
  return kept
}

function revisionOf(name: string): string {
  return /^([^_]*?)(?:_.*)?\.sql$/s.exec(name)?.[1] ?? name
}

function versionOf(file: AtlasFile, native: Native, dialect: VersionDialect): SourceVersion {
  const mode = file.directives.get('txmode') ?? 'file'
  if (!['none', 'file', 'all'].includes(mode)) {
    throw sourceInvalid(`${file.name} has the unknown atlas:txmode ${mode}`, 'Known are none, file and all.')
  }
  const text = locating(file.name, () => delimited(file, dialect))
  return {
    revision: revisionOf(file.name),
    description: describe(file.name.replace(/^[^_]*|\.sql$/g, '')),
    upgradeSql: mode === 'none' ? withoutTransaction(text) : text,
    downgradeSql: null,
    upgradeAt: { file: file.name, line: mode === 'none' ? 0 : 1 },
    native,
  }
}

/** With semicolons where a delimiter of the file's own stands. */
function delimited({ text, directives }: AtlasFile, dialect: VersionDialect): string {
  const given = directives.get('delimiter')
  if (given === undefined) return text
  const delimiter = given.replaceAll(
    /\\([nrt])/g,
    (_, letter: 'n' | 'r' | 't') => ({ n: '\n', r: '\r', t: '\t' })[letter],
  )
  const start = text.indexOf('\n', text.indexOf('atlas:delimiter'))
  const head = start === -1 ? '' : text.slice(0, start)
  // Lines stay where they are.
  return (
    head +
    text
      .slice(head.length)
      .split(delimiter)
      .map(rulesFor(dialect).close)
      .join(delimiter.replaceAll(/[^\n]/g, ''))
  )
}

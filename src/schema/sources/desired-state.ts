/**
 * A schema as it should be, as text to load into an empty database: one SQL file (Rails' structure.sql, what pg_dump
 * or dbmate wrote), a folder of SQL files, or the models of SQLAlchemy.
 */
import { basename, dirname, join, normalize, relative, sep } from 'node:path'
import { createLexer, lineAt } from '../sql-lexer.ts'
import { closed, splitStatements, type Statement } from '../statements.ts'
import { filesBelow, kindOfPath, readExpected, refuseMigrations } from './folder.ts'
import { locating, sourceInvalid } from './source.ts'
import { parseModels, readModels } from './sqlalchemy.ts'

export interface DesiredState {
  /** For a session of its own on an empty database, file by file. */
  readonly sql: string
  /** The files it was made of, in the order in which they are loaded, by their paths from the folder. */
  readonly files: readonly string[]
  /** The versions that the text says it has, where it ends with rows for schema_migrations. */
  readonly versions?: readonly string[]
}

/**
 * Reads `path`: a `.sql` file, a folder of them (sub-folders too, in the order of their names; a file that another one
 * includes with `\i` or `\ir` is loaded there), or `models.py:Base` (`package:metadata`) of SQLAlchemy.
 * @throws TenantryError `source_invalid` with file and line: an include that leads out of the folder or in a circle, a
 *   command of psql that a schema does not need; `invalid_input` with file and line: SQL that
 *   cannot be read, data for COPY; `program_missing` without Python or SQLAlchemy.
 */
export async function readDesiredState(path: string): Promise<DesiredState> {
  const models = parseModels(path)
  const kind = await kindOfPath(path)
  if (kind === 'absent') {
    if (models !== undefined) return await readModels(models)
    throw sourceInvalid(`The desired state ${JSON.stringify(path)} does not exist`, 'Check the path.')
  }
  const folder = kind === 'folder' ? path : dirname(path)
  const names =
    kind === 'folder' ? (await filesBelow(path)).filter((name) => name.endsWith('.sql')) : [basename(path)]
  if (names.length === 0)
    throw sourceInvalid(`${path} has no SQL files`, 'Name a .sql file, or a folder of them.')
  if (kind === 'folder') refuseMigrations(path, names)
  const loading = new Loading(folder)
  for (const name of names) await loading.look(name)
  for (const name of names) if (!loading.isIncluded(name)) await loading.load(name, [])
  // Only files that include each other are left, which nothing leads to.
  for (const name of names) if (!loading.isLoaded(name)) await loading.load(name, [])
  return loading.result()
}

interface Meta {
  readonly command: string
  readonly argument: string
  readonly line: number
}
type Part = string | Meta

/** The text cut at the commands of psql, each of which takes the rest of its line. */
function partsOf(text: string): Part[] {
  const parts: Part[] = []
  let from = 0
  for (;;) {
    const at = nextBackslash(text, from)
    if (at === -1) return [...parts, text.slice(from)]
    const end = text.indexOf('\n', at)
    const line = text.slice(at, end === -1 ? undefined : end)
    const [, command = '', argument = ''] = /^\\(\S*)\s*(.*?)\s*;?\s*$/.exec(line) ?? []
    // A quote on such a line is psql's, not SQL's: reading begins anew behind it.
    parts.push(text.slice(from, at), { command, argument, line: lineAt(text, at) })
    if (end === -1) return parts
    from = end
  }
}

function nextBackslash(text: string, from: number): number {
  const lexer = createLexer(text.slice(from))
  while (lexer.next() !== 'end') {
    if (lexer.kind === 'symbol' && lexer.text() === '\\') return from + lexer.start
  }
  return -1
}

/** What changes nothing in a database. `restrict` is what pg_dump guards its output with. */
const IGNORED = new Set([
  'restrict',
  'unrestrict',
  'echo',
  'qecho',
  'warn',
  'set',
  'unset',
  'pset',
  'timing',
  'encoding',
])
const INCLUDES = new Set(['i', 'ir', 'include', 'include_relative'])

class Loading {
  readonly #folder: string
  readonly #parts = new Map<string, readonly Part[]>()
  readonly #included = new Set<string>()
  readonly #files: string[] = []
  readonly #texts: string[] = []
  readonly #versions: string[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  isIncluded(name: string): boolean {
    return this.#included.has(name)
  }

  isLoaded(name: string): boolean {
    return this.#files.includes(name)
  }

  /** Reads a file, and what it includes, without loading it. */
  async look(name: string): Promise<void> {
    if (this.#parts.has(name)) return
    const text = await readExpected(this.#folder, name)
    const parts = locating(name, () => partsOf(text))
    this.#parts.set(name, parts)
    for (const part of parts) {
      if (typeof part === 'string' || !INCLUDES.has(part.command)) continue
      const target = await this.#targetOf(name, part)
      this.#included.add(target)
      await this.look(target)
    }
  }

  /** @param above the files that include it */
  async load(name: string, above: readonly string[]): Promise<void> {
    if (above.includes(name)) {
      throw sourceInvalid(
        `${[...above, name].join(' includes ')}: the files include each other in a circle`,
        'Take one of the includes out.',
      )
    }
    const isNested = above.length > 0
    this.#files.push(name)
    for (const part of this.#parts.get(name) ?? []) {
      if (typeof part === 'string') this.#add(name, part)
      else if (INCLUDES.has(part.command)) await this.load(await this.#targetOf(name, part), [...above, name])
      else if (!IGNORED.has(part.command)) throw unknownCommand(name, part)
    }
    // What a dump sets (an empty search_path, for one) is not meant for the next file.
    if (!isNested && this.#texts.some((text) => SETTING.test(text))) this.#texts.push('RESET ALL;\n')
  }

  #add(name: string, text: string): void {
    const statements = locating(name, () => splitStatements(text))
    const recorded = statements.filter((statement) => RECORDED.test(statement.text))
    for (const statement of recorded) this.#versions.push(...versionsOf(statement))
    const kept = recorded
      .toReversed()
      .reduce((rest, { start, text: gone }) => without(rest, start, gone), text)
    if (statements.length > recorded.length) this.#texts.push(`${closed(kept).trim()}\n`)
  }

  /** `\ir` begins where the file is; `\i` at the folder, as psql is started there, or else where the file is. */
  async #targetOf(name: string, { command, argument, line }: Meta): Promise<string> {
    const given = argument.replace(/^'(.*)'$/s, '$1')
    const beside = normalize(join(dirname(name), given))
    const candidates =
      command === 'ir' || command === 'include_relative' ? [beside] : [normalize(given), beside]
    for (const candidate of candidates) {
      if (candidate.startsWith(`..${sep}`) || candidate.startsWith(sep)) {
        throw sourceInvalid(
          `${name}, line ${line}: \\${command} ${argument} leads out of ${this.#folder}`,
          'Put the file into the folder.',
        )
      }
      if ((await kindOfPath(join(this.#folder, candidate))) === 'file') return relative('', candidate)
    }
    throw sourceInvalid(
      `${name}, line ${line}: \\${command} ${argument}: there is no such file in ${this.#folder}`,
      'Put the file back, or take the line out.',
    )
  }

  result(): DesiredState {
    const sql = this.#texts.join('\n')
    const versions = this.#versions.toSorted()
    return { sql, files: this.#files, ...(versions.length === 0 ? {} : { versions }) }
  }
}

const SETTING = /^\s*set\s|\bset_config\s*\(/im

/** The rows that Rails and dbmate end their file with: data, not schema. */
const RECORDED = /^insert\s+into\s+(?:"?\w+"?\.)?"?schema_migrations"?\s*\(\s*"?version"?\s*\)\s*values\b/i

function versionsOf({ text }: Statement): string[] {
  return [...text.matchAll(/\(\s*'([^']+)'\s*\)/g)].map((match) => match[1] ?? '')
}

function without(text: string, start: number, part: string): string {
  const end = start + part.length
  return text.slice(0, start) + text.slice(end).replace(/^\s*;/, '')
}

function unknownCommand(name: string, { command, line }: Meta): Error {
  const what = command === '.' ? 'has data for COPY' : `has the psql command \\${command}`
  return sourceInvalid(
    `${name}, line ${line} ${what}, which a schema does not need`,
    command === '.' ? 'Dump the schema alone: pg_dump --schema-only.' : 'Take the line out.',
  )
}

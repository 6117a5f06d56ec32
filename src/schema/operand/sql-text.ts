/** SQL that makes a schema, statement by statement, each with the place it comes from. */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { TenantryError } from '../../lib/errors.ts'
import { refuseMigrations } from '../sources/folder.ts'
import { byCodePoint, type DialectName } from '../snapshot/snapshot.ts'

export interface SqlStatement {
  readonly text: string
  /** `schema.sql:12` */
  readonly place: string
}

interface SourceText {
  readonly name: string
  readonly text: string
}

/**
 * Statements of a file, or of all `.sql` files of a folder in the order of their names.
 * @throws TenantryError `invalid_input`, `source_invalid` with file and line for what cannot be read
 */
export async function readSql(dialect: DialectName, from: string): Promise<SqlStatement[]> {
  if (dialect === 'postgres') {
    const { readDesiredState } = await import('../sources/desired-state.ts')
    const { sql, files } = await readDesiredState(from)
    const folder = (await stat(from).catch(absent))?.isDirectory() === true ? from : path.dirname(from)
    const texts = files.map(async (name) => {
      const file = path.join(folder, name)
      return { name: file, text: (await readFile(file, 'utf8').catch(absent)) ?? '' }
    })
    const statements = await split('postgres', sql)
    return placed(statements, await Promise.all(texts))
  }
  const texts = (await readModelsOf(dialect, from)) ?? (await readFiles(from))
  const all: SqlStatement[] = []
  for (const source of texts) all.push(...placed(await split(dialect, source.text), [source]))
  return all
}

/** Models of SQLAlchemy are written by it in the dialect. */
async function readModelsOf(dialect: DialectName, from: string): Promise<SourceText[] | undefined> {
  const { parseModels, readModels } = await import('../sources/sqlalchemy.ts')
  const models = parseModels(from)
  if (models === undefined || (await stat(from).catch(absent)) !== undefined) return undefined
  const { sql } = await readModels(models, dialect)
  return [{ name: from, text: sql }]
}

async function split(dialect: DialectName, text: string): Promise<string[]> {
  switch (dialect) {
    case 'postgres': {
      const { splitStatements } = await import('../statements.ts')
      return splitStatements(text).map((statement) => statement.text)
    }
    case 'mysql': {
      const { splitStatements } = await import('./mysql-statements.ts')
      return splitStatements(text)
    }
    case 'sqlite': {
      const { statementsIn } = await import('../dialects/sqlite/text/statements.ts')
      return statementsIn(text).map(({ sql }) => sql)
    }
  }
}

async function readFiles(from: string): Promise<SourceText[]> {
  const isFolder = (await stat(from)).isDirectory()
  const names = isFolder
    ? (await readdir(from, { recursive: true })).filter((name) => name.endsWith('.sql')).toSorted(byCodePoint)
    : ['']
  if (names.length === 0) {
    throw new TenantryError('invalid_input', `${from} has no SQL files.`, {
      nextSteps: ['Name a .sql file, or a folder of them.'],
    })
  }
  if (isFolder) refuseMigrations(from, names)
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(from, name)
      return { name: file, text: await readFile(file, 'utf8') }
    }),
  )
}

/** Statements are verbatim parts of their files, and come in their order: found again, their lines are known. */
function placed(statements: readonly string[], sources: readonly SourceText[]): SqlStatement[] {
  const from = new Map(sources.map((source) => [source, { offset: 0, line: 1 }]))
  return statements.map((text) => {
    for (const [source, seen] of from) {
      const offset = source.text.indexOf(text, seen.offset)
      if (offset === -1) continue
      const line = seen.line + lineBreaks(source.text, seen.offset, offset)
      const end = offset + text.length
      from.set(source, { offset: end, line: line + lineBreaks(source.text, offset, end) })
      return { text, place: `${source.name}:${line}` }
    }
    return { text, place: sources[0]?.name ?? '' }
  })
}

function lineBreaks(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** Models are no file: what is printed of them has no line. */
function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined
  throw thrown
}

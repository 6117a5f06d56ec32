/** A folder of SQL files in one of the layouts that migration tools use; which one is seen from names and contents. */
import { basename } from 'node:path'
import { filesBelow, namesIn, readExpected } from '../folder.ts'
import { type Source, sourceInvalid } from '../source.ts'
import { dbmate, isDbmate } from './dbmate.ts'
import { flyway, isFlywayName } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose, isGoose } from './goose.ts'
import { expectUnique, type Layout, type SqlFile } from './layout.ts'
import { numbered } from './numbered.ts'

const LAYOUTS: readonly Layout[] = [dbmate, golangMigrate, flyway, goose, numbered]

/** Migrations that are programs: they cannot be read as SQL, and leaving them out would skip what they do. */
const PROGRAM = /^(?:\d+.*|[VRUB][\d_.]*__.*)\.(?:go|java|kt|class|js|cjs|mjs|ts|py|rb|php|exs)$/s

/** A source over the files of `path`. The folder is read anew by each `list()`. */
export function openSqlFolder(path: string): Source {
  return {
    kind: 'sql',
    path,
    layout: async () => layoutOf(path, await readMigrations(path)).name,
    async list() {
      const files = await readMigrations(path)
      const layout = layoutOf(path, files)
      refuseUnsummed(path, files)
      expectUnique(
        files,
        ({ name }) => name,
        ({ name }) => name,
      )
      return layout.read(files)
    },
  }
}

async function readMigrations(path: string): Promise<SqlFile[]> {
  const names = await migrationFiles(path)
  refusePrograms(path, names)
  return Promise.all(names.map(async (name) => ({ name, text: await readExpected(path, name) })))
}

/** Files of Atlas are a source of Atlas only beside their sums: read as plain SQL, directives would be passed over. */
function refuseUnsummed(path: string, files: readonly SqlFile[]): void {
  const atlas = files.find(({ text }) => /^--\s*atlas:\w/m.test(text))
  if (atlas === undefined) return
  throw sourceInvalid(
    `${atlas.name} in ${path} is a file of Atlas (-- atlas:…), and there is no atlas.sum: whether files were changed cannot be told`,
    'Run `atlas migrate hash` there; or take these lines out, where it is to be read as plain SQL.',
  )
}

/** Whether the folder has SQL files that a layout knows, or could be meant to have. */
export async function hasSqlFiles(path: string): Promise<boolean> {
  return (await migrationFiles(path)).length > 0
}

/** SQL files of the folder, with sub-folders where it is Flyway's. */
async function migrationFiles(path: string): Promise<string[]> {
  const top = (await namesIn(path)).files
  const isFlat = top.some((name) => name.endsWith('.sql') && !isFlywayName(name))
  const all = isFlat ? top : await filesBelow(path)
  const isFlyway = all.some(isFlywayName)
  if (!isFlat && !isFlyway) return top.filter((name) => PROGRAM.test(name) && !isTest(name))
  return all.filter(
    (name) => name.endsWith('.sql') || (isFlyway && name.endsWith('.sql.conf')) || isProgram(name),
  )
}

const isTest = (name: string): boolean => name.endsWith('_test.go')
const isProgram = (name: string): boolean => PROGRAM.test(basename(name)) && !isTest(name)

function refusePrograms(path: string, names: readonly string[]): void {
  const program = names.find(isProgram)
  if (program === undefined) return
  throw sourceInvalid(
    `${program} in ${path} is a program: what it does to a database cannot be read from it`,
    'Write that migration as SQL.',
  )
}

/** @throws TenantryError `source_invalid` for files of several layouts or of none */
function layoutOf(path: string, files: readonly SqlFile[]): Layout {
  const examples = new Map<Layout, string>()
  const downs: string[] = []
  for (const file of files.filter(({ name }) => name.endsWith('.sql'))) {
    const layout = layoutOfFile(file)
    if (layout === 'down') downs.push(file.name)
    else if (layout === undefined) throw unknownName(path, file.name)
    else if (!examples.has(layout)) examples.set(layout, file.name)
  }
  const [only, ...others] = examples.keys()
  if (others.length > 0) {
    const found = [...examples].map(([layout, name]) => `${name} (${layout.name})`).join(', ')
    throw sourceInvalid(
      `${path} has files of several layouts: ${found}`,
      'Keep the files of one tool in the folder; a marker such as `-- migrate:up` may be missing in one of them.',
    )
  }
  // Only files that undo: the layout says what is missing.
  return only ?? (downs.length > 0 ? numbered : noLayout(path))
}

/** `down` for names that two layouts share. */
function layoutOfFile({ name, text }: SqlFile): Layout | 'down' | undefined {
  if (isFlywayName(name)) return flyway
  if (!/^\d/.test(name)) return undefined
  if (/^\d+_.*\.up\.sql$/s.test(name)) return golangMigrate
  if (name.endsWith('.down.sql')) return 'down'
  if (isDbmate(text)) return dbmate
  if (isGoose(text)) return goose
  return numbered
}

export const KNOWN_LAYOUTS = LAYOUTS.map(({ name, looks }) => `${name}: ${looks}`)

function unknownName(path: string, name: string): Error {
  if (name !== basename(name)) {
    return sourceInvalid(
      `${path} has SQL in sub-folders (${name}), which only Flyway's layout has`,
      'Name the folder that holds the migrations itself.',
    )
  }
  return sourceInvalid(
    `${name} in ${path} is not named as a migration, so its place in the order is unknown`,
    `Rename it or move it elsewhere. Known names: ${KNOWN_LAYOUTS.join('; ')}.`,
  )
}

function noLayout(path: string): never {
  throw sourceInvalid(`${path} has no SQL migrations`, `Known names: ${KNOWN_LAYOUTS.join('; ')}.`)
}

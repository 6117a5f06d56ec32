/** Projects whose migrations are programs: found by what they say, read by running them against a stub. */
import { basename, dirname, extname, join, resolve } from 'node:path'
import { kindOfPath, namesIn, readExpected } from './folder.ts'
import type { RecordedMigration, RecordedTool, RecordingJob } from './recording/protocol.ts'
import { recordMigrations, versionOfRecording } from './recording/record.ts'
import type { VersionDialect } from '../version-dialects.ts'
import { expectDialect, type Source, type SourceVersion } from './source.ts'
import { describe, expectUnique } from './sql/layout.ts'

/** Where the tools put migrations unless they are told otherwise, below a project. */
const FOLDERS = [
  '',
  'migrations',
  'db/migrations',
  'database/migrations',
  'src/migrations',
  'src/migration',
  'src/database/migrations',
  'src/db/migrations',
]

/** What the migrations of each tool cannot be without. The first that fits counts. */
const SIGNS: Record<RecordedTool, RegExp> = {
  typeorm: /\bMigrationInterface\b|\bqueryRunner\b/,
  sequelize: /\bqueryInterface\b|\bsequelize\b/i,
  'node-pg-migrate': /\bpgm\b|\bMigrationBuilder\b|\bnode-pg-migrate\b/,
  knex: /\bknex\b/i,
}

const PROGRAM = /^(?!.*\.d\.[mc]?ts$).*\.[mc]?[jt]s$/s

/** The folder with the tool's migrations: `path`, or one of the usual places below it. */
export async function findRecorded(path: string, tool: RecordedTool): Promise<string | undefined> {
  if ((await kindOfPath(path)) !== 'folder') return undefined
  for (const below of FOLDERS) {
    const folder = join(path, below)
    if ((await kindOfPath(folder)) === 'folder' && (await toolOf(folder)) === tool) return folder
  }
  return undefined
}

async function toolOf(folder: string): Promise<RecordedTool | undefined> {
  const programs = (await programsIn(folder)).filter((name) => /^[A-Za-z_-]{0,20}\d/.test(name))
  for (const name of programs) {
    const text = await readExpected(folder, name)
    const found = Object.entries(SIGNS).find(([, sign]) => sign.test(text))
    if (found !== undefined) return found[0] as RecordedTool
  }
  return undefined
}

/** The names of the folder's programs, sorted as text. */
export async function programsIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).files.filter((name) => PROGRAM.test(name) && !name.startsWith('.'))
}

export interface RecordedSource {
  readonly tool: RecordedTool
  /** How the user named it. */
  readonly path: string
  /** The folder with the migrations, or the tool's configuration file. */
  readonly at: string
  /** The migrations among the folder's files, in order; absent where the configuration says it. */
  readonly files?: (folder: string) => Promise<string[]>
  readonly revisionOf: (migration: RecordedMigration) => string
}

export function openRecorded({ tool, path, at, files, revisionOf }: RecordedSource): Source {
  return {
    kind: tool,
    path,
    async list(dialect = 'postgres') {
      if (tool === 'node-pg-migrate') {
        expectDialect(
          path,
          { word: 'PostgreSQL alone, as all of node-pg-migrate', dialect: 'postgres' },
          dialect,
        )
      }
      const names = await files?.(at)
      if (names?.length === 0) return []
      if (names !== undefined) expectUnique(names, stem, (name) => name)
      const place = resolve(at)
      const job: RecordingJob = { tool, dialect, at: place, ...(names === undefined ? {} : { files: names }) }
      const folder = names === undefined ? dirname(place) : await projectOf(place)
      const migrations = await recordMigrations(job, folder)
      return migrations.map((migration) => version(dialect, migration, revisionOf(migration)))
    },
  }
}

function version(dialect: VersionDialect, migration: RecordedMigration, revision: string): SourceVersion {
  const words = revision.replace(/^[\d_.-]+|\d{13}$/g, '').replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ')
  const description = describe(words)
  const recorded = versionOfRecording(dialect, migration, { revision, description })
  return { ...recorded, native: { id: migration.name } }
}

export function stem(name: string): string {
  return basename(name, extname(name))
}

/** The nearest folder with a package.json: where the tool would be started. */
async function projectOf(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if ((await kindOfPath(join(at, 'package.json'))) === 'file') return at
    if (dirname(at) === at) return folder
  }
}

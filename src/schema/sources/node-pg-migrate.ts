/**
 * node-pg-migrate: migrations in JavaScript, TypeScript or SQL (`-- Up Migration`, `-- Down Migration`), run by the
 * project's own node-pg-migrate. Order of the numbers that the names begin with, then of the names.
 */
import { join } from 'node:path'
import { kindOfPath, namesIn, readExpected } from './folder.ts'
import { findRecorded, openRecorded } from './recorded.ts'
import { type Source, sourceInvalid } from './source.ts'

const MIGRATION = /^(?!.*\.d\.[mc]?ts$)[^.].*\.(?:[mc]?[jt]s|sql)$/s

/** The folder with the migrations; one of SQL alone is known by the package.json that names the tool. */
export async function findNodePgMigrate(path: string): Promise<string | undefined> {
  const found = await findRecorded(path, 'node-pg-migrate')
  if (found !== undefined) return found
  const folder = join(path, 'migrations')
  const isProject = (await kindOfPath(join(path, 'package.json'))) === 'file'
  if (!isProject || (await kindOfPath(folder)) !== 'folder') return undefined
  if (!/"node-pg-migrate"\s*:/.test(await readExpected(path, 'package.json'))) return undefined
  return (await namesIn(folder)).files.every((name) => name.endsWith('.sql')) ? folder : undefined
}

/** A source over the migrations in `folder`; `path` is how the user named it. */
export function openNodePgMigrate(folder: string, path: string): Source {
  return openRecorded({
    tool: 'node-pg-migrate',
    path,
    at: folder,
    files: migrationsIn,
    revisionOf: ({ name }) => name,
  })
}

async function migrationsIn(folder: string): Promise<string[]> {
  const names = (await namesIn(folder)).files.filter((name) => MIGRATION.test(name))
  const pair = names.find((name) => /\.(?:up|down)\.sql$/.test(name))
  if (pair !== undefined) {
    throw sourceInvalid(
      `${join(folder, pair)} is one of a pair of files, which node-pg-migrate reads only with a loader of its own`,
      'Put both into one file, under -- Up Migration and -- Down Migration.',
    )
  }
  return names.toSorted((a, b) => numberOf(a) - numberOf(b) || a.localeCompare(b))
}

/** A time in milliseconds; 17 digits are a date and time, as the tool's `utc` names have it. */
function numberOf(name: string): number {
  const digits = /^\d+/.exec(name)?.[0] ?? ''
  if (digits.length !== 17) return Number(digits)
  const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)(...)$/, '$1-$2-$3T$4:$5:$6.$7Z')
  return Date.parse(iso)
}

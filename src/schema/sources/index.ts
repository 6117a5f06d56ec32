/** Sources of versions: from a path to plain data, whatever tool the files are of. */
import { join } from 'node:path'
import { rulesFor, type VersionDialect } from '../version-dialects.ts'
import { findAlembicConfig, openAlembic } from './alembic.ts'
import { findAtlas, openAtlas } from './atlas.ts'
import { findDrizzle, openDrizzle } from './drizzle.ts'
import { kindOfPath } from './folder.ts'
import { findKnex, openKnex } from './knex.ts'
import { findNodePgMigrate, openNodePgMigrate } from './node-pg-migrate.ts'
import { joinPieces } from './pieces.ts'
import { findPrisma, openPrisma } from './prisma.ts'
import { findSequelize, openSequelize } from './sequelize.ts'
import {
  locating,
  nothingToDo,
  type Place,
  type Range,
  type Rendered,
  type Source,
  sourceInvalid,
  type SourceKind,
  type SourceVersion,
  targetBeforeAfter,
  unknownRevision,
} from './source.ts'
import { hasSqlFiles, KNOWN_LAYOUTS, openSqlFolder } from './sql/index.ts'
import { findTypeorm, openTypeorm } from './typeorm.ts'

export type { Rendered, Source, SourceKind, SourceVersion } from './source.ts'

type Opener = (path: string) => Promise<Source | undefined>

/** @param find the folder or file that makes a path a source of this kind */
function opener(
  find: (path: string) => Promise<string | undefined>,
  open: (found: string, path: string) => Source,
): Opener {
  return async (path) => {
    const found = await find(path)
    return found === undefined ? undefined : open(found, path)
  }
}

/** For each kind: the source at a path, undefined when there is none. Plain SQL comes last, for all others have some. */
const OPENERS: Record<SourceKind, Opener> = {
  alembic: opener(findAlembicConfig, openAlembic),
  prisma: opener(findPrisma, openPrisma),
  drizzle: opener(findDrizzle, openDrizzle),
  knex: opener(findKnex, openKnex),
  sequelize: opener(findSequelize, openSequelize),
  'node-pg-migrate': opener(findNodePgMigrate, openNodePgMigrate),
  typeorm: opener(findTypeorm, openTypeorm),
  atlas: opener(findAtlas, openAtlas),
  sql: async (path) => {
    const isFolder = (await kindOfPath(path)) === 'folder'
    return isFolder && (await hasSqlFiles(path)) ? openSqlFolder(path) : undefined
  },
}

const LOOKED_FOR: Record<SourceKind, string> = {
  alembic: 'alembic.ini (Alembic)',
  prisma: 'migration_lock.toml beside the migrations (Prisma)',
  drizzle: `${join('meta', '_journal.json')} (Drizzle)`,
  knex: 'knexfile.js or migrations that use knex (Knex)',
  sequelize: 'migrations that use queryInterface (Sequelize)',
  'node-pg-migrate': 'migrations that use pgm (node-pg-migrate)',
  typeorm: 'migrations that use queryRunner (TypeORM)',
  atlas: 'atlas.sum (Atlas)',
  sql: `SQL files: ${KNOWN_LAYOUTS.join('; ')}`,
}

/**
 * Opens the source at a path: alembic.ini or its folder, the migrations of Prisma, Drizzle, Knex, Sequelize,
 * node-pg-migrate, TypeORM or Atlas or the project that has them, a folder of SQL files. The kind is seen from what is there unless it is given.
 * @throws TenantryError `source_invalid`, saying what was looked for
 */
export async function openSource(input: { path: string; kind?: SourceKind }): Promise<Source> {
  const { path, kind } = input
  if (path === '' || (await kindOfPath(path)) === 'absent') {
    throw sourceInvalid(`The source ${JSON.stringify(path)} does not exist`, 'Check the path.')
  }
  const source = kind === undefined ? await detect(path) : await OPENERS[kind](path)
  if (source !== undefined) return source
  const what = kind === undefined ? 'in any known layout' : `for ${kind}`
  const wanted = kind === undefined ? Object.values(LOOKED_FOR) : [LOOKED_FOR[kind]]
  throw sourceInvalid(`${path} has no migrations ${what}`, `Looked for: ${wanted.join(', or ')}.`)
}

async function detect(path: string): Promise<Source | undefined> {
  const found: Source[] = []
  for (const [kind, open] of Object.entries(OPENERS)) {
    const source = kind === 'sql' ? undefined : await open(path)
    if (source !== undefined) found.push(source)
  }
  if (found.length > 1) {
    const kinds = found.map((source) => source.kind).join(' and ')
    throw sourceInvalid(`${path} has migrations of ${kinds}`, 'Name the folder of one of them.')
  }
  return found[0] ?? (await OPENERS.sql(path))
}

/**
 * The SQL of everything after revision `after` (from the start when absent) up to and including `target`, a revision
 * or `head`: the upgrade in order, the downgrade in reverse.
 * @param dialect what its SQL is written in
 * @throws TenantryError `invalid_input`: an unknown revision (the known ones are named), a target that comes before
 *   `after`, nothing to do, SQL that cannot be read; `source_invalid`: SQL that cannot run as a version, with file and
 *   line, or a source that cannot be used; `program_missing`.
 */
export async function renderRange(
  source: Source,
  range: Range,
  dialect: VersionDialect = 'postgres',
): Promise<Rendered> {
  const rendered =
    source.render === undefined
      ? renderList(await source.list(dialect), range, dialect)
      : await source.render(range, dialect)
  // What was put together from several parts was checked part by part, where lines and files can be named.
  check(dialect, rendered.upgradeSql, `The upgrade to ${rendered.revision}`)
  if (rendered.downgradeSql !== null) {
    check(dialect, rendered.downgradeSql, `The downgrade from ${rendered.revision}`)
  }
  return rendered
}

function renderList(versions: readonly SourceVersion[], range: Range, dialect: VersionDialect): Rendered {
  const chosen = choose(versions, range)
  for (const version of chosen) checkVersion(dialect, version)
  const last = chosen.at(-1)!
  const missing = chosen
    .filter(({ downgradeSql }) => downgradeSql === null)
    .map(({ revision, downgradeMissing: why }) => (why === undefined ? revision : `${revision} (${why})`))
  const downs = chosen
    .toReversed()
    .map((version) => ({ sql: version.downgradeSql ?? '', title: titleOf(version) }))
  return {
    revision: last.revision,
    upgradeSql: together(
      dialect,
      chosen.map((version) => ({ sql: version.upgradeSql, title: titleOf(version) })),
    ),
    downgradeSql: missing.length > 0 ? null : together(dialect, downs),
    downgradeMissing: missing.length > 0 ? `There is no way back from ${missing.join(', ')}.` : null,
    revisions: chosen.map(({ revision }) => revision),
  }
}

function titleOf({ revision, description }: SourceVersion): string {
  return description === '' ? revision : `${revision}: ${description}`
}

/** One version stays as it was written. */
function together(dialect: VersionDialect, pieces: readonly { sql: string; title: string }[]): string {
  const [only, ...others] = pieces
  return only !== undefined && others.length === 0 ? only.sql : joinPieces(pieces, dialect)
}

function choose(versions: readonly SourceVersion[], range: Range): [...SourceVersion[], SourceVersion] {
  const known = versions.map(({ revision }) => revision)
  if (known.length === 0) throw nothingToDo(range, known)
  const indexOf = (revision: string): number => {
    const index = known.indexOf(revision)
    if (index === -1) throw unknownRevision(revision, known)
    return index
  }
  const from = range.after === undefined ? -1 : indexOf(range.after)
  const to = range.target === 'head' ? known.length - 1 : indexOf(range.target)
  if (to === from) throw nothingToDo(range, known)
  if (to < from) throw targetBeforeAfter(range, known)
  return versions.slice(from + 1, to + 1) as [...SourceVersion[], SourceVersion]
}

function checkVersion(dialect: VersionDialect, version: SourceVersion): void {
  check(dialect, version.upgradeSql, `Revision ${version.revision}`, version.upgradeAt)
  if (version.downgradeSql !== null) {
    check(dialect, version.downgradeSql, `The downgrade of revision ${version.revision}`, version.downgradeAt)
  }
}

/** Names the file, and counts lines as the file does, in what is said about its SQL. */
function check(dialect: VersionDialect, sql: string, what: string, at: Place = { file: '', line: 1 }): void {
  const aligned = at.line === 0 ? sql.slice(sql.indexOf('\n') + 1) : '\n'.repeat(at.line - 1) + sql
  locating(at.file === '' ? what : `${what} (${at.file})`, () => rulesFor(dialect).check(aligned))
}

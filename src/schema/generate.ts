/** Making a version from what a source has beyond the last version that came from it. */
import { isAbsolute, relative, resolve } from 'node:path'
import { realpath } from 'node:fs/promises'
import type { Config } from '../config.ts'
import type { Control } from '../control/control.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { openSource, renderRange } from './sources/index.ts'
import {
  lastRevision,
  storeVersion,
  withNewVersionId,
  type VersionDialect,
  type VersionSummary,
} from './versions.ts'
import { prepareVersion, type PreparedVersion } from './version-files.ts'

export interface Generation {
  readonly description: string
  /** `head` or a revision of the source. */
  readonly targetRevision: string
  /** Path of the source; the configured Alembic project when absent. */
  readonly source: string | undefined
  /** What its SQL is written in; default `postgres`. */
  readonly dialect?: VersionDialect | undefined
}

export interface Generated {
  readonly version: VersionSummary
  /** The source's revisions that the version covers. */
  readonly revisions: readonly string[]
  /** What the source was taken for: the name of a tool, or how a plain folder of SQL was read. */
  readonly readAs: string
  readonly files: { readonly upgrade: string; readonly downgrade: string | null }
}

/**
 * Stores the version and writes its files.
 * @param baseDirectory sources asked for by path must lie inside of it: reading one can run its code.
 * @throws TenantryError `source_invalid` (also for a path outside), `program_missing`.
 */
export async function generateVersion(
  control: Control,
  config: Config,
  input: Generation,
  baseDirectory: string,
): Promise<Generated> {
  const { path, key } = await findSource(config, input.source, baseDirectory)
  const source = await openSource({ path })
  const after = await lastRevision(control, key)
  const range = await renderRange(
    source,
    { ...(after === undefined ? {} : { after }), target: input.targetRevision },
    input.dialect,
  )
  let files: PreparedVersion | undefined
  const version = await withNewVersionId(control, new Date(), async (tx, versionId) => {
    const stored = await storeVersion(tx, {
      versionId,
      dialect: input.dialect,
      description: input.description,
      upgradeSql: range.upgradeSql,
      downgradeSql: range.downgradeSql,
      source: key,
      sourceRevision: range.revision,
    })
    // Before the commit: a version whose files cannot be written is not stored either.
    files = await prepareFiles(config.sqlVersionsDir, stored, range)
    return stored
  }).catch(async (error: unknown) => {
    await files?.discard()
    throw error
  })
  await files?.publish()
  const file = (name: string): string => `${config.sqlVersionsDir}/${version.version_id}/${name}`
  return {
    version,
    revisions: range.revisions,
    readAs: (await source.layout?.()) ?? source.kind,
    files: {
      upgrade: file('upgrade.sql'),
      downgrade: range.downgradeSql === null ? null : file('downgrade.sql'),
    },
  }
}

async function prepareFiles(
  directory: string,
  version: VersionSummary,
  sql: { readonly upgradeSql: string; readonly downgradeSql: string | null },
): Promise<PreparedVersion> {
  try {
    return await prepareVersion(directory, {
      versionId: version.version_id,
      dialect: version.dialect === 'postgres' ? undefined : version.dialect,
      description: version.description,
      upgradeSql: sql.upgradeSql,
      downgradeSql: sql.downgradeSql,
      checksum: version.checksum,
      source: version.source,
      sourceRevision: version.source_revision,
      createdAt: version.created_at.toISOString(),
    })
  } catch (cause) {
    throw new TenantryError(
      'conflict',
      `The version's files cannot be written to ${directory}: ${messageOf(cause)}. Nothing was stored.`,
      {
        cause,
        nextSteps: ['Let the server write to that directory, or set SQL_VERSIONS_DIR to another one.'],
      },
    )
  }
}

/**
 * Where a source is, and the key under which versions made of it are stored.
 * @throws TenantryError `source_invalid` (also for a path outside of the base directory)
 */
export async function findSource(
  config: Config,
  asked: string | undefined,
  baseDirectory: string,
): Promise<{ path: string; key: string }> {
  const path = await sourcePath(config, asked, baseDirectory)
  const { kind } = await openSource({ path })
  return { path, key: `${kind}:${relative(baseDirectory, path) || '.'}` }
}

async function sourcePath(config: Config, asked: string | undefined, baseDirectory: string): Promise<string> {
  if (asked === undefined) {
    if (config.alembicConfigPath !== undefined) return config.alembicConfigPath
    throw new TenantryError('invalid_input', 'No source is named, and ALEMBIC_CONFIG_PATH is not set.', {
      nextSteps: [
        'Name a source: a folder of SQL files, an alembic.ini, the migrations of Prisma, Drizzle, Knex, Sequelize, …',
      ],
    })
  }
  const path = resolve(baseDirectory, asked)
  const real = await realpath(path).catch((cause: unknown) => {
    throw new TenantryError('source_invalid', `The source ${asked} does not exist.`, { cause })
  })
  const inside = relative(await realpath(baseDirectory), real)
  if (inside.startsWith('..') || isAbsolute(inside)) {
    throw new TenantryError('source_invalid', `The source ${asked} lies outside of the server's directory.`, {
      nextSteps: ['Put the source below that directory, or store the SQL yourself: tenantry version add'],
    })
  }
  return path
}

/** Versions: named, checksummed SQL changes. Stored once, never changed. */
import { TenantryError } from '../lib/errors.ts'
import type { Control, Queryable } from '../control/control.ts'
import { rulesFor, type VersionDialect } from './version-dialects.ts'
import { checksumOf, checkVersionId } from './version-files.ts'

export type { VersionDialect } from './version-dialects.ts'

export interface Version {
  readonly version_id: string
  readonly dialect: VersionDialect
  readonly description: string
  readonly upgrade_sql: string
  readonly downgrade_sql: string | null
  /** SHA-256, see checksumOf. */
  readonly checksum: string
  readonly source: string | null
  readonly source_revision: string | null
  readonly created_at: Date
}

export type VersionSummary = Omit<Version, 'upgrade_sql' | 'downgrade_sql'> & {
  readonly upgrade_bytes: number
  readonly has_downgrade: boolean
}

export interface NewVersion {
  readonly versionId: string
  /** Default `postgres`. */
  readonly dialect?: VersionDialect | undefined
  readonly description: string
  readonly upgradeSql: string
  readonly downgradeSql: string | null
  readonly source?: string | null | undefined
  readonly sourceRevision?: string | null | undefined
  /** Made for a measurement: in no list, and never the latest. */
  readonly internal?: boolean | undefined
}

const SUMMARY = `version_id, dialect, description, checksum, source, source_revision, created_at,
  octet_length(upgrade_sql) as upgrade_bytes, downgrade_sql is not null as has_downgrade`

/**
 * Stores a version; storing the same again changes nothing.
 * @throws TenantryError `checksum_conflict` with both checksums when the id is taken by other content,
 *   `source_invalid` when the SQL cannot be run as a version.
 */
export async function storeVersion(on: Queryable, version: NewVersion): Promise<VersionSummary> {
  checkVersionId(version.versionId)
  const dialect = version.dialect ?? 'postgres'
  const { check } = rulesFor(dialect)
  check(version.upgradeSql)
  if (version.downgradeSql !== null) check(version.downgradeSql)
  const checksum = checksumOf(version.upgradeSql, version.downgradeSql)
  await on.query(
    `insert into tenantry.versions (version_id, description, upgrade_sql, downgrade_sql, checksum, source, source_revision, internal, dialect)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (version_id) do nothing`,
    [
      version.versionId,
      version.description,
      version.upgradeSql,
      version.downgradeSql,
      checksum,
      version.source ?? null,
      version.sourceRevision ?? null,
      version.internal ?? false,
      dialect,
    ],
  )
  const stored = await getVersionSummary(on, version.versionId)
  if (stored.dialect !== dialect) {
    throw new TenantryError(
      'conflict',
      `Version ${version.versionId} is stored as ${stored.dialect}, not ${dialect}.`,
    )
  }
  if (stored.checksum !== checksum) {
    throw new TenantryError(
      'checksum_conflict',
      `Version ${version.versionId} is stored with checksum ${stored.checksum}, this content has ${checksum}.`,
      { nextSteps: ['A stored version never changes: give the new content a version id of its own.'] },
    )
  }
  return stored
}

/** Newest first, `limit` of them before the id `before`. */
export function listVersions(
  on: Queryable,
  filter: { before?: string | undefined; limit: number },
): Promise<VersionSummary[]> {
  return on.query<VersionSummary>(
    `select ${SUMMARY} from tenantry.versions where not internal and ($1::text is null or version_id < $1)
     order by version_id desc limit $2`,
    [filter.before ?? null, filter.limit],
  )
}

/** @throws TenantryError `not_found` */
export async function getVersion(on: Queryable, versionId: string): Promise<Version> {
  const [version] = await on.query<Version>('select * from tenantry.versions where version_id = $1', [
    versionId,
  ])
  if (version === undefined) throw versionNotFound(versionId)
  return version
}

async function getVersionSummary(on: Queryable, versionId: string): Promise<VersionSummary> {
  const [version] = await on.query<VersionSummary>(
    `select ${SUMMARY} from tenantry.versions where version_id = $1`,
    [versionId],
  )
  if (version === undefined) throw versionNotFound(versionId)
  return version
}

/** All versions of its dialect up to and including `versionId`, oldest first. */
export function versionIdsUpTo(on: Queryable, versionId: string): Promise<{ version_id: string }[]> {
  return on.query<{ version_id: string }>(
    `select version_id from tenantry.versions where version_id <= $1 and not internal
       and dialect = (select dialect from tenantry.versions where version_id = $1) order by version_id`,
    [versionId],
  )
}

/** The newest version's id. @throws TenantryError `not_found` when there is none. */
export async function newestVersionId(on: Queryable, dialect: VersionDialect): Promise<string> {
  const [row] = await on.query<{ version_id: string | null }>(
    'select max(version_id) as version_id from tenantry.versions where not internal and dialect = $1',
    [dialect],
  )
  if (row?.version_id == null) {
    throw new TenantryError('not_found', 'There is no version yet.', {
      nextSteps: [
        'Make one: tenantry version generate --source DIR "description", or tenantry version import DIR',
      ],
    })
  }
  return row.version_id
}

/** The revision of `source` that was stored last, to go on from there. */
export async function lastRevision(on: Queryable, source: string): Promise<string | undefined> {
  const [row] = await on.query<{ source_revision: string }>(
    `select source_revision from tenantry.versions where source = $1 and source_revision is not null
     order by version_id desc limit 1`,
    [source],
  )
  return row?.source_revision
}

/** The versions that were made of `source`, oldest first, with the revision that each ends at. */
export function versionsOfSource(
  on: Queryable,
  source: string,
): Promise<{ versionId: string; checksum: string; revision: string; dialect: VersionDialect }[]> {
  return on.query(
    `select version_id as "versionId", checksum, source_revision as revision, dialect from tenantry.versions
     where source = $1 and source_revision is not null and not internal order by version_id`,
    [source],
  )
}

/** Runs `store` with a version id that is free and newer than all others: now, or the next free second. */
export async function withNewVersionId<T>(
  control: Control,
  now: Date,
  store: (tx: Queryable, versionId: string) => Promise<T>,
): Promise<T> {
  return control.transaction(async (tx) => {
    await tx.query('lock table tenantry.versions in share row exclusive mode')
    const [row] = await tx.query<{ newest: string | null }>(
      'select max(version_id) as newest from tenantry.versions',
    )
    const newest = row?.newest ?? ''
    const isFree = versionIdOf(now) > newest
    return store(tx, versionIdOf(isFree ? now : new Date(timeOf(newest).getTime() + 1000)))
  })
}

/** `YYYYMMDD_HHMMSS` in UTC. */
export function versionIdOf(time: Date): string {
  const digits = time.toISOString().replaceAll(/\D/g, '')
  return `${digits.slice(0, 8)}_${digits.slice(8, 14)}`
}

function timeOf(versionId: string): Date {
  return new Date(versionId.replace(/^(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z'))
}

function versionNotFound(versionId: string): TenantryError {
  return new TenantryError('not_found', `There is no version ${versionId}.`, {
    nextSteps: ['List them with: tenantry version list'],
  })
}

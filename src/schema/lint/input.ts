/** What there is to look at behind a path: one file, one version, a folder of versions or of any tool's migrations. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import { kindOfPath, namesIn } from '../sources/folder.ts'
import { openSource } from '../sources/index.ts'
import { isVersionId, readVersion, readVersions, type VersionDocument } from '../version-files.ts'
import type { LintInput } from './finding.ts'

export interface LintInputs {
  /** What goes before: rehearsed, and not looked at. */
  readonly before: readonly LintInput[]
  readonly inputs: readonly LintInput[]
  /** Versions that are not for PostgreSQL: nothing is said of them. */
  readonly others: readonly string[]
}

/**
 * @param since only what comes after this version or revision
 * @throws TenantryError `invalid_input`, `source_invalid`, `checksum_conflict`
 */
export async function readInputs(from: string, since?: string): Promise<LintInputs> {
  const all = await readPath(from)
  if (since === undefined) return all
  const at = all.inputs.findIndex(({ name }) => name === since)
  if (at !== -1) {
    const before = [...all.before, ...all.inputs.slice(0, at + 1)]
    return { ...all, before, inputs: all.inputs.slice(at + 1) }
  }
  throw new TenantryError('invalid_input', `${from} has no version ${since}.`, {
    nextSteps: [
      `It has: ${all.inputs
        .map(({ name }) => name)
        .slice(-10)
        .join(', ')}.`,
    ],
  })
}

async function readPath(from: string): Promise<LintInputs> {
  const kind = await kindOfPath(from)
  if (kind === 'absent') throw new TenantryError('invalid_input', `There is no file ${from}.`)
  if (kind === 'file') return { before: [], inputs: [await readFileInput(from)], others: [] }
  const folder = path.resolve(from)
  const id = path.basename(folder)
  const { files, folders } = await namesIn(folder)
  if (isVersionId(id) && files.includes('metadata.json')) return oneVersion(from, id)
  if (folders.some(isVersionId)) {
    const versions = await readVersions(from)
    const others = versions.filter((version) => !isForPostgres(version)).map(({ versionId }) => versionId)
    return { before: [], inputs: inputsOf(from, versions), others }
  }
  const revisions = await (await openSource({ path: from })).list()
  const inputs = revisions.map(({ revision, upgradeSql, upgradeAt, downgradeSql, downgradeAt }) => ({
    name: revision,
    file: upgradeAt === undefined ? null : fileOf(from, upgradeAt.file),
    firstLine: upgradeAt?.line ?? 1,
    sql: upgradeSql,
    ...(downgradeSql === null
      ? {}
      : {
          downgrade: {
            file: downgradeAt === undefined ? null : fileOf(from, downgradeAt.file),
            firstLine: downgradeAt?.line ?? 1,
            sql: downgradeSql,
          },
        }),
  }))
  return { before: [], inputs, others: [] }
}

function fileOf(from: string, file: string): string {
  return path.isAbsolute(file) || file.startsWith(from) ? file : path.join(from, file)
}

async function readFileInput(file: string): Promise<LintInput> {
  try {
    return { name: file, file, firstLine: 1, sql: await readFile(file, 'utf8') }
  } catch (cause) {
    throw new TenantryError('invalid_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** With those beside it that are older: it is made for the schema that they lead to. */
async function oneVersion(from: string, id: string): Promise<LintInputs> {
  const directory = path.dirname(path.resolve(from))
  const { dialect = 'postgres' } = await readVersion(directory, id)
  if (dialect !== 'postgres') throw notForPostgres(id, dialect)
  const versions = (await readVersions(directory)).filter(({ versionId }) => versionId <= id)
  const all = inputsOf(path.dirname(from), versions)
  return { before: all.slice(0, -1), inputs: all.slice(-1), others: [] }
}

function inputsOf(directory: string, versions: readonly VersionDocument[]): LintInput[] {
  return versions.filter(isForPostgres).map(({ versionId, upgradeSql, downgradeSql }) => {
    const file = (name: string): string => path.join(directory, versionId, name)
    const upgrade = { name: versionId, file: file('upgrade.sql'), firstLine: 1, sql: upgradeSql }
    if (downgradeSql === null) return upgrade
    return { ...upgrade, downgrade: { file: file('downgrade.sql'), firstLine: 1, sql: downgradeSql } }
  })
}

function isForPostgres({ dialect = 'postgres' }: VersionDocument): boolean {
  return dialect === 'postgres'
}

export function notForPostgres(version: string, dialect: string): TenantryError {
  return new TenantryError(
    'invalid_input',
    `Version ${version} is for ${dialect}: only SQL for PostgreSQL is linted.`,
    { nextSteps: ['A dry run tries it on the tenants themselves: tenantry rollout start … --dry-run'] },
  )
}

/** What there is to look at behind a path: one file, one version, a folder of versions or of any tool's migrations. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import { kindOfPath, namesIn } from '../sources/folder.ts'
import { openSource } from '../sources/index.ts'
import type { VersionDialect } from '../version-dialects.ts'
import { isVersionId, readVersion, readVersions, type VersionDocument } from '../version-files.ts'
import type { LintInput } from './finding.ts'

export interface LintInputs {
  /** What goes before: rehearsed, and not looked at. */
  readonly before: readonly LintInput[]
  readonly inputs: readonly LintInput[]
}

/**
 * @param dialect of what does not say itself what it is written in
 * @param since only what comes after this version or revision
 * @throws TenantryError `invalid_input`, `source_invalid`, `checksum_conflict`
 */
export async function readInputs(from: string, dialect: VersionDialect, since?: string): Promise<LintInputs> {
  const all = await readPath(from, dialect)
  if (since === undefined) return all
  const at = all.inputs.findIndex(({ name }) => name === since)
  if (at !== -1) {
    const before = [...all.before, ...all.inputs.slice(0, at + 1)]
    return { before, inputs: all.inputs.slice(at + 1) }
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

async function readPath(from: string, dialect: VersionDialect): Promise<LintInputs> {
  const kind = await kindOfPath(from)
  if (kind === 'absent') throw new TenantryError('invalid_input', `There is no file ${from}.`)
  if (kind === 'file') return { before: [], inputs: [{ ...(await readFileInput(from)), dialect }] }
  const folder = path.resolve(from)
  const id = path.basename(folder)
  const { files, folders } = await namesIn(folder)
  if (isVersionId(id) && files.includes('metadata.json')) return oneVersion(from, id)
  if (folders.some(isVersionId)) {
    return { before: [], inputs: inputsOf(from, await readVersions(from)) }
  }
  const revisions = await (await openSource({ path: from })).list(dialect)
  const inputs = revisions.map(({ revision, upgradeSql, upgradeAt, downgradeSql, downgradeAt }) => ({
    name: revision,
    dialect,
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
  return { before: [], inputs }
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
  const { dialect: wanted = 'postgres' } = await readVersion(directory, id)
  const versions = (await readVersions(directory)).filter(
    ({ versionId, dialect = 'postgres' }) => versionId <= id && dialect === wanted,
  )
  const all = inputsOf(path.dirname(from), versions)
  return { before: all.slice(0, -1), inputs: all.slice(-1) }
}

function inputsOf(directory: string, versions: readonly VersionDocument[]): LintInput[] {
  return versions.map(({ versionId, dialect = 'postgres', upgradeSql, downgradeSql }) => {
    const file = (name: string): string => path.join(directory, versionId, name)
    const upgrade = { name: versionId, dialect, file: file('upgrade.sql'), firstLine: 1, sql: upgradeSql }
    if (downgradeSql === null) return upgrade
    return { ...upgrade, downgrade: { file: file('downgrade.sql'), firstLine: 1, sql: downgradeSql } }
  })
}

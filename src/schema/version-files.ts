/**
 * Versions as files, so that they can live in git:
 * `<directory>/<version_id>/{metadata.json, upgrade.sql, downgrade.sql}`. There is no `downgrade.sql` when a
 * version has none. The texts are written byte for byte; line ends are never changed.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { SERVER_KINDS, type ServerKind } from '../engine/address.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { readText } from './text-file.ts'

export interface VersionDocument {
  /** YYYYMMDD_HHMMSS, a date and time that exist. */
  versionId: string
  /** Default `postgres`. */
  dialect?: ServerKind | undefined
  description: string
  upgradeSql: string
  downgradeSql: string | null
  /** See `checksumOf`. */
  checksum: string
  /** Where it was generated from, and up to which revision there. */
  source: string | null
  sourceRevision: string | null
  /** ISO 8601, UTC. */
  createdAt: string
}

const METADATA = 'metadata.json'
const UPGRADE = 'upgrade.sql'
const DOWNGRADE = 'downgrade.sql'

const metadataSchema = z.object({
  version_id: z.string(),
  dialect: z.enum(SERVER_KINDS).optional(),
  description: z.string(),
  checksum: z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in hexadecimal'),
  source: z.string().nullable().default(null),
  source_revision: z.string().nullable().default(null),
  created_at: z.iso.datetime({ offset: true }),
})

/**
 * The checksum of a version: SHA-256, in hexadecimal, over
 * `tenantry-version-1\n` · `upgrade <bytes>\n` · upgrade SQL · `downgrade <bytes>\n` · downgrade SQL,
 * in UTF-8, `<bytes>` being the decimal length of the text that follows, or `-` when there is no downgrade. With the
 * lengths in front no text can pass for another division of the same bytes, and none for an empty one.
 */
export function checksumOf(upgradeSql: string, downgradeSql: string | null): string {
  const hash = createHash('sha256')
  hash.update(`tenantry-version-1\nupgrade ${Buffer.byteLength(upgradeSql)}\n`).update(upgradeSql)
  if (downgradeSql === null) hash.update('downgrade -\n')
  else hash.update(`downgrade ${Buffer.byteLength(downgradeSql)}\n`).update(downgradeSql)
  return hash.digest('hex')
}

/**
 * Whether the text is a version id: YYYYMMDD_HHMMSS, a date and time that exist, in the years 1000 to 8999 (there
 * is always a next second that fits the form). Such a text is safe as the name of a directory.
 */
export function isVersionId(text: string): boolean {
  const match = /^([1-8]\d{3})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)$/.exec(text)
  if (match === null) return false
  const iso = `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}.000Z`
  const time = new Date(iso)
  return !Number.isNaN(time.getTime()) && time.toISOString() === iso
}

export function checkVersionId(versionId: string): void {
  if (isVersionId(versionId)) return
  throw new TenantryError('invalid_input', `${JSON.stringify(versionId.slice(0, 60))} is not a version id`, {
    nextSteps: ['Write a date and time that exist as YYYYMMDD_HHMMSS, for example 20260112_143000.'],
  })
}

function checksumConflict(what: string, recorded: string, found: string, nextStep: string): TenantryError {
  return new TenantryError(
    'checksum_conflict',
    `${what}: ${recorded} is recorded, the content has ${found}`,
    {
      nextSteps: [nextStep],
    },
  )
}

function checkChecksum(document: VersionDocument, what: string): void {
  const found = checksumOf(document.upgradeSql, document.downgradeSql)
  if (found === document.checksum) return
  throw checksumConflict(
    `The checksum of ${what} is wrong`,
    document.checksum,
    found,
    'A version never changes: put its files back as they were, and make a new version of the new content.',
  )
}

/** A version that is on disk under another name, not among the versions yet. */
export interface PreparedVersion {
  /**
   * Puts it among them, and returns its directory. The same content there already is left as it is.
   * @throws TenantryError `checksum_conflict` when the id is taken by other content
   */
  publish(): Promise<string>
  discard(): Promise<void>
}

/**
 * Writes the files of a version beside the others: whatever can go wrong with a disk has gone wrong before it counts.
 * @throws TenantryError `checksum_conflict` when the document's own checksum is wrong; `invalid_input` for a version
 *   id that is none
 */
export async function prepareVersion(directory: string, document: VersionDocument): Promise<PreparedVersion> {
  checkVersionId(document.versionId)
  checkChecksum(document, `version ${document.versionId}`)
  await mkdir(directory, { recursive: true })
  // A dot in front: readVersions never takes a half-written version for one.
  const temporary = join(directory, `.${document.versionId}.${randomBytes(6).toString('hex')}`)
  const discard = (): Promise<void> => rm(temporary, { recursive: true, force: true })
  await mkdir(temporary)
  try {
    await writeFiles(temporary, document)
  } catch (thrown) {
    await discard()
    throw thrown
  }
  return { publish: () => publish(directory, temporary, document), discard }
}

async function publish(directory: string, temporary: string, document: VersionDocument): Promise<string> {
  const target = join(directory, document.versionId)
  try {
    // Renaming onto a directory that has files fails, so of two writers one wins and the other compares.
    await rename(temporary, target)
    await syncDirectory(directory)
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true })
    if (!isTaken(thrown)) throw thrown
    await expectSame(directory, document)
  }
  return target
}

/**
 * Writes a version and returns its directory. It appears complete or not at all; writing the same again changes
 * nothing.
 * @throws TenantryError `checksum_conflict` with both checksums when the id is taken by other content or the
 *   document's own checksum is wrong; `invalid_input` for a version id that is none.
 */
export async function writeVersion(directory: string, document: VersionDocument): Promise<string> {
  return (await prepareVersion(directory, document)).publish()
}

function isTaken(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(String(thrown.code))
  )
}

async function expectSame(directory: string, document: VersionDocument): Promise<void> {
  const there = await readVersion(directory, document.versionId)
  if (there.checksum === document.checksum) return
  throw checksumConflict(
    `Version ${document.versionId} is already in ${directory} with other content`,
    there.checksum,
    document.checksum,
    'A version never changes: give the new content a version id of its own.',
  )
}

async function writeFiles(directory: string, document: VersionDocument): Promise<void> {
  const metadata = {
    version_id: document.versionId,
    dialect: document.dialect,
    description: document.description,
    checksum: document.checksum,
    source: document.source,
    source_revision: document.sourceRevision,
    created_at: document.createdAt,
  }
  await writeDurably(join(directory, METADATA), `${JSON.stringify(metadata, null, 2)}\n`)
  await writeDurably(join(directory, UPGRADE), document.upgradeSql)
  if (document.downgradeSql !== null) await writeDurably(join(directory, DOWNGRADE), document.downgradeSql)
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(text, 'utf8')
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/**
 * Reads a version and checks its files against its checksum.
 * @throws TenantryError `not_found`; `checksum_conflict` with both checksums when a file was edited;
 *   `source_invalid` when the metadata cannot be read or names another version.
 */
export async function readVersion(directory: string, versionId: string): Promise<VersionDocument> {
  checkVersionId(versionId)
  const metadata = parseMetadata(
    await readPart(directory, versionId, METADATA),
    join(directory, versionId, METADATA),
  )
  if (metadata.version_id !== versionId) {
    throw new TenantryError(
      'source_invalid',
      `${join(directory, versionId, METADATA)} is of version ${JSON.stringify(metadata.version_id)}`,
      { nextSteps: ['Name the directory after the version_id in its metadata.json.'] },
    )
  }
  const document: VersionDocument = {
    versionId,
    dialect: metadata.dialect,
    description: metadata.description,
    upgradeSql: await readPart(directory, versionId, UPGRADE),
    downgradeSql: await readOptional(directory, versionId, DOWNGRADE),
    checksum: metadata.checksum,
    source: metadata.source,
    sourceRevision: metadata.source_revision,
    createdAt: metadata.created_at,
  }
  checkChecksum(document, join(directory, versionId))
  return document
}

function parseMetadata(text: string, path: string): z.output<typeof metadataSchema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TenantryError('source_invalid', `${path} is not JSON: ${messageOf(cause)}`, { cause })
  }
  const parsed = metadataSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`)
  throw new TenantryError(
    'source_invalid',
    `${path} is not the metadata of a version (${problems.join('; ')})`,
  )
}

async function readPart(directory: string, versionId: string, name: string): Promise<string> {
  const text = await readOptional(directory, versionId, name)
  if (text !== null) return text
  throw new TenantryError('not_found', `${join(directory, versionId, name)} does not exist`, {
    nextSteps: [`A version is a directory with ${METADATA}, ${UPGRADE} and, when it has one, ${DOWNGRADE}.`],
  })
}

async function readOptional(directory: string, versionId: string, name: string): Promise<string | null> {
  return await readText(directory, join(versionId, name), { keepByteOrderMark: true })
}

/**
 * All versions of a directory, oldest first. Other files and directories in it are left alone; a directory that
 * does not exist holds none.
 * @throws TenantryError as `readVersion`
 */
export async function readVersions(directory: string): Promise<VersionDocument[]> {
  const versions: VersionDocument[] = []
  for (const name of (await namesIn(directory)).filter(isVersionId).toSorted()) {
    versions.push(await readVersion(directory, name))
  }
  return versions
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return []
    throw new TenantryError('source_invalid', `${directory} cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    })
  }
}

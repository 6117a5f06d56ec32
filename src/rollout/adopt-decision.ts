/** What adopting a tenant comes to, from what its native ledger says: decided, not done. */
import type { ServerKind } from '../engine/address.ts'
import type { LedgerEntry } from '../schema/ledgers/ledger.ts'
import { lineageOf, type Match } from '../schema/ledgers/match.ts'
import type { SourceVersion } from '../schema/sources/source.ts'

/** Of a source's version, what deciding needs. */
export type Revision = Pick<SourceVersion, 'revision' | 'native' | 'requires'>

/** A version in the control database that was made of the source, and the revision that it ends at. */
export interface StoredVersion {
  readonly versionId: string
  readonly checksum: string
  readonly revision: string
  /** The kind of servers that it is for. */
  readonly dialect: ServerKind
}

/** A version with what it has of the source. */
export interface ImportedVersion {
  readonly versionId: string
  readonly checksum: string
  /** All that a tenant with it has of the source: its own revisions and those before. */
  readonly lineage: readonly string[]
  /** Those that no version before it has. */
  readonly own: readonly string[]
}

const ADOPT_OUTCOMES = [
  'adopted',
  'would_adopt',
  'already_adopted',
  'nothing_applied',
  'no_ledger',
  'several_ledgers',
  'unreadable_ledger',
  'unknown_entries',
  'unfinished_entries',
  'changed_entries',
  'between_versions',
  'checksum_conflict',
  'failed',
] as const

export type AdoptOutcome = (typeof ADOPT_OUTCOMES)[number]

export interface Adoption {
  readonly outcome: AdoptOutcome
  /** To be written, or written, into the tenant's ledger; oldest first. */
  readonly versions: readonly ImportedVersion[]
  /** The newest version that the tenant has, with those it had before. */
  readonly versionId: string | null
  readonly note?: string | undefined
}

export const REFUSED: ReadonlySet<AdoptOutcome> = new Set([
  'no_ledger',
  'several_ledgers',
  'unreadable_ledger',
  'unknown_entries',
  'unfinished_entries',
  'changed_entries',
  'between_versions',
  'checksum_conflict',
  'failed',
])

export function refusedAdoption(outcome: AdoptOutcome, note: string): Adoption {
  return { outcome, versions: [], versionId: null, note }
}

/** Cuts a source's revisions at its versions, which come oldest first. */
export function importedVersions(
  revisions: readonly Revision[],
  versions: readonly Pick<StoredVersion, 'versionId' | 'checksum' | 'revision'>[],
): ImportedVersion[] {
  const seen = new Set<string>()
  return versions.map(({ versionId, checksum, revision }) => {
    const lineage = [...lineageOf(revisions, revision)]
    const own = lineage.filter((one) => !seen.has(one))
    for (const one of own) seen.add(one)
    return { versionId, checksum, lineage, own }
  })
}

/**
 * @param match what the tenant has of the source
 * @param recorded the versions in the tenant's own ledger of Tenantry, with their checksums
 */
export function decideAdoption(
  versions: readonly ImportedVersion[],
  match: Match,
  recorded: ReadonlyMap<string, string>,
): Adoption {
  const refusal = refusalOf(match)
  if (refusal !== undefined) return refusal
  const have = versions.filter((version) => version.lineage.every((revision) => match.applied.has(revision)))
  for (const { versionId, checksum } of have) {
    const other = recorded.get(versionId)
    if (other === undefined || other === checksum) continue
    return refusedAdoption(
      'checksum_conflict',
      `Version ${versionId} is recorded here with checksum ${other}, and is stored with ${checksum}`,
    )
  }
  const half = versions.find(
    (version) => !have.includes(version) && version.own.some((revision) => match.applied.has(revision)),
  )
  if (half !== undefined) return betweenVersions(half, match)
  const missing = have.filter(({ versionId }) => !recorded.has(versionId))
  const newest = [...recorded.keys(), ...have.map(({ versionId }) => versionId)].toSorted().at(-1) ?? null
  const note = aheadNote(versions, match)
  if (have.length === 0) return { outcome: 'nothing_applied', versions: [], versionId: newest, note }
  const outcome = missing.length === 0 ? 'already_adopted' : 'would_adopt'
  return { outcome, versions: missing, versionId: newest, note }
}

function refusalOf({ broken, unknown, changed }: Match): Adoption | undefined {
  if (broken.length > 0) {
    return refusedAdoption(
      'unfinished_entries',
      `Not finished, by its own tool's word: ${named(broken)}. Repair it with that tool first`,
    )
  }
  if (unknown.length > 0) {
    return refusedAdoption(
      'unknown_entries',
      `The source does not have what is recorded here: ${named(unknown)}`,
    )
  }
  if (changed.length > 0) {
    return refusedAdoption(
      'changed_entries',
      `Applied here with other content than the source has: ${named(changed)}`,
    )
  }
  return undefined
}

function betweenVersions(half: ImportedVersion, match: Match): Adoption {
  const has = half.own.filter((revision) => match.applied.has(revision))
  const lacks = half.lineage.filter((revision) => !match.applied.has(revision))
  return refusedAdoption(
    'between_versions',
    `Has ${has.length} of the ${half.own.length} revisions of version ${half.versionId} and lacks ${few(lacks)}: ` +
      'apply those with the native tool first',
  )
}

/** What is there of the source and in no version yet. */
function aheadNote(versions: readonly ImportedVersion[], match: Match): string | undefined {
  const covered = new Set(versions.flatMap(({ lineage }) => lineage))
  const ahead = [...match.applied].filter((revision) => !covered.has(revision))
  return ahead.length === 0 ? undefined : `Also has ${few(ahead)}, of which there is no version yet`
}

const SHOWN = 3

function few(names: readonly string[]): string {
  const left = names.length - SHOWN
  return left > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${left} more` : names.join(', ')
}

function named(entries: readonly LedgerEntry[]): string {
  return few(entries.map(({ id, checksum }) => (id === '' ? (checksum ?? '') : id)))
}

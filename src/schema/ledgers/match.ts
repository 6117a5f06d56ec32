/** Which of a source's revisions a database has, by what the ledger of the native tool says. */
import type { SourceVersion } from '../sources/source.ts'
import type { LedgerEntry, NativeLedger } from './ledger.ts'

export interface Match {
  /** The revisions that are there. */
  readonly applied: ReadonlySet<string>
  /** Entries that the source does not know. */
  readonly unknown: readonly LedgerEntry[]
  /** Entries that failed or never ended. */
  readonly broken: readonly LedgerEntry[]
  /** Entries whose content was another than the source's is now. */
  readonly changed: readonly LedgerEntry[]
}

type Revision = Pick<SourceVersion, 'revision' | 'native' | 'requires'>

/** @param versions of the source, in order of application */
export function matchLedger(
  ledger: NativeLedger,
  versions: readonly Revision[],
  entries: readonly LedgerEntry[],
): Match {
  const known = indexOf(ledger, versions)
  const applied = new Set<string>()
  const unknown: LedgerEntry[] = []
  const changed: LedgerEntry[] = []
  const broken = new Map<string, LedgerEntry>()
  for (const entry of entries) {
    const key = keyOf(ledger, entry.id)
    const found = known.find(entry)
    if (entry.state === 'failed' || entry.state === 'unfinished') {
      broken.set(key, entry)
    } else if (entry.state === 'undone') {
      // What failed and was then repaired away is undone, too.
      broken.delete(key)
      if (found !== undefined) applied.delete(found.revision)
    } else if (found === undefined) {
      const below = entry.state === 'baseline' ? known.upTo(entry) : undefined
      if (below === undefined) unknown.push(entry)
      else for (const revision of below) applied.add(revision)
    } else {
      if (isChanged(entry, found)) changed.push(entry)
      for (const revision of reached(ledger, versions, entry, found)) applied.add(revision)
    }
  }
  return { applied, unknown, broken: [...broken.values()], changed }
}

function keyOf(ledger: NativeLedger, id: string): string {
  return ledger.keyOf?.(id) ?? id
}

interface Index {
  find(entry: LedgerEntry): Revision | undefined
  /** The revisions up to a version that is not among them, where ids have an order of their own. */
  upTo(entry: LedgerEntry): string[] | undefined
}

function indexOf(ledger: NativeLedger, versions: readonly Revision[]): Index {
  const byId = new Map<string, Revision>()
  const byChecksum = new Map<string, Revision>()
  for (const version of versions) {
    for (const id of [version.native?.id ?? version.revision, ...(version.native?.standIns ?? [])]) {
      byId.set(keyOf(ledger, id), version)
    }
    for (const checksum of version.native?.checksums ?? []) byChecksum.set(checksum, version)
  }
  return {
    find: (entry) =>
      (ledger.byChecksum === true ? byChecksum.get(entry.checksum ?? '') : undefined) ??
      byId.get(keyOf(ledger, entry.id)),
    upTo: (entry) => {
      const key = keyOf(ledger, entry.id)
      if (!/^\d+(?:\.\d+)*$/.test(key)) return undefined
      return versions
        .filter((version) => compare(keyOf(ledger, version.revision), key) <= 0)
        .map(({ revision }) => revision)
    },
  }
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

function isChanged(entry: LedgerEntry, version: Revision): boolean {
  const checksums = version.native?.checksums
  const isStandIn = version.native?.standIns?.includes(entry.id) === true
  return (
    entry.state === 'applied' &&
    entry.checksum !== null &&
    checksums !== undefined &&
    !isStandIn &&
    !checksums.includes(entry.checksum)
  )
}

/** The revisions that an entry says are there. */
function reached(
  ledger: NativeLedger,
  versions: readonly Revision[],
  entry: LedgerEntry,
  found: Revision,
): Iterable<string> {
  const isWhole = entry.state === 'baseline' || found.native?.standIns?.includes(entry.id) === true
  if (ledger.reach === 'what it requires') return lineageOf(versions, found.revision)
  if (ledger.reach === 'all before' || isWhole) {
    return versions.slice(0, versions.indexOf(found) + 1).map(({ revision }) => revision)
  }
  return [found.revision]
}

/** A revision and all that must be there before it. */
export function lineageOf(versions: readonly Revision[], revision: string): Set<string> {
  const byRevision = new Map(versions.map((version, at) => [version.revision, { version, at }]))
  const found = new Set<string>()
  const waiting = [revision]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entry = byRevision.get(next)
    if (entry === undefined || found.has(next)) continue
    found.add(next)
    const before = versions[entry.at - 1]
    waiting.push(...(entry.version.requires ?? (before === undefined ? [] : [before.revision])))
  }
  return found
}

/** What is found of other tools' ledgers in a tenant, whatever kind of server it is on: judged, not done. */
import {
  findLedgers,
  foundLedgers,
  lockTableOf,
  qualified,
  type FoundLedger,
  type FoundTable,
  type LedgerPlace,
} from '../schema/ledgers/find.ts'
import { LEDGERS } from '../schema/ledgers/index.ts'
import { entriesOf, type LedgerTool, type NativeLedger } from '../schema/ledgers/ledger.ts'
import { matchLedger, type Match } from '../schema/ledgers/match.ts'
import { refusedAdoption, type Adoption, type ImportedVersion, type Revision } from './adopt-decision.ts'
import type { ServerKind } from '../engine/address.ts'

/** Plain data. */
export interface AdoptWork {
  readonly operationId: string
  readonly dryRun: boolean
  readonly revisions: readonly Revision[]
  readonly versions: readonly ImportedVersion[]
  /** Those whose ledgers may be there. */
  readonly tools: readonly LedgerTool[]
  readonly place: LedgerPlace | undefined
}

/** What a tenant has: of the source, and in the ledger of Tenantry, with the checksums. */
export interface TenantBooks {
  readonly match: Match
  readonly recorded: ReadonlyMap<string, string>
}

/** Rows as text, in the order of their columns. */
export type TextRows = readonly (readonly (string | null)[])[]

/** Rows of drivers that give them by names. */
export function textRows(rows: readonly Readonly<Record<string, unknown>>[]): TextRows {
  return rows.map((row) =>
    Object.values(row).map((value) => (value === null ? null : `${value as string | number}`)),
  )
}

/** More rows than a session keeps would be dropped unseen. */
const MAX_ENTRIES = 9_999

/** @returns the one ledger among the rows of `findLedgers` and all that is to be read of it, or why there is none */
export function chooseLedger(
  kind: ServerKind,
  work: AdoptWork,
  rows: TextRows,
): { found: FoundLedger; lock: FoundTable | undefined } | Adoption {
  const found = foundLedgers(kind, ledgersOfTools(work), rows, work.place)
  const [only, ...others] = found
  if (only === undefined) return noLedger(kind, work, rows)
  if (others.length > 0) return severalLedgers(found)
  const lock = lockTableOf(only, rows)
  const strange = [only, ...(lock === undefined ? [] : [lock])].find(({ isHarmless }) => !isHarmless)
  return strange === undefined ? { found: only, lock } : unreadable(strange)
}

/** SQL whose rows `chooseLedger` takes. @param ownSchema see `findLedgers` */
export function lookFor(kind: ServerKind, work: AdoptWork, ownSchema: string): string {
  return findLedgers(kind, ledgersOfTools(work), ownSchema, work.place)
}

function ledgersOfTools({ tools }: AdoptWork): NativeLedger[] {
  return tools.map((tool) => LEDGERS[tool])
}

/** @param entries rows of `askEntries`; `locked` is whether `askLock` gave one */
export function booksOf(
  work: AdoptWork,
  { found, lock }: { readonly found: FoundLedger; readonly lock: FoundTable | undefined },
  read: {
    readonly entries: TextRows
    readonly isLocked: boolean
    readonly recorded: ReadonlyMap<string, string>
  },
): Adoption | TenantBooks {
  const { entries, isLocked, recorded } = read
  if (lock !== undefined && isLocked) {
    const note = `${qualified(lock)} says that ${found.ledger.tool} is at work here, or died at it`
    return refusedAdoption('unfinished_entries', note)
  }
  if (entries.length > MAX_ENTRIES) {
    return refusedAdoption('unreadable_ledger', `${qualified(found)} has more than ${MAX_ENTRIES} entries`)
  }
  return { match: matchLedger(found.ledger, work.revisions, entriesOf(entries)), recorded }
}

function noLedger(kind: ServerKind, work: AdoptWork, rows: TextRows): Adoption {
  const tools = work.tools.join(', ')
  const [other] = rows
  return refusedAdoption(
    'no_ledger',
    other === undefined
      ? `There is no ledger of ${tools} here`
      : `${qualified({ kind, schema: other[0] ?? '', table: other[1] ?? '' })} does not have the columns of a ledger of ${tools}`,
  )
}

function severalLedgers(found: readonly FoundLedger[]): Adoption {
  const places = found.map((one) => `${one.ledger.tool} in ${qualified(one)}`).join(', ')
  return refusedAdoption('several_ledgers', `There are ledgers of ${places}: name the one that counts`)
}

export function unreadable(found: FoundTable): Adoption {
  const why =
    found.kind === 'postgres'
      ? "a view, policies or types of its own would run the tenant's code"
      : "a view would run the tenant's code, another engine may read what is elsewhere"
  return refusedAdoption('unreadable_ledger', `${qualified(found)} is not a plain table (${why})`)
}

/** The ledger was written by somebody else between looking and writing. */
export function conflictWith(
  { versions }: Adoption,
  rows: ReadonlyMap<string, string>,
): Adoption | undefined {
  const other = versions.find(({ versionId, checksum }) => rows.get(versionId) !== checksum)
  if (other === undefined) return undefined
  return refusedAdoption(
    'checksum_conflict',
    `Version ${other.versionId} was recorded here meanwhile, with another checksum than ${other.checksum}`,
  )
}

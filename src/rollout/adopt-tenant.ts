/**
 * Adopting one tenant: its native ledger is read in a read-only transaction, and what it has is written into
 * Tenantry's own ledger. No SQL of a version runs.
 */
import { DatabaseFailure } from '../engine/failure.ts'
import type { QueryResult, Session } from '../engine/session.ts'
import {
  askLock,
  findLedgers,
  foundLedgers,
  lockTableOf,
  qualified,
  type FoundLedger,
  type FoundTable,
  type LedgerPlace,
} from '../schema/ledgers/index.ts'
import { entriesOf, type NativeLedger } from '../schema/ledgers/ledger.ts'
import { matchLedger } from '../schema/ledgers/match.ts'
import {
  decideAdoption,
  refusedAdoption,
  type Adoption,
  type ImportedVersion,
  type Revision,
} from './adopt-decision.ts'
import type { RolloutWork, Target } from './change.ts'
import { explainGuard, openingStatements } from './failures.ts'
import { CREATE_LEDGER, insertLedgerRow, selectLedger } from './ledger.ts'

export interface AdoptWork {
  readonly operationId: string
  readonly dryRun: boolean
  readonly revisions: readonly Revision[]
  readonly versions: readonly ImportedVersion[]
  /** The ledgers that may be there. */
  readonly ledgers: readonly NativeLedger[]
  readonly place: LedgerPlace | undefined
  /** Statements that come first in every transaction, as in a rollout. */
  readonly guard: readonly string[]
}

/** More rows than a session keeps would be dropped unseen. */
const MAX_ENTRIES = 9_999

/** @throws DatabaseFailure when the tenant cannot be reached, or refuses */
export async function adoptTenant(session: Session, work: AdoptWork, target: Target): Promise<Adoption> {
  const read = await readTenant(session, work, target)
  if ('outcome' in read) return read
  const adoption = decideAdoption(work.versions, read.match, read.recorded)
  if (work.dryRun || adoption.outcome !== 'would_adopt') return adoption
  return await writeAdoption(session, work, target, adoption)
}

type Read = { readonly match: ReturnType<typeof matchLedger>; readonly recorded: ReadonlyMap<string, string> }

async function readTenant(session: Session, work: AdoptWork, target: Target): Promise<Adoption | Read> {
  const ownSchema = target.schema === '' ? 'public' : target.schema
  const find = findLedgers(work.ledgers, ownSchema, work.place)
  const opening = ['begin read only', ...openingStatements(rolloutWorkOf(work), target), ...READ_SAFELY]
  try {
    const results = await guarded(session, [...opening, OWN_LEDGER, find], work, target)
    const rows = results.at(-1)?.rows ?? []
    const found = foundLedgers(work.ledgers, rows, work.place)
    const [only, ...others] = found
    if (only === undefined) return noLedger(work, rows)
    if (others.length > 0) return severalLedgers(found)
    const hasOwn = results.at(-2)?.rows[0]?.[0] ?? ''
    if (hasOwn === 'strange') return refusedAdoption('failed', STRANGE)
    return await readEntries(session, work, target, { found: only, find, rows, hasOwn: hasOwn === 'ours' })
  } finally {
    if (session.usable) await session.query('rollback')
  }
}

/** Nothing of the tenant's is found by name, no policy runs, times are in UTC. */
const READ_SAFELY = [
  'set local search_path = pg_catalog, pg_temp',
  'set local row_security = off',
  `set local timezone = 'UTC'`,
]

/** Whether there is a ledger of Tenantry's, made by the role that reads. */
const OWN_LEDGER = `select case when n.oid is null then 'none' when n.nspowner <> r.oid then 'strange'
  when c.oid is null then 'none' else 'ours' end
  from pg_roles as r left join pg_namespace as n on n.nspname = 'tenantry'
  left join pg_class as c on c.relnamespace = n.oid and c.relname = 'ledger' and c.relkind = 'r'
  where r.rolname = current_user`

const STRANGE = 'The schema tenantry belongs to another role than the one that Tenantry logs in as'

const NO_ROWS = 'select where false'

interface Place {
  readonly found: FoundLedger
  readonly find: string
  /** What `find` found before. */
  readonly rows: readonly (readonly (string | null)[])[]
  readonly hasOwn: boolean
}

/** While the lock is held the tables are what they are found to be, so only then they are read. */
async function readEntries(
  session: Session,
  work: AdoptWork,
  target: Target,
  { found, find, rows, hasOwn }: Place,
): Promise<Adoption | Read> {
  const strange = await holdTables(session, work, target, { found, find, rows, hasOwn })
  if (strange !== undefined) return unreadable(strange)
  const { ledger } = found
  const lock = lockTableOf(found, rows)
  const messages = [
    ledger.select(qualified(found)),
    hasOwn ? selectLedger(target.schema) : NO_ROWS,
    lock === undefined ? NO_ROWS : askLock(found, lock),
  ]
  const [entries = [], own = [], locked = []] = (await guarded(session, messages, work, target)).map(
    (result) => result.rows,
  )
  if (lock !== undefined && locked.length > 0) {
    const note = `${qualified(lock)} says that ${ledger.tool} is at work here, or died at it`
    return refusedAdoption('unfinished_entries', note)
  }
  if (entries.length > MAX_ENTRIES) {
    return refusedAdoption('unreadable_ledger', `${qualified(found)} has more than ${MAX_ENTRIES} entries`)
  }
  const recorded = new Map(own.map(([version, checksum]) => [version ?? '', checksum ?? '']))
  return { match: matchLedger(ledger, work.revisions, entriesOf(entries)), recorded }
}

/** Locks what is to be read, and looks again. @returns what cannot be read, if anything. */
async function holdTables(
  session: Session,
  work: AdoptWork,
  target: Target,
  { found, find, rows }: Place,
): Promise<FoundTable | undefined> {
  const tables = tablesOf(found, rows)
  const strange = tables.find(({ isHarmless }) => !isHarmless)
  if (strange !== undefined) return strange
  const lock = `lock table ${tables.map(qualified).join(', ')} in access share mode`
  const again = (await guarded(session, [lock, find], work, target)).at(-1)?.rows ?? []
  const [only, ...others] = foundLedgers(work.ledgers, again, work.place)
  if (only === undefined || others.length > 0) return found
  const held = tablesOf(only, again)
  const isSame = held.map(qualified).join() === tables.map(qualified).join()
  return isSame ? held.find(({ isHarmless }) => !isHarmless) : found
}

function tablesOf(found: FoundLedger, rows: Place['rows']): FoundTable[] {
  const lock = lockTableOf(found, rows)
  return lock === undefined ? [found] : [found, lock]
}

function noLedger(work: AdoptWork, rows: readonly (readonly (string | null)[])[]): Adoption {
  const tools = work.ledgers.map(({ tool }) => tool).join(', ')
  const [other] = rows
  return refusedAdoption(
    'no_ledger',
    other === undefined
      ? `There is no ledger of ${tools} here`
      : `${qualified({ schema: other[0] ?? '', table: other[1] ?? '' })} does not have the columns of a ledger of ${tools}`,
  )
}

function severalLedgers(found: readonly FoundLedger[]): Adoption {
  const places = found.map((one) => `${one.ledger.tool} in ${qualified(one)}`).join(', ')
  return refusedAdoption('several_ledgers', `There are ledgers of ${places}: name the one that counts`)
}

function unreadable(found: FoundTable): Adoption {
  return refusedAdoption(
    'unreadable_ledger',
    `${qualified(found)} is not a plain table (a view, policies or types of its own would run the tenant's code)`,
  )
}

async function writeAdoption(
  session: Session,
  work: AdoptWork,
  target: Target,
  adoption: Adoption,
): Promise<Adoption> {
  const inserts = adoption.versions.map(({ versionId, checksum }) => {
    const key = { schema: target.schema, versionId, rolloutId: work.operationId }
    return `${insertLedgerRow(key, checksum)} on conflict (tenant_schema, version_id) do nothing`
  })
  const opening = openingStatements(rolloutWorkOf(work), target)
  const messages = ['begin', ...opening, CREATE_LEDGER, ...inserts, selectLedger(target.schema)]
  let isKept = false
  try {
    const results = await guarded(session, messages, work, target)
    const rows = new Map((results.at(-1)?.rows ?? []).map(([version, checksum]) => [version, checksum]))
    const other = adoption.versions.find(({ versionId, checksum }) => rows.get(versionId) !== checksum)
    if (other !== undefined) {
      return refusedAdoption(
        'checksum_conflict',
        `Version ${other.versionId} was recorded here meanwhile, with another checksum than ${other.checksum}`,
      )
    }
    await session.query('commit')
    isKept = true
    return { ...adoption, outcome: 'adopted' }
  } finally {
    if (!isKept && session.usable) await session.query('rollback')
  }
}

async function guarded(
  session: Session,
  statements: readonly string[],
  work: AdoptWork,
  target: Target,
): Promise<QueryResult[]> {
  try {
    return await session.query(statements.join(';\n'), { keepRows: true })
  } catch (error) {
    throw error instanceof DatabaseFailure ? explainGuard(error, rolloutWorkOf(work), target) : error
  }
}

/** The parts of a rollout that its opening statements and its errors are made of. */
function rolloutWorkOf({ operationId, dryRun, guard }: AdoptWork): RolloutWork {
  return {
    rolloutId: operationId,
    direction: 'upgrade',
    undoOf: undefined,
    dryRun,
    maxAttempts: 1,
    changes: [],
    prelude: guard,
    // Behind BEGIN.
    guardIndex: guard.length === 0 ? -1 : 1,
    postlude: [],
  }
}

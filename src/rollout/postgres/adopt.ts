/**
 * Adopting one tenant: its native ledger is read in a read-only transaction, and what it has is written into
 * Tenantry's own ledger. No SQL of a version runs.
 */
import { DatabaseFailure } from '../../engine/failure.ts'
import type { QueryResult, Session } from '../../engine/session.ts'
import {
  askEntries,
  askLock,
  qualified,
  type FoundLedger,
  type FoundTable,
} from '../../schema/ledgers/find.ts'
import { decideAdoption, refusedAdoption, type Adoption } from '../adopt-decision.ts'
import {
  booksOf,
  chooseLedger,
  conflictWith,
  lookFor,
  unreadable,
  type AdoptWork,
  type TenantBooks,
  type TextRows,
} from '../adopt-ledger.ts'
import type { RolloutWork, Target } from '../change.ts'
import { explainGuard, openingStatements } from '../failures.ts'
import { CREATE_LEDGER, insertLedgerRow, selectLedger } from './ledger.ts'

export interface PostgresAdoptWork extends AdoptWork {
  /** Statements that come first in every transaction, as in a rollout. */
  readonly guard: readonly string[]
}

/** @throws DatabaseFailure when the tenant cannot be reached, or refuses */
export async function adoptTenant(
  session: Session,
  work: PostgresAdoptWork,
  target: Target,
): Promise<Adoption> {
  const read = await readTenant(session, work, target)
  if ('outcome' in read) return read
  const adoption = decideAdoption(work.versions, read.match, read.recorded)
  if (work.dryRun || adoption.outcome !== 'would_adopt') return adoption
  return await writeAdoption(session, work, target, adoption)
}

async function readTenant(
  session: Session,
  work: PostgresAdoptWork,
  target: Target,
): Promise<Adoption | TenantBooks> {
  const ownSchema = target.schema === '' ? 'public' : target.schema
  const find = lookFor('postgres', work, ownSchema)
  const opening = ['begin read only', ...openingStatements(rolloutWorkOf(work), target), ...READ_SAFELY]
  try {
    const results = await guarded(session, [...opening, OWN_LEDGER, find], work, target)
    const chosen = chooseLedger('postgres', work, results.at(-1)?.rows ?? [])
    if ('outcome' in chosen) return chosen
    const hasOwn = results.at(-2)?.rows[0]?.[0] ?? ''
    if (hasOwn === 'strange') return refusedAdoption('failed', STRANGE)
    return await readEntries(session, work, target, { ...chosen, find, hasOwn: hasOwn === 'ours' })
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
  readonly lock: FoundTable | undefined
  readonly find: string
  readonly hasOwn: boolean
}

/** While the lock is held the tables are what they are found to be, so only then they are read. */
async function readEntries(
  session: Session,
  work: PostgresAdoptWork,
  target: Target,
  place: Place,
): Promise<Adoption | TenantBooks> {
  const { found, lock, hasOwn } = place
  if (!(await holdTables(session, work, target, place))) return unreadable(found)
  const messages = [
    askEntries(found),
    hasOwn ? selectLedger(target.schema) : NO_ROWS,
    lock === undefined ? NO_ROWS : askLock(found, lock),
  ]
  const [entries = [], own = [], locked = []] = (await guarded(session, messages, work, target)).map(
    (result) => result.rows,
  )
  const recorded = new Map(own.map(([version, checksum]) => [version ?? '', checksum ?? '']))
  return booksOf(work, place, { entries, isLocked: locked.length > 0, recorded })
}

/** Locks what is to be read, and looks again. @returns whether it still is what it was */
async function holdTables(
  session: Session,
  work: PostgresAdoptWork,
  target: Target,
  { found, lock, find }: Place,
): Promise<boolean> {
  const tables = lock === undefined ? [found] : [found, lock]
  const hold = `lock table ${tables.map(qualified).join(', ')} in access share mode`
  const again: TextRows = (await guarded(session, [hold, find], work, target)).at(-1)?.rows ?? []
  const chosen = chooseLedger('postgres', work, again)
  if ('outcome' in chosen) return false
  const held = chosen.lock === undefined ? [chosen.found] : [chosen.found, chosen.lock]
  return held.map(qualified).join() === tables.map(qualified).join()
}

async function writeAdoption(
  session: Session,
  work: PostgresAdoptWork,
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
    const rows = (results.at(-1)?.rows ?? []).map(
      ([version, checksum]) => [version ?? '', checksum ?? ''] as const,
    )
    const conflict = conflictWith(adoption, new Map(rows))
    if (conflict !== undefined) return conflict
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
  work: PostgresAdoptWork,
  target: Target,
): Promise<QueryResult[]> {
  try {
    return await session.query(statements.join(';\n'), { keepRows: true })
  } catch (error) {
    throw error instanceof DatabaseFailure ? explainGuard(error, rolloutWorkOf(work), target) : error
  }
}

/** The parts of a rollout that its opening statements and its errors are made of. */
function rolloutWorkOf({ operationId, dryRun, guard }: PostgresAdoptWork): RolloutWork {
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

/** Applies a rollout's changes to one tenant that is a MySQL database: never twice, and what is half done is said. */
import { DatabaseFailure } from '../../engine/failure.ts'
import { appliedResult } from '../applied.ts'
import type { Target, TargetResult } from '../change.ts'
import {
  busy,
  CONFLICT,
  PartlyApplied,
  PartlyUndone,
  refuseDeadly,
  refuseOtherChecksum,
} from '../failures.ts'
import type { MysqlChange, MysqlWork } from './change.ts'
import { dryRun } from './dry-run.ts'
import { halfWay } from './failures.ts'
import { createLedger, readBooks, type Books, type StepRow } from './ledger.ts'
import { runSteps } from './run-steps.ts'
import { TenantSession } from './tenant-session.ts'

export interface MysqlParts {
  readonly work: MysqlWork
  readonly open: (database: string) => Promise<TenantSession>
  /** False when this worker's claims may be somebody else's by now. */
  readonly holdsLease: () => boolean
}

/**
 * @throws DatabaseFailure with the SQLSTATE of the statement that failed, its message naming the statement and what of
 *   the version is in place; TN001, TN003 as every executor; TN004 when nothing tells whether a statement was run, TN005
 *   where another version is half way
 */
export async function applyToDatabase(parts: MysqlParts, target: Target): Promise<TargetResult> {
  const { work } = parts
  refuseDeadly(work.maxAttempts, target)
  if (work.dryRun) return onTenant(parts, target, (session) => dryRun(session, work))
  return work.direction === 'upgrade' ? applyAll(parts, target) : undoAll(parts, target)
}

/** Versions can set things for their session: each one that runs gets a session of its own. */
async function onTenant<T>(
  { open, holdsLease }: MysqlParts,
  { database }: Target,
  work: (session: TenantSession) => Promise<T>,
): Promise<T> {
  if (!holdsLease()) throw busy()
  const session = await open(database)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

async function applyAll(parts: MysqlParts, target: Target): Promise<TargetResult> {
  const { work } = parts
  const applied: string[] = []
  for (const change of work.changes) {
    try {
      const isOurs = await onTenant(parts, target, (session) => applyOne(parts, session, change))
      if (isOurs) applied.push(change.versionId)
    } catch (error) {
      const newest = applied.at(-1)
      if (newest === undefined || !(error instanceof DatabaseFailure)) throw error
      throw new PartlyApplied(error, newest, change.versionId)
    }
  }
  return appliedResult(work.changes, applied)
}

/** @returns false when the tenant had the version already, from elsewhere than this rollout */
async function applyOne(parts: MysqlParts, session: TenantSession, change: MysqlChange): Promise<boolean> {
  const books = await readBooks(session)
  const row = books.ledger.get(change.versionId)
  if (row !== undefined) {
    refuseOtherChecksum(change, row.checksum)
    return row.rolloutId === parts.work.rolloutId
  }
  const begun = begunSteps(books, change)
  await createLedger(session)
  await runSteps({ session, change, rolloutId: parts.work.rolloutId, holdsLease: parts.holdsLease }, begun)
  return true
}

async function undoAll(parts: MysqlParts, target: Target): Promise<TargetResult> {
  let undone = 0
  let newest: string | null | undefined
  for (const change of parts.work.changes) {
    try {
      const left = await onTenant(parts, target, (session) => undoOne(parts, session, change))
      newest = left.newest
      if (left.undone) undone += 1
    } catch (error) {
      if (undone === 0 || !(error instanceof DatabaseFailure)) throw error
      throw new PartlyUndone(error, newest, change.versionId)
    }
  }
  // Gone on a later try: the try before had committed, and nobody was left to record it.
  return { outcome: undone > 0 || target.attempts > 1 ? 'undone' : 'not_applied', versionId: newest }
}

async function undoOne(
  { work, holdsLease }: MysqlParts,
  session: TenantSession,
  change: MysqlChange,
): Promise<{ undone: boolean; newest: string | null }> {
  const books = await readBooks(session)
  const row = books.ledger.get(change.versionId)
  const begun = begunSteps(books, change)
  const undone = row?.rolloutId === (work.undoOf ?? work.rolloutId)
  if (undone) await runSteps({ session, change, rolloutId: work.rolloutId, holdsLease }, begun)
  const left = [...books.ledger.keys()].filter((version) => !undone || version !== change.versionId)
  return { undone, newest: left.at(-1) ?? null }
}

/** The steps of this change that are under way. @throws DatabaseFailure TN001, or TN005 for those of another one */
function begunSteps(books: Books, change: MysqlChange): ReadonlyMap<number, StepRow> {
  for (const row of books.steps) {
    if (row.versionId !== change.versionId || row.direction !== change.direction) throw halfWay(row)
    if (row.checksum !== change.checksum) {
      throw new DatabaseFailure(
        CONFLICT,
        `Version ${change.versionId} was begun here with checksum ${row.checksum}, the rollout has ${change.checksum}: nothing was done.`,
      )
    }
  }
  return new Map(books.steps.map((row) => [row.step, row]))
}

/**
 * What became of a target whose last try ended without an answer. The lock is taken first: what a dead worker left
 * running has ended by then. @returns undefined when it is not done
 */
export function askDatabase(parts: MysqlParts, target: Target): Promise<TargetResult | undefined> {
  return onTenant(parts, target, async (session) => {
    const { work } = parts
    const { ledger } = await readBooks(session)
    const found = work.changes.flatMap((change) => {
      const row = ledger.get(change.versionId)
      return row === undefined ? [] : [{ change, ...row }]
    })
    if (work.direction === 'downgrade') {
      const isLeft = found.some((row) => row.rolloutId === (work.undoOf ?? work.rolloutId))
      return isLeft ? undefined : { outcome: 'undone', versionId: [...ledger.keys()].at(-1) ?? null }
    }
    if (found.length < work.changes.length) return undefined
    for (const { change, checksum } of found) refuseOtherChecksum(change, checksum)
    const isOurs = found.some((row) => row.rolloutId === work.rolloutId)
    return { outcome: isOurs ? 'applied' : 'already_applied', versionId: work.changes.at(-1)?.versionId }
  })
}

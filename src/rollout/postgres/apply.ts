/** Applies a rollout's changes to one tenant: never twice, never half. */
import { DatabaseFailure } from '../../engine/failure.ts'
import type { Session } from '../../engine/session.ts'
import { appliedResult } from '../applied.ts'
import { applySteps } from './apply-steps.ts'
import { statementsOf, type Change, type RolloutWork, type Target, type TargetResult } from '../change.ts'
import { dryRun } from './dry-run.ts'
import {
  busy,
  explain,
  explainGuard,
  isHeldByTwin,
  isMissingLedger,
  openingStatements,
  PartlyApplied,
  PartlyUndone,
  refuseDeadly,
  refuseOtherChecksum,
  type SentMessage,
} from '../failures.ts'
import {
  AWAIT_LEDGER_WRITERS,
  CREATE_LEDGER,
  deleteLedgerRow,
  insertLedgerRow,
  selectLedger,
  selectLedgerRow,
  selectNewestVersion,
} from './ledger.ts'
import type { TenantConnection } from './tenant-connection.ts'

const CREATE_LEDGER_STATEMENTS = CREATE_LEDGER.split(';').length

/**
 * @throws DatabaseFailure with the SQLSTATE of the statement that failed, its message naming the statement;
 *   TN001 when the tenant has the version with another checksum, TN002 for a superuser's login where tenants
 *   could own code.
 */
export async function applyToTarget(
  connection: TenantConnection,
  work: RolloutWork,
  target: Target,
): Promise<TargetResult> {
  refuseDeadly(work.maxAttempts, target)
  if (work.dryRun) return dryRun(await connection.session(), work, target)
  if (work.direction === 'downgrade') return undoAll(await connection.session(), work, target)
  if (target.schema !== '' && !target.ledgerReady)
    return applyToTarget(connection, work, await withLedger(connection, work, target))
  const [only, second] = work.changes
  if (only !== undefined && second === undefined) {
    // Where the version may be there already, or other tenants share the database, more is to be said here.
    const isLast = target.schema === '' && !target.mayHaveIt
    const applied = await applyOne(connection, work, target, only, isLast)
    return { outcome: applied ? 'applied' : 'already_applied', versionId: only.versionId }
  }
  return applyPending(connection, work, target)
}

/**
 * Makes the ledger that the schemas of one database share, in a transaction of its own: made together with the
 * first change, it would keep all other tenants of the database waiting for as long as that change takes.
 */
async function withLedger(connection: TenantConnection, work: RolloutWork, target: Target): Promise<Target> {
  if (!connection.hasLedger) {
    try {
      await (await connection.session()).query([...work.prelude, CREATE_LEDGER].join(';\n'))
    } catch (error) {
      if (error instanceof DatabaseFailure && error.sqlstate === '55P03') throw busy()
      throw explainGuard(error, work, target)
    }
    connection.hasLedger = true
  }
  return { ...target, ledgerReady: true }
}

/** Several versions: asks the ledger which are missing and applies those, in order. */
async function applyPending(
  connection: TenantConnection,
  work: RolloutWork,
  target: Target,
): Promise<TargetResult> {
  const present = await readLedger(await connection.session(), work, target)
  const applied: string[] = []
  for (const change of work.changes) {
    const row = present.get(change.versionId)
    try {
      if (row !== undefined) refuseOtherChecksum(change, row.checksum)
      const isOurs =
        row === undefined
          ? await applyOne(connection, work, { ...target, ledgerReady: true }, change, false)
          : row.rolloutId === work.rolloutId
      if (isOurs) applied.push(change.versionId)
    } catch (error) {
      const newest = applied.at(-1)
      if (newest === undefined || !(error instanceof DatabaseFailure)) throw error
      throw new PartlyApplied(error, newest, change.versionId)
    }
  }
  return appliedResult(work.changes, applied)
}

/**
 * What became of a target whose last try ended without an answer. Waits for what may still be under way.
 * @returns undefined when it is not done.
 */
export async function askLedger(
  connection: TenantConnection,
  work: RolloutWork,
  target: Target,
): Promise<TargetResult | undefined> {
  const rows = await readLedger(await connection.session(), work, target, [AWAIT_LEDGER_WRITERS])
  const found = work.changes.flatMap((change) => {
    const row = rows.get(change.versionId)
    return row === undefined ? [] : [{ change, ...row }]
  })
  if (work.direction === 'downgrade') {
    const isLeft = found.some((row) => row.rolloutId === (work.undoOf ?? work.rolloutId))
    return isLeft ? undefined : { outcome: 'undone', versionId: [...rows.keys()].toSorted().at(-1) ?? null }
  }
  if (found.length < work.changes.length) return undefined
  for (const { change, checksum } of found) refuseOtherChecksum(change, checksum)
  const isOurs = found.some((row) => row.rolloutId === work.rolloutId)
  return { outcome: isOurs ? 'applied' : 'already_applied', versionId: work.changes.at(-1)?.versionId }
}

interface LedgerRow {
  readonly checksum: string
  readonly rolloutId: string
}

/** The versions a tenant has; makes the ledger where there is none. */
async function readLedger(
  session: Session,
  work: RolloutWork,
  target: Target,
  first: readonly string[] = [],
): Promise<Map<string, LedgerRow>> {
  const before = openingStatements(work, target)
  const message = (withCreate: boolean): string =>
    [...before, ...(withCreate ? [CREATE_LEDGER] : []), ...first, selectLedger(target.schema)].join(';\n')
  const results = await session
    .query(message(!target.ledgerReady), { keepRows: true })
    .catch((error: unknown) => {
      if (isMissingLedger(error)) return session.query(message(true), { keepRows: true })
      throw explainGuard(error, work, target)
    })
  const rows = results.at(-1)?.rows ?? []
  return new Map(
    rows.map(([version, checksum, rolloutId]) => [
      version ?? '',
      { checksum: checksum ?? '', rolloutId: rolloutId ?? '' },
    ]),
  )
}

/** @returns false when the tenant had the version already, from elsewhere than this rollout. */
async function applyOne(
  connection: TenantConnection,
  work: RolloutWork,
  target: Target,
  change: Change,
  isLast: boolean,
): Promise<boolean> {
  if (change.transactionSql === undefined) return applySteps(await connection.session(), work, target, change)
  const opening = openingStatements(work, target)
  const row = insertLedgerRow(
    { schema: target.schema, versionId: change.versionId, rolloutId: work.rolloutId },
    change.checksum,
  )
  const sent = messageOf(work, [...opening, ...(target.ledgerReady ? [] : [CREATE_LEDGER]), row], change)
  try {
    if (isLast) await connection.sendLast(sent.message)
    else await (await connection.session()).query(sent.message)
    return true
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    const ledgerIndex = opening.length + (target.ledgerReady ? 0 : CREATE_LEDGER_STATEMENTS)
    const atLedger = error.facts.completed === ledgerIndex
    if (atLedger && error.sqlstate === '23505') {
      return wasAppliedBy(await connection.session(), work, target, change)
    }
    const waitsForLedger =
      !target.ledgerReady && error.facts.completed === opening.length && error.sqlstate === '55P03'
    if (waitsForLedger || (atLedger && isHeldByTwin(error))) throw busy()
    if (atLedger && isMissingLedger(error))
      return applyOne(connection, work, { ...target, ledgerReady: false }, change, isLast)
    throw explain(error, {
      work,
      target,
      change,
      ...countsOf(change, ledgerIndex + 1),
      sent,
    })
  }
}

async function undoAll(session: Session, work: RolloutWork, target: Target): Promise<TargetResult> {
  let undone = 0
  for (const [index, change] of work.changes.entries()) {
    try {
      if (await undoOne(session, work, target, change)) undone += 1
    } catch (error) {
      if (index === 0 || !(error instanceof DatabaseFailure)) throw error
      throw new PartlyUndone(error, await newestLeft(session, target), change.versionId)
    }
  }
  const newest = await newestVersion(session, target)
  // Gone on a later try: the try before had committed, and nobody was left to record it.
  const outcome = undone > 0 || target.attempts > 1 ? 'undone' : 'not_applied'
  return { outcome, versionId: newest }
}

async function newestVersion(session: Session, target: Target): Promise<string | null> {
  try {
    const results = await session.query(selectNewestVersion(target.schema), { keepRows: true })
    return results.at(-1)?.rows[0]?.[0] ?? null
  } catch (error) {
    if (isMissingLedger(error)) return null
    throw error
  }
}

async function newestLeft(session: Session, target: Target): Promise<string | null | undefined> {
  try {
    return await newestVersion(session, target)
  } catch (error) {
    // The failure that this is asked for says more than another one of the same connection.
    if (error instanceof DatabaseFailure) return undefined
    throw error
  }
}

/** @returns false when this tenant does not have the version from that rollout. */
async function undoOne(
  session: Session,
  work: RolloutWork,
  target: Target,
  change: Change,
): Promise<boolean> {
  if (change.transactionSql === undefined) return applySteps(session, work, target, change)
  const opening = openingStatements(work, target)
  const row = deleteLedgerRow({
    schema: target.schema,
    versionId: change.versionId,
    rolloutId: work.undoOf ?? work.rolloutId,
  })
  const sent = messageOf(work, [...opening, row], change)
  try {
    await session.query(sent.message)
    return true
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    const atLedger = error.facts.completed === opening.length
    if (atLedger && (error.sqlstate === '22012' || isMissingLedger(error))) return false
    if (atLedger && isHeldByTwin(error)) throw busy()
    throw explain(error, {
      work,
      target,
      change,
      ...countsOf(change, opening.length + 1),
      sent,
    })
  }
}

function countsOf(change: Change, statementsBefore: number) {
  return { statementsBefore, statementsInAll: statementsBefore + statementsOf(change).length }
}

function messageOf(work: RolloutWork, before: readonly string[], change: Change): SentMessage {
  const opening = `${before.join(';\n')};\n`
  const closing = work.postlude.map((statement) => `\n;\n${statement}`).join('')
  const message = `${opening}${change.transactionSql ?? ''}${closing}`
  return { message, step: change.steps[0], sqlAt: opening.length }
}

/**
 * Whether the row that stood in the way is this rollout's own: a worker died between the tenant's commit and the
 * record of it. An undo must find that tenant among those that were applied.
 * @throws DatabaseFailure TN001 for another checksum.
 */
async function wasAppliedBy(
  session: Session,
  work: RolloutWork,
  target: Target,
  change: Change,
): Promise<boolean> {
  const message = [...openingStatements(work, target), selectLedgerRow(target.schema, change.versionId)].join(
    ';\n',
  )
  const results = await session.query(message, { keepRows: true })
  const [checksum, rolloutId] = results.at(-1)?.rows[0] ?? []
  if (checksum != null) refuseOtherChecksum(change, checksum)
  return rolloutId === work.rolloutId
}

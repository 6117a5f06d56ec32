/** Applies a rollout's changes to one tenant over an open session: never twice, never half. */
import { DatabaseFailure } from '../engine/failure.ts'
import type { Session } from '../engine/session.ts'
import { applySteps } from './apply-steps.ts'
import { statementsOf, type Change, type RolloutWork, type Target, type TargetResult } from './change.ts'
import { dryRun } from './dry-run.ts'
import {
  CREATE_LEDGER,
  deleteLedgerRow,
  enterSchema,
  insertLedgerRow,
  selectLedger,
  selectLedgerRow,
  selectNewestVersion,
} from './ledger.ts'

/** SQLSTATEs of Tenantry's own, in a class PostgreSQL does not use. */
export const CONFLICT = 'TN001'
export const UNSAFE_ROLE = 'TN002'

const CREATE_LEDGER_STATEMENTS = CREATE_LEDGER.split(';').length

/**
 * @throws DatabaseFailure with the SQLSTATE of the statement that failed, its message naming the statement;
 *   TN001 when the tenant has the version with another checksum, TN002 for a superuser's login where tenants
 *   could own code.
 */
export async function applyToTarget(session: Session, work: RolloutWork, target: Target): Promise<TargetResult> {
  if (work.dryRun) return dryRun(session, work, target)
  if (work.direction === 'downgrade') return undoAll(session, work, target)
  const [only, second] = work.changes
  if (only !== undefined && second === undefined) {
    const applied = await applyOne(session, work, target, only)
    return { outcome: applied ? 'applied' : 'already_applied', versionId: only.versionId }
  }
  return applyPending(session, work, target)
}

/** Several versions: asks the ledger which are missing and applies those, in order. */
async function applyPending(session: Session, work: RolloutWork, target: Target): Promise<TargetResult> {
  const present = await readLedger(session, work, target)
  let applied = 0
  for (const change of work.changes) {
    const checksum = present.get(change.versionId)
    if (checksum !== undefined) refuseOtherChecksum(change, checksum)
    else if (await applyOne(session, work, { ...target, ledgerReady: true }, change)) applied += 1
  }
  return {
    outcome: applied > 0 ? 'applied' : 'already_applied',
    versionId: work.changes.at(-1)?.versionId,
    note: applied > 1 ? `${applied} versions` : undefined,
  }
}

/** The versions a tenant has, with their checksums; makes the ledger where there is none. */
export async function readLedger(session: Session, work: RolloutWork, target: Target): Promise<Map<string, string>> {
  const before = openingStatements(work, target)
  const message = (withCreate: boolean): string =>
    [...before, ...(withCreate ? [CREATE_LEDGER] : []), selectLedger(target.schema)].join(';\n')
  const results = await session.query(message(!target.ledgerReady), { keepRows: true }).catch((error: unknown) => {
    if (isMissingLedger(error)) return session.query(message(true), { keepRows: true })
    throw explainGuard(error, work, target)
  })
  return new Map(results.at(-1)?.rows.map(([version, checksum]) => [version ?? '', checksum ?? '']))
}

/** @returns false when the tenant had the version already. */
async function applyOne(session: Session, work: RolloutWork, target: Target, change: Change): Promise<boolean> {
  if (change.transactionSql === undefined) return applySteps(session, work, target, change)
  const opening = openingStatements(work, target)
  const row = insertLedgerRow({ schema: target.schema, versionId: change.versionId, rolloutId: work.rolloutId }, change.checksum)
  try {
    await sendChange(session, [...opening, ...(target.ledgerReady ? [] : [CREATE_LEDGER]), row], change)
    return true
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    const ledgerIndex = opening.length + (target.ledgerReady ? 0 : CREATE_LEDGER_STATEMENTS)
    const atLedger = error.facts.completed === ledgerIndex
    if (atLedger && error.sqlstate === '23505') {
      await refuseConflict(session, target, change)
      return false
    }
    if (atLedger && isMissingLedger(error)) return applyOne(session, work, { ...target, ledgerReady: false }, change)
    throw explain(error, { work, target, change, statementsBefore: ledgerIndex + 1 })
  }
}

async function undoAll(session: Session, work: RolloutWork, target: Target): Promise<TargetResult> {
  let undone = 0
  for (const change of work.changes) {
    if (await undoOne(session, work, target, change)) undone += 1
  }
  const newest = await session.query(selectNewestVersion(target.schema), { keepRows: true })
  return { outcome: undone > 0 ? 'undone' : 'not_applied', versionId: newest.at(-1)?.rows[0]?.[0] ?? null }
}

/** @returns false when this tenant does not have the version from that rollout. */
async function undoOne(session: Session, work: RolloutWork, target: Target, change: Change): Promise<boolean> {
  if (change.transactionSql === undefined) return applySteps(session, work, target, change)
  const opening = openingStatements(work, target)
  const row = deleteLedgerRow({
    schema: target.schema,
    versionId: change.versionId,
    rolloutId: work.undoOf ?? work.rolloutId,
  })
  try {
    await sendChange(session, [...opening, row], change)
    return true
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    const atLedger = error.facts.completed === opening.length
    if (atLedger && (error.sqlstate === '22012' || isMissingLedger(error))) return false
    throw explain(error, { work, target, change, statementsBefore: opening.length + 1 })
  }
}

async function sendChange(session: Session, before: readonly string[], change: Change): Promise<void> {
  const sql = change.transactionSql ?? ''
  await session.query(`${before.join(';\n')};\n${sql}`)
}

/** What precedes everything in a transaction on this tenant. */
export function openingStatements(work: RolloutWork, target: Target): string[] {
  return [...work.prelude, ...enterSchema(target.schema)]
}

async function refuseConflict(session: Session, target: Target, change: Change): Promise<void> {
  const results = await session.query(selectLedgerRow(target.schema, change.versionId), { keepRows: true })
  const checksum = results[0]?.rows[0]?.[0]
  if (checksum != null) refuseOtherChecksum(change, checksum)
}

/** @throws DatabaseFailure TN001 */
export function refuseOtherChecksum(change: Change, checksum: string): void {
  if (checksum === change.checksum) return
  throw new DatabaseFailure(
    CONFLICT,
    `Version ${change.versionId} is recorded here with checksum ${checksum}, the rollout has ${change.checksum}: nothing was done.`,
  )
}

export function isMissingLedger(error: unknown): boolean {
  if (!(error instanceof DatabaseFailure)) return false
  const missing = error.sqlstate === '42P01' || error.sqlstate === '3F000'
  return missing && /tenantry/.test(error.message)
}

interface Place {
  readonly work: RolloutWork
  readonly target: Target
  readonly change: Change
  /** How many statements of the message come before the change's own. */
  readonly statementsBefore: number
}

/** The failure with the statement of the change that it happened in. */
export function explain(error: DatabaseFailure, place: Place): DatabaseFailure {
  const guarded = explainGuard(error, place.work, place.target)
  if (guarded !== error) return guarded
  const statements = statementsOf(place.change)
  const index = (error.facts.completed ?? 0) - place.statementsBefore
  const statement = error.sqlstate === '42601' ? undefined : statements[index]
  if (statement === undefined || statements.length < 2) return error
  return new DatabaseFailure(
    error.sqlstate,
    `${error.message} (statement ${index + 1} of ${statements.length}, line ${statement.line})`,
    error.facts,
  )
}

/** Turns the guard's division by zero into words. */
export function explainGuard(error: unknown, work: RolloutWork, target: Target): DatabaseFailure {
  if (!(error instanceof DatabaseFailure)) throw error
  if (work.guardIndex < 0 || error.facts.completed !== work.guardIndex || error.sqlstate !== '22012') return error
  return new DatabaseFailure(
    UNSAFE_ROLE,
    `Not run as a superuser in ${target.database}: roles that are not superusers own objects or may create some there, and their code would run with a superuser's rights. Register the server with a role that owns the tenants' tables and is no superuser.`,
  )
}

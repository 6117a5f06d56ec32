/** What became of one target, ready to be recorded: pure. */
import { DatabaseFailure } from '../engine/failure.ts'
import type { Target, TargetResult } from './change.ts'
import { errorGroupOf, storedMessage } from './error-groups.ts'
import { PartlyApplied, PartlyUndone } from './failures.ts'
import { leavesDoubt } from './retry.ts'
import type { FinishedTarget } from './sql/finish-targets.ts'

export function succeeded(target: Target, result: TargetResult, durationMs: number): FinishedTarget {
  const isReal = !result.outcome.startsWith('would_')
  return {
    ...blank(target, durationMs),
    state: 'succeeded',
    outcome: result.outcome,
    error: result.note === undefined ? null : storedMessage(result.note),
    versionId: isReal ? result.versionId : undefined,
    unanswered: false,
    ledgerReady: target.ledgerReady || changedTenant(result),
  }
}

export function changedTenant({ outcome }: TargetResult): boolean {
  return outcome === 'applied' || outcome === 'undone'
}

/** It failed, and what it left is known. */
export function failed(target: Target, failure: DatabaseFailure, durationMs: number): FinishedTarget {
  return { ...blank(target, durationMs), ...described(target, failure), state: 'failed', unanswered: false }
}

/**
 * The answer was lost, and the tenant's ledger could not be read afterwards.
 * @param lost of the last try; undefined when it was an earlier one
 */
export function inDoubt(
  target: Target,
  lost: DatabaseFailure | undefined,
  asking: DatabaseFailure,
  durationMs: number,
): FinishedTarget {
  const tried = lost === undefined ? 'an earlier try was lost' : `the last try was lost (${lost.message})`
  const message =
    `In doubt: the answer to ${tried}, and the tenant's ledger, which knows whether the ` +
    `change was made, cannot be read: ${asking.message} When it can be reached again, a retry reads it first.`
  const failure = new DatabaseFailure(asking.sqlstate, message, { cause: asking })
  return { ...failed(target, failure, durationMs), unanswered: true }
}

export function retryOf(
  target: Target,
  failure: DatabaseFailure,
  durationMs: number,
  retryInMs: number,
  countsAsAttempt: boolean,
): FinishedTarget {
  return {
    ...blank(target, durationMs),
    ...again(failure, retryInMs, countsAsAttempt),
    ...described(target, failure),
    unanswered: leavesDoubt(failure) ? true : undefined,
  }
}

/** Done, but its server did not confirm that it is on disk: tried again at once, its ledger will tell. */
export function unconfirmed(finished: FinishedTarget, failure: DatabaseFailure): FinishedTarget {
  const left = { versionId: undefined, ledgerReady: false, unanswered: true }
  return { ...finished, ...again(failure, 0, false), ...left }
}

function again(failure: DatabaseFailure, retryInMs: number, countsAsAttempt: boolean) {
  return { state: 'pending' as const, outcome: null, sqlstate: failure.sqlstate, retryInMs, countsAsAttempt }
}

function described(target: Target, failure: DatabaseFailure) {
  const detail = failure.facts.detail === undefined ? '' : ` – ${failure.facts.detail}`
  return {
    sqlstate: failure.sqlstate,
    error: storedMessage(`${failure.message}${detail}`),
    errorGroup: errorGroupOf(failure.sqlstate, failure.message, [
      target.name,
      target.database,
      target.schema,
    ]),
    ...leftBehind(failure),
  }
}

/** What a failed try changed in the tenant all the same. */
function leftBehind(failure: DatabaseFailure) {
  if (failure instanceof PartlyApplied) return { outcome: 'partly_applied', versionId: failure.versionId }
  if (failure instanceof PartlyUndone) return { outcome: 'partly_undone', versionId: failure.versionId }
  return { outcome: null, versionId: undefined }
}

function blank(target: Target, durationMs: number): FinishedTarget {
  return {
    tenantId: target.tenantId,
    wave: target.wave,
    state: 'pending',
    outcome: null,
    durationMs,
    sqlstate: null,
    error: null,
    errorGroup: null,
    retryInMs: 0,
    countsAsAttempt: true,
    ledgerReady: target.ledgerReady,
  }
}

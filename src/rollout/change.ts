/** From versions to what is sent to each tenant: made once per rollout, not once per tenant. */
import { stepsOf, type Statement, type Step } from '../schema/statements.ts'
import type { Version } from '../schema/versions.ts'

export type Direction = 'upgrade' | 'downgrade'

export interface Change {
  readonly versionId: string
  readonly checksum: string
  readonly direction: Direction
  readonly steps: readonly Step[]
  /** The whole SQL, when all of it can share one transaction with the ledger row; else undefined. */
  readonly transactionSql: string | undefined
}

/** What runs on one tenant, whichever tenant it is. */
export interface RolloutWork {
  readonly rolloutId: string
  readonly direction: Direction
  /** The rollout whose changes are undone. */
  readonly undoOf: string | undefined
  readonly dryRun: boolean
  /** More tries than failures can account for: the others were ended by the deaths of workers. */
  readonly maxAttempts: number
  /** In the order of application. */
  readonly changes: readonly Change[]
  /** Statements that come first in every transaction: settings behind a pooler, the guard for a superuser. */
  readonly prelude: readonly string[]
  /**
   * Statements that come last in a transaction that changed a tenant: deferred constraints are judged, and what a
   * pooler's next client must not inherit goes.
   */
  readonly postlude: readonly string[]
  /** Index of the superuser guard in the prelude, or -1. */
  readonly guardIndex: number
}

/** One tenant, as claimed. */
export interface Target {
  readonly tenantId: number
  readonly name: string
  readonly database: string
  readonly schema: string
  readonly wave: number
  readonly ledgerReady: boolean
  /** The registry has seen a version as new as the rollout's on it: a hint, never a decision. */
  readonly mayHaveIt: boolean
  /** Tries including this one. */
  readonly attempts: number
  /** One of them ended without an answer, and the ledger was not read since. */
  readonly unanswered: boolean
}

export type TargetOutcome =
  | 'applied'
  | 'already_applied'
  /** Failed after some of several versions. */
  | 'partly_applied'
  | 'undone'
  /** Failed after some of several versions were taken back. */
  | 'partly_undone'
  | 'not_applied'
  | 'would_apply'
  | 'would_apply_unproven'

export interface TargetResult {
  readonly outcome: TargetOutcome
  /** The tenant's newest version afterwards; undefined when it did not change, null when none is left. */
  readonly versionId?: string | null | undefined
  /** What a person should know, e.g. which statements a dry run could not prove. */
  readonly note?: string | undefined
}

/** @param direction `downgrade` needs a version that has one. */
export function changeOf(version: Version, direction: Direction): Change {
  const steps = stepsOf(direction === 'upgrade' ? version.upgrade_sql : (version.downgrade_sql ?? ''))
  const [first, second] = steps
  const inOneTransaction = second === undefined && first?.kind !== 'single'
  return {
    versionId: version.version_id,
    checksum: version.checksum,
    direction,
    steps,
    transactionSql: inOneTransaction ? (first?.sql ?? '') : undefined,
  }
}

export function statementsOf(change: Change): Statement[] {
  return change.steps.flatMap((step) => step.statements)
}

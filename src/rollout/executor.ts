/** What a lane asks of the kind of server that it works on: one implementation each for PostgreSQL, MySQL and SQLite. */
import type { DatabaseFailure } from '../engine/failure.ts'
import type { Target, TargetResult } from './change.ts'
import type { Diagnosis } from './diagnose.ts'

/** The way to one tenant, and to others that share its database. */
export interface TenantLink {
  /**
   * Applies the rollout's changes: never twice, never half.
   * @throws DatabaseFailure of the statement that failed; TN001 when the tenant has the version with another
   *   checksum, TN003 while another worker has it in hand or this one has lost its lease.
   */
  apply(target: Target): Promise<TargetResult>
  /** What became of a target whose last try ended without an answer. @returns undefined when it is not done. */
  ask(target: Target): Promise<TargetResult | undefined>
  /** Makes the link as new for the next tenant. */
  renew(): void
  close(): void
}

export interface Executor {
  /** Opens nothing before it is needed. */
  connect(target: Target): TenantLink
  /**
   * What will confirm that commits begun from now on are on disk; undefined where a commit is on disk when it is
   * answered.
   * @throws DatabaseFailure when the server cannot be reached.
   */
  witness(): Promise<object | undefined>
  /** @returns why the commits cannot be relied on, else undefined. */
  confirm(witness: object): Promise<DatabaseFailure | undefined>
  /** What a failure on one tenant means, after a look at the server where that may be the reason. */
  diagnose(failure: DatabaseFailure, target: Target): Promise<Diagnosis>
  close(): void
}

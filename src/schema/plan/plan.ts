/** A plan as data: what is run, in which order and transactions, with which timeouts, and what it may do. */
import type { DialectName, Unmodelled } from '../snapshot/snapshot.ts'
import type { Hazard } from './hazards.ts'

/**
 * Table-level locks, weakest first. PostgreSQL: "Explicit Locking", table 13.2. MySQL: `share` = LOCK=SHARED,
 * `access exclusive` = LOCK=EXCLUSIVE. SQLite: every writer takes the one lock of the file, `exclusive`.
 */
export const LOCK_LEVELS = [
  'access share',
  'row share',
  'row exclusive',
  'share update exclusive',
  'share',
  'share row exclusive',
  'exclusive',
  'access exclusive',
] as const

export type LockLevel = (typeof LOCK_LEVELS)[number]

export interface PlanStep {
  readonly sql: string
  /** Steps of one group run in one transaction; null: the step runs outside of any. */
  readonly group: number | null
  readonly creates: readonly string[]
  readonly drops: readonly string[]
  readonly alters: readonly string[]
  readonly lock: LockLevel | null
  readonly rewrites: boolean
  readonly hazards: readonly Hazard[]
  /** Milliseconds; 0 for none. */
  readonly lockTimeoutMs: number
  readonly statementTimeoutMs: number
  /**
   * Statements: those of all steps, from the last step to the first, lead from the target's schema back to the source's
   * (lost data stay lost, see the hazards). None where another step's undo it; null where no way back is known.
   */
  readonly reversal: readonly string[] | null
  /** Fingerprint of the whole schema after the step, and after its group; null until the plan is proved. */
  readonly after: string | null
}

export interface Plan {
  readonly format: 1
  readonly dialect: DialectName
  /** Fingerprints of the snapshots that it leads from and to. */
  readonly source: string
  readonly target: string
  readonly steps: readonly PlanStep[]
  /** In the source or the target, and not described: the plan neither makes nor removes them. */
  readonly unmodelled: readonly Unmodelled[]
}

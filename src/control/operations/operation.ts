/** What an operation is, as a row and as the work behind it. */
import type { Queryable } from '../control.ts'

export type OperationState = 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled'

export interface OperationError {
  readonly code: string
  readonly message: string
  readonly sqlstate?: string
  readonly nextSteps?: readonly string[]
}

export interface Operation {
  readonly id: string
  readonly kind: string
  readonly input: Record<string, unknown>
  readonly state: OperationState
  readonly epoch: number
  readonly attempts: number
  readonly max_attempts: number
  readonly cancel_requested: boolean
  readonly progress: Record<string, unknown>
  readonly result: Record<string, unknown> | null
  readonly error: OperationError | null
  readonly created_by: string
  readonly created_at: Date
  readonly started_at: Date | null
  readonly finished_at: Date | null
}

export const OPERATION_COLUMNS = `id, kind, input, state, epoch, attempts, max_attempts, cancel_requested, progress,
  result, error, created_by, created_at, started_at, finished_at`

/** Why a running operation must let go. */
export type StopReason = 'cancelled' | 'draining' | 'lease lost'

export type OperationOutcome =
  | { readonly state: 'succeeded'; readonly result: Record<string, unknown> }
  | { readonly state: 'cancelled'; readonly result?: Record<string, unknown> }
  /** Sleeps without a worker until somebody wakes it. */
  | { readonly state: 'waiting' }
  /** Goes back to the queue, for this or another worker. */
  | { readonly state: 'queued'; readonly afterMs: number }

export interface OperationContext {
  readonly operation: Operation
  /** Aborted when the operation must let go; `signal.reason` is a StopReason. */
  readonly signal: AbortSignal
  /**
   * Runs `work` once over all lives of the operation and keeps its result; a later life gets the kept result.
   * `work` must be safe to repeat: a crash between its effect and the keeping runs it again.
   */
  step<T>(name: string, work: () => Promise<T>): Promise<T>
  /** A transaction that commits only while this life of the operation holds its epoch. @throws FencedError */
  fenced<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  /** Replaces what is shown as progress. */
  progress(progress: Record<string, unknown>): Promise<void>
  /** Adds to the operation's log of events. */
  event(type: string, data: Record<string, unknown>): Promise<void>
  /** Resolves after `ms`, earlier when the operation is notified or must let go. */
  sleep(ms: number): Promise<void>
}

export interface OperationHandler {
  run(context: OperationContext): Promise<OperationOutcome>
  /** True when a cancelled operation must still be run once, to end in order. */
  readonly runsWhenCancelled?: boolean
}

export class FencedError extends Error {
  constructor(operationId: string) {
    super(`operation ${operationId} is run by another worker now`)
    this.name = 'FencedError'
  }
}

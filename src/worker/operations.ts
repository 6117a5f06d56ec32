/** Runs one claimed operation through one life: steps kept, cancellation and fencing honoured, its end recorded. */
import type { Control } from '../control/control.ts'
import { isPassing } from '../control/control.ts'
import {
  FencedError,
  type Operation,
  type OperationContext,
  type OperationError,
  type OperationHandler,
} from '../control/operations/operation.ts'
import { assertEpoch, endOperation, recordEvent, type OperationEnd } from '../control/operations/store.ts'
import { sqlstateOf } from '../engine/failure.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Wakeup } from '../lib/wakeup.ts'

const BACKOFF_BASE_MS = 500
const BACKOFF_CAP_MS = 60_000

export interface OperationLife {
  readonly control: Control
  readonly operation: Operation
  readonly handler: OperationHandler
  readonly signal: AbortSignal
  readonly wakeup: Wakeup
}

/** @throws what the control database throws, when the end could not be recorded: the lease then runs out. */
export async function runOperation(life: OperationLife): Promise<void> {
  const { control, operation } = life
  const end = await liveAndDecide(life)
  if (end === undefined) return
  try {
    await control.transaction((tx) => endOperation(tx, operation, end))
  } catch (error) {
    if (!(error instanceof FencedError)) throw error
  }
}

/** @returns how this life ends, or undefined when another worker has taken over. */
async function liveAndDecide(life: OperationLife): Promise<OperationEnd | undefined> {
  const { operation, handler, signal } = life
  if (operation.cancel_requested && handler.runsWhenCancelled !== true) return { state: 'cancelled' }
  if (operation.attempts > operation.max_attempts) {
    return {
      state: 'failed',
      error: {
        code: 'internal',
        message: `Given up after ${operation.max_attempts} attempts: the worker died or froze each time.`,
        nextSteps: [`Look at the workers' logs, then: tenantry operation retry ${operation.id}`],
      },
    }
  }
  try {
    return await handler.run(contextOf(life))
  } catch (error) {
    if (error instanceof FencedError || signal.reason === 'lease lost') return undefined
    if (signal.reason === 'draining') return { state: 'queued', countsAsAttempt: false }
    if (signal.reason === 'cancelled') return { state: 'cancelled' }
    return endAfter(error, operation)
  }
}

function endAfter(error: unknown, operation: Operation): OperationEnd {
  const worthRetrying = isPassing(error) || (error instanceof TenantryError && error.facts.retryable === true)
  if (worthRetrying && operation.attempts < operation.max_attempts) {
    return { state: 'queued', afterMs: backoff(operation.attempts), error: describe(error) }
  }
  return { state: 'failed', error: describe(error) }
}

/** Exponential backoff with full jitter, in milliseconds. */
function backoff(attempts: number): number {
  return Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempts)
}

function describe(error: unknown): OperationError {
  const sqlstate = error instanceof TenantryError ? error.facts.sqlstate : sqlstateOf(error)
  return {
    code: error instanceof TenantryError ? error.code : 'internal',
    message: messageOf(error),
    ...(sqlstate === null || sqlstate === undefined ? {} : { sqlstate }),
    ...(error instanceof TenantryError && error.facts.nextSteps !== undefined
      ? { nextSteps: error.facts.nextSteps }
      : {}),
  }
}

function contextOf(life: OperationLife): OperationContext {
  const { control, operation, signal, wakeup } = life
  const fenced: OperationContext['fenced'] = (work) =>
    control.transaction(async (tx) => {
      const result = await work(tx)
      // Last, since the lock it takes keeps the heartbeat waiting until the commit.
      await assertEpoch(tx, operation)
      return result
    })
  return {
    operation,
    signal,
    fenced,
    async step<T>(name: string, work: () => Promise<T>): Promise<T> {
      const [kept] = await control.query<{ result: T }>(
        'select result from tenantry.operation_steps where operation_id = $1 and name = $2',
        [operation.id, name],
      )
      if (kept !== undefined) return kept.result
      signal.throwIfAborted()
      const result = await work()
      await fenced((tx) =>
        tx.query(
          `insert into tenantry.operation_steps (operation_id, name, epoch, result) values ($1, $2, $3, $4)`,
          [operation.id, name, operation.epoch, JSON.stringify(result ?? null)],
        ),
      )
      return result
    },
    async progress(progress) {
      await fenced((tx) =>
        tx.query('update tenantry.operations set progress = $2 where id = $1', [operation.id, progress]),
      )
    },
    async event(type, data) {
      await fenced((tx) => recordEvent(tx, operation.id, type, data))
    },
    // An operation that is cancelled and ends in order still has to wait for things.
    sleep: (ms) => wakeup.sleep(ms, signal.reason === 'cancelled' ? undefined : signal),
  }
}

/** The statements behind operations: each one atomic, guarded by state and epoch, on the database's clock. */
import { randomUUID } from 'node:crypto'
import { TenantryError } from '../../lib/errors.ts'
import type { Queryable } from '../control.ts'
import { LEASE_SECONDS } from '../workers.ts'
import { FencedError, OPERATION_COLUMNS, type Operation, type OperationError } from './operation.ts'

/** Workers listen here; the payload is the operation's id. */
export const OPERATIONS_CHANNEL = 'tenantry_operations'

export interface NewOperation {
  readonly id?: string
  readonly kind: string
  readonly input: Record<string, unknown>
  readonly createdBy: string
  readonly maxAttempts?: number
}

/** Queues an operation; call it inside the transaction that makes whatever the operation needs. */
export async function enqueueOperation(on: Queryable, operation: NewOperation): Promise<Operation> {
  const [row] = await on.query<Operation>(
    `insert into tenantry.operations (id, kind, input, created_by, max_attempts)
     values ($1, $2, $3, $4, $5) returning ${OPERATION_COLUMNS}`,
    [
      operation.id ?? randomUUID(),
      operation.kind,
      operation.input,
      operation.createdBy,
      operation.maxAttempts ?? 5,
    ],
  )
  if (row === undefined) throw new Error('insert returned no row')
  await notifyOperation(on, row.id)
  return row
}

async function notifyOperation(on: Queryable, operationId: string): Promise<void> {
  await on.query('select pg_notify($1, $2)', [OPERATIONS_CHANNEL, operationId])
}

/** Takes up to `limit` operations: queued ones that are due, and running ones whose worker lost its lease. */
export function claimOperations(
  on: Queryable,
  worker: { id: string; kinds: readonly string[]; limit: number },
): Promise<Operation[]> {
  return on.query<Operation>(
    `with due as (
       select id from tenantry.operations
       where kind = any($2)
         and ((state = 'queued' and not_before <= clock_timestamp())
           or (state = 'running' and lease_until < clock_timestamp()))
       order by not_before, created_at
       limit $3 for update skip locked)
     update tenantry.operations as operation
     set state = 'running', epoch = epoch + 1, worker_id = $1,
       lease_until = clock_timestamp() + make_interval(secs => $4),
       attempts = attempts + 1, woken = false, started_at = coalesce(started_at, clock_timestamp()), error = null
     from due where operation.id = due.id
       and exists (select from tenantry.workers where id = $1 and lease_until > clock_timestamp())
     returning ${OPERATION_COLUMNS.replaceAll(/\b(\w+)/g, 'operation.$1')}`,
    [worker.id, worker.kinds, worker.limit, LEASE_SECONDS],
  )
}

/** Locks the operation for this transaction. @throws FencedError when the epoch is no longer current. */
export async function assertEpoch(tx: Queryable, operation: { id: string; epoch: number }): Promise<void> {
  const rows = await tx.query(
    `select from tenantry.operations where id = $1 and epoch = $2 and state = 'running' for no key update`,
    [operation.id, operation.epoch],
  )
  if (rows.length === 0) throw new FencedError(operation.id)
}

export interface OperationEnd {
  readonly state: 'succeeded' | 'failed' | 'cancelled' | 'waiting' | 'queued'
  readonly result?: Record<string, unknown> | undefined
  readonly error?: OperationError | undefined
  readonly afterMs?: number
  /** False where going back to the queue is no failure, e.g. when the worker drains. */
  readonly countsAsAttempt?: boolean
}

/**
 * Ends this life of an operation. One that was woken meanwhile goes back to the queue, and so does one that would
 * wait although it is to be cancelled: neither a wake-up nor a cancellation is ever lost.
 */
export async function endOperation(
  tx: Queryable,
  operation: { id: string; epoch: number },
  end: OperationEnd,
): Promise<void> {
  const rows = await tx.query(
    `update tenantry.operations set
       state = case when $3 <> 'failed' and woken or $3 = 'waiting' and cancel_requested then 'queued' else $3 end,
       result = coalesce($4, result), error = $5, worker_id = null, lease_until = null,
       not_before = case when $3 = 'queued' and not cancel_requested then clock_timestamp() + $6 * interval '1 millisecond' else '-infinity' end,
       attempts = attempts - case when $7 then 0 else 1 end,
       finished_at = case when $3 in ('succeeded', 'failed', 'cancelled') and not ($3 <> 'failed' and woken) then clock_timestamp() end
     where id = $1 and epoch = $2 and state = 'running' returning id`,
    [
      operation.id,
      operation.epoch,
      end.state,
      end.result ?? null,
      end.error ?? null,
      end.afterMs ?? 0,
      end.countsAsAttempt ?? true,
    ],
  )
  if (rows.length === 0) throw new FencedError(operation.id)
  await recordEvent(
    tx,
    operation.id,
    `operation.${end.state}`,
    end.error === undefined ? {} : { error: end.error },
  )
}

export async function recordEvent(
  on: Queryable,
  operationId: string,
  type: string,
  data: Record<string, unknown>,
): Promise<void> {
  await on.query(
    `with event as (
       insert into tenantry.operation_events (operation_id, type, data) values ($1, $2, $3))
     select pg_notify($4, $5)`,
    [operationId, type, data, OPERATIONS_CHANNEL, operationId],
  )
}

/** Makes an operation that waits, or is just about to end, run again. */
export async function wakeOperation(tx: Queryable, operationId: string): Promise<void> {
  await tx.query(
    `update tenantry.operations set woken = true, not_before = '-infinity',
       state = case when state = 'waiting' then 'queued' else state end where id = $1`,
    [operationId],
  )
  await notifyOperation(tx, operationId)
}

/**
 * Asks an operation to end. One that never ran ends at once; one that runs or waits ends through its worker.
 * @throws TenantryError `not_found`, or `conflict` when it has already ended.
 */
export async function requestCancel(tx: Queryable, operationId: string): Promise<Operation> {
  const operation = await lockOperation(tx, operationId)
  if (['succeeded', 'failed', 'cancelled'].includes(operation.state)) {
    throw new TenantryError('conflict', `Operation ${operationId} has already ${operation.state}.`)
  }
  const endsNow = operation.state === 'queued' && operation.epoch === 0 && operation.kind !== 'rollout'
  const [row] = await tx.query<Operation>(
    `update tenantry.operations set cancel_requested = true,
       state = case when $2 then 'cancelled' when state = 'waiting' then 'queued' else state end,
       not_before = '-infinity',
       finished_at = case when $2 then clock_timestamp() end
     where id = $1 returning ${OPERATION_COLUMNS}`,
    [operationId, endsNow],
  )
  if (row === undefined) throw new Error('the locked operation vanished')
  await recordEvent(tx, operationId, 'operation.cancel_requested', {})
  return row
}

/**
 * Lets a failed operation run again from the step at which it failed.
 * @throws TenantryError `not_found`, or `conflict` when it did not fail.
 */
export async function retryOperation(tx: Queryable, operationId: string): Promise<Operation> {
  const operation = await lockOperation(tx, operationId)
  if (operation.state !== 'failed') {
    throw new TenantryError(
      'conflict',
      `Operation ${operationId} is ${operation.state}; only a failed one can be retried.`,
    )
  }
  const [row] = await tx.query<Operation>(
    `update tenantry.operations set state = 'queued', attempts = 0, error = null, finished_at = null,
       cancel_requested = false, not_before = '-infinity' where id = $1 returning ${OPERATION_COLUMNS}`,
    [operationId],
  )
  if (row === undefined) throw new Error('the locked operation vanished')
  await recordEvent(tx, operationId, 'operation.retried', {})
  return row
}

async function lockOperation(tx: Queryable, operationId: string): Promise<Operation> {
  const [row] = await tx.query<Operation>(
    `select ${OPERATION_COLUMNS} from tenantry.operations where id = $1 for no key update`,
    [operationId],
  )
  if (row === undefined) throw operationNotFound(operationId)
  return row
}

export function operationNotFound(operationId: string): TenantryError {
  return new TenantryError('not_found', `There is no operation ${operationId}.`, {
    nextSteps: ['List them with: tenantry operation list'],
  })
}

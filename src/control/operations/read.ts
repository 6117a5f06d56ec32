/** Reading operations, their steps and their events. */
import type { Queryable } from '../control.ts'
import { OPERATION_COLUMNS, type Operation, type OperationState } from './operation.ts'
import { operationNotFound } from './store.ts'

/** @throws TenantryError `not_found` */
export async function getOperation(on: Queryable, operationId: string): Promise<Operation> {
  const [row] = await on.query<Operation>(
    `select ${OPERATION_COLUMNS} from tenantry.operations where id = $1`,
    [operationId],
  )
  if (row === undefined) throw operationNotFound(operationId)
  return row
}

export interface OperationStep {
  readonly name: string
  readonly result: unknown
  readonly finished_at: Date
}

export function listSteps(on: Queryable, operationId: string): Promise<OperationStep[]> {
  return on.query<OperationStep>(
    'select name, result, finished_at from tenantry.operation_steps where operation_id = $1 order by finished_at, name',
    [operationId],
  )
}

export interface OperationEvent {
  readonly seq: number
  readonly at: Date
  readonly type: string
  readonly data: Record<string, unknown>
}

/** Events after sequence number `after`, oldest first. */
export function listEvents(
  on: Queryable,
  operationId: string,
  after: number,
  limit = 500,
): Promise<OperationEvent[]> {
  return on.query<OperationEvent>(
    `select seq, at, type, data from tenantry.operation_events
     where operation_id = $1 and seq > $2 order by seq limit $3`,
    [operationId, after, limit],
  )
}

export function hasEnded(operation: { state: OperationState }): boolean {
  return operation.state === 'succeeded' || operation.state === 'failed' || operation.state === 'cancelled'
}

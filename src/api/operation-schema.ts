/** How operations look from outside. */
import { z } from 'zod'
import type { OperationSummary } from '../control/operations/summary.ts'
import { anyObject, timestamp } from './fields.ts'

export const OPERATION_STATES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const

export const OperationShape = z
  .object({
    id: z.uuid(),
    kind: z.string(),
    state: z.enum(OPERATION_STATES).describe('waiting: it sleeps without a worker until something wakes it.'),
    progress: anyObject,
    result: anyObject.nullable(),
    error: z
      .object({
        code: z.string(),
        message: z.string(),
        sqlstate: z.string().optional(),
        nextSteps: z.array(z.string()).optional(),
      })
      .nullable(),
    attempts: z.int(),
    max_attempts: z.int(),
    cancel_requested: z.boolean(),
    created_by: z.string(),
    created_at: timestamp,
    started_at: timestamp.nullable(),
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'Operation' })

export const OperationDetail = OperationShape.extend({
  input: anyObject.nullable().describe('Null when it is larger than 64 KiB.'),
  steps: z.array(z.object({ name: z.string(), result: z.unknown(), finished_at: timestamp })),
}).meta({ id: 'OperationDetail' })

export const OperationEventShape = z
  .object({ seq: z.int(), at: timestamp, type: z.string(), data: anyObject })
  .meta({ id: 'OperationEvent' })

/** A row as the schema takes it. */
export function operationView(operation: OperationSummary): z.input<typeof OperationShape> {
  const { error } = operation
  if (error === null) return { ...operation, error }
  const { nextSteps, ...facts } = error
  return {
    ...operation,
    error: { ...facts, ...(nextSteps === undefined ? {} : { nextSteps: [...nextSteps] }) },
  }
}

/** Where an operation is found: the `Location` of every 202. */
export function operationLocation(id: string): string {
  return `/operations/${id}`
}

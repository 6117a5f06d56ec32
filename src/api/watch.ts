/** Following an operation: until it ends, or event by event. */
import type { z } from 'zod'
import { hasEnded, listEvents } from '../control/operations/read.ts'
import { getSummary, type OperationSummary } from '../control/operations/summary.ts'
import { Wakeup } from '../lib/wakeup.ts'
import type { App } from './app.ts'
import type { StreamEvent } from './endpoint.ts'
import { OperationEventShape, OperationShape, operationView } from './operation-schema.ts'

/** At most four times a second: one look is one row by its primary key. */
const LOOK_MS = 250

/** Resolves when the operation has ended, when `seconds` are over, or when nobody waits any more. */
export async function waitForEnd(app: App, id: string, seconds: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  const pause = new Wakeup()
  for (;;) {
    const operation = await getSummary(app.control, id)
    const left = deadline - performance.now()
    if (hasEnded(operation) || left <= 0 || signal.aborted) return
    await pause.sleep(Math.min(LOOK_MS, left), signal)
  }
}

export const OPERATION_EVENTS = {
  snapshot: OperationShape,
  change: OperationShape,
  event: OperationEventShape,
} as const satisfies Record<string, z.ZodType>

/**
 * A snapshot, then what happens, until the operation has ended. Ids are sequence numbers of the operation's log: a
 * reader that comes back with one gets every event after it.
 */
export async function* operationEvents(
  app: App,
  first: OperationSummary,
  lastEventId: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent<typeof OPERATION_EVENTS>> {
  const pause = new Wakeup()
  let shown = first
  let after = lastEventId
  if (after === undefined) {
    after = await lastSequenceNumber(app, first.id)
    shown = await getSummary(app.control, first.id)
    yield { event: 'snapshot', id: String(after), data: operationView(shown) }
  } else {
    yield { event: 'snapshot', data: operationView(first) }
  }
  while (!signal.aborted) {
    // First the operation, then its events: once it is seen to have ended, the events seen after are all.
    const operation = await getSummary(app.control, first.id)
    for (;;) {
      const events = await listEvents(app.control, first.id, after)
      for (const event of events) yield { event: 'event', id: String((after = event.seq)), data: event }
      if (events.length === 0) break
    }
    if (!sameView(shown, operation)) yield { event: 'change', data: operationView((shown = operation)) }
    if (hasEnded(operation)) return
    await pause.sleep(LOOK_MS, signal)
  }
}

async function lastSequenceNumber(app: App, id: string): Promise<number> {
  const [row] = await app.control.query<{ seq: number }>(
    'select coalesce(max(seq), 0) as seq from tenantry.operation_events where operation_id = $1',
    [id],
  )
  return row?.seq ?? 0
}

function sameView(one: OperationSummary, other: OperationSummary): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

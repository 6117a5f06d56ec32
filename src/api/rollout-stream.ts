/** A rollout as it happens: its state at first and whenever it changes, and the events of its log. */
import { z } from 'zod'
import { listEvents } from '../control/operations/read.ts'
import { Wakeup } from '../lib/wakeup.ts'
import { getRollout } from '../rollout/rollout.ts'
import { rolloutStatus } from '../rollout/status.ts'
import type { App } from './app.ts'
import { defineStream } from './endpoint.ts'
import { anyObject, timestamp } from './fields.ts'
import { rolloutView, viewRolloutStatus } from './rollout-views.ts'

/** At most four changes a second. */
const INTERVAL_MS = 250

const logEntry = z.object({ type: z.string(), at: timestamp, data: anyObject })

export const rolloutStreamEndpoints = [
  defineStream({
    id: 'rollouts.stream',
    method: 'GET',
    path: '/schema/propagate/{job_id}/stream',
    tag: 'Rollouts',
    scope: 'rollouts:read',
    summary: 'Watch a rollout',
    description:
      'First a `snapshot`, then one whenever something changed, at most four a second; between them the `event`s of its log. Resumes after `Last-Event-ID`. Ends when the rollout has ended.',
    params: { job_id: z.uuid() },
    events: { snapshot: rolloutView, event: logEntry },
    errors: ['not_found'],
    run: async (app, { params, lastEventId, signal }) => {
      await getRollout(app.control, params.job_id)
      return watch(app, params.job_id, lastEventId ?? 0, signal)
    },
  }),
]

async function* watch(app: App, id: string, after: number, signal: AbortSignal) {
  const clock = new Wakeup()
  let seq = after
  let shown = ''
  while (!signal.aborted) {
    // The status first: an event that comes after it is sent with the next round, never lost.
    const status = await rolloutStatus(app.control, id)
    for (const entry of await listEvents(app.control, id, seq)) {
      seq = entry.seq
      yield {
        event: 'event' as const,
        id: String(entry.seq),
        data: { type: entry.type, at: entry.at, data: entry.data },
      }
    }
    const snapshot = viewRolloutStatus(status)
    const text = JSON.stringify({ ...snapshot, elapsed_seconds: 0 })
    if (text !== shown) {
      shown = text
      yield { event: 'snapshot' as const, id: String(seq), data: snapshot }
    }
    const ended = status.rollout.state === 'completed' || status.rollout.state === 'stopped'
    if (ended && status.progress.inFlight === 0) return
    await clock.sleep(INTERVAL_MS, signal)
  }
}

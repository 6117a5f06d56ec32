/** Is it alive, is it ready: open to everybody, so it tells states and counts, never names or error texts. */
import { z } from 'zod'
import { liveWorkers } from '../control/workers.ts'
import { TenantryError } from '../lib/errors.ts'
import type { App } from './app.ts'
import { defineEndpoint } from './endpoint.ts'

const CHECK_TIMEOUT_MS = 2_000
/** How long a report is given out again: nobody can make us ask the database more often. */
const FRESH_MS = 1_000

const Check = z.object({ ok: z.boolean(), state: z.string() })
const Health = z
  .object({
    status: z
      .enum(['ok', 'degraded', 'unavailable'])
      .describe('degraded: it answers, but no worker is running.'),
    live: z.literal(true),
    ready: z.boolean().describe('The control database answers.'),
    checks: z.object({
      control_database: Check.extend({ latency_ms: z.number().nullable() }),
      workers: Check.extend({ count: z.int().nullable() }),
    }),
  })
  .meta({ id: 'Health' })
type Health = z.infer<typeof Health>

const reports = new WeakMap<App, { at: number; report: Promise<Health> }>()

function health(app: App): Promise<Health> {
  const kept = reports.get(app)
  if (kept !== undefined && performance.now() - kept.at < FRESH_MS) return kept.report
  const report = examine(app)
  reports.set(app, { at: performance.now(), report })
  return report
}

async function examine(app: App): Promise<Health> {
  const begun = performance.now()
  const workers = await countWorkers(app)
  const ready = workers !== undefined
  const latency = ready ? Math.round((performance.now() - begun) * 10) / 10 : null
  return {
    status: ready ? (workers > 0 ? 'ok' : 'degraded') : 'unavailable',
    live: true,
    ready,
    checks: {
      control_database: { ok: ready, state: ready ? 'answers' : 'does not answer', latency_ms: latency },
      workers: {
        ok: (workers ?? 0) > 0,
        state: workers === undefined ? 'unknown' : workers > 0 ? 'running' : 'none is running',
        count: workers ?? null,
      },
    },
  }
}

/** @returns undefined when the control database does not answer in time. */
async function countWorkers(app: App): Promise<number | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, CHECK_TIMEOUT_MS, undefined)
  const asked = liveWorkers(app.control).then(
    (workers) => workers.length,
    (error: unknown) => {
      app.log.warn({ err: error }, 'health: the control database does not answer')
      return undefined
    },
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

const report = defineEndpoint({
  id: 'health.report',
  method: 'GET',
  path: '/health',
  summary: 'Health in full',
  tag: 'Health',
  scope: 'public',
  status: 200,
  output: Health,
  otherStatus: {
    status: 503,
    about: 'Not ready: the control database does not answer.',
    when: ({ ready }) => !ready,
  },
  run: health,
})

const Alive = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' })

function defineLiveness<Id extends string>(id: Id, path: string) {
  return defineEndpoint({
    id,
    method: 'GET',
    path,
    summary: 'Is the process alive',
    tag: 'Health',
    scope: 'public',
    status: 200,
    output: Alive,
    run: async () => ({ status: 'ok' as const }),
  })
}

function defineReadiness<Id extends string>(id: Id, path: string) {
  return defineEndpoint({
    id,
    method: 'GET',
    path,
    summary: 'Can it serve requests',
    tag: 'Health',
    scope: 'public',
    errors: ['control_unavailable'],
    status: 200,
    output: Alive,
    async run(app) {
      const { ready } = await health(app)
      if (!ready)
        throw new TenantryError('control_unavailable', 'The control database does not answer.', {
          retryable: true,
        })
      return { status: 'ok' as const }
    },
  })
}

export const healthEndpoints = [
  report,
  defineLiveness('health.live', '/health/live'),
  defineLiveness('health.livez', '/livez'),
  defineReadiness('health.ready', '/health/ready'),
  defineReadiness('health.readyz', '/readyz'),
]

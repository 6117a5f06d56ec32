/** What rollouts do, summed over all of them: no label has one value per tenant or per rollout. */
import type { App } from '../../api/app.ts'
import { addCounts } from '../../lib/histogram.ts'
import { metrics } from '../metrics.ts'
import { storeDurations } from '../stored-histogram.ts'

const STATES = ['running', 'paused', 'awaiting_approval', 'completed', 'stopped']

export async function collectRollouts(app: App): Promise<void> {
  await Promise.all([
    collectStates(app),
    collectActive(app),
    collectBreakers(app),
    collectCounters(app),
    collectDurations(app),
  ])
}

async function collectStates(app: App): Promise<void> {
  const rows = await app.control.query<{ state: string; count: number; rate: number }>(
    `select state, count(*), coalesce(sum(rate) filter (where state = 'running'), 0)::float8 as rate
     from tenantry.rollouts group by state`,
  )
  for (const state of STATES)
    metrics.rollouts.set({ state }, rows.find((row) => row.state === state)?.count ?? 0)
  const rate = rows.reduce((sum, row) => sum + row.rate, 0)
  metrics.rolloutRate.set(rate)
  metrics.schemaPropagationRate.set(rate)
}

async function collectActive(app: App): Promise<void> {
  const [row] = await app.control.query<
    Record<'total' | 'succeeded' | 'failed' | 'skipped' | 'in_flight', number> & { last: number | null }
  >(
    `with active as (select id from tenantry.rollouts where state in ('running', 'paused', 'awaiting_approval'))
     select coalesce(sum(total), 0)::int as total, coalesce(sum(succeeded), 0)::int as succeeded,
       coalesce(sum(failed), 0)::int as failed, coalesce(sum(skipped), 0)::int as skipped,
       (select count(*) from tenantry.rollout_targets where state = 'claimed') as in_flight,
       (select extract(epoch from max(last_finished_at))::float8 from tenantry.rollout_lanes
         where rollout_id in (select id from active)) as last
     from tenantry.rollout_lanes where rollout_id in (select id from active)`,
  )
  if (row === undefined) return
  const { total, succeeded, failed, skipped, in_flight: inFlight } = row
  const counts = {
    succeeded,
    failed,
    skipped,
    running: inFlight,
    pending: total - succeeded - failed - skipped - inFlight,
  }
  for (const [state, count] of Object.entries(counts))
    metrics.rolloutActiveTargets.set({ state }, Math.max(0, count))
  metrics.rolloutInFlight.set(inFlight)
  metrics.rolloutLastProgress.set(row.last ?? 0)
}

async function collectBreakers(app: App): Promise<void> {
  const [row] = await app.control.query<{ rollouts: number; tripped: number; down: number }>(
    `select (select count(*) from tenantry.rollouts where breaker_open) as rollouts,
       count(*) filter (where lane.state = 'tripped') as tripped,
       count(*) filter (where lane.state = 'down' and rollout.state = 'running') as down
     from tenantry.rollout_servers as lane join tenantry.rollouts as rollout on rollout.id = lane.rollout_id
     where rollout.state in ('running', 'paused', 'awaiting_approval')`,
  )
  metrics.rolloutBreakers.set({ scope: 'rollout' }, row?.rollouts ?? 0)
  metrics.rolloutBreakers.set({ scope: 'server' }, row?.tripped ?? 0)
  metrics.rolloutServersDown.set(row?.down ?? 0)
}

async function collectCounters(app: App): Promise<void> {
  const rows = await app.control.query<{ name: string; label: string; value: number }>(
    `select name, label, value from tenantry.counters where name in ('rollout_targets', 'rollout_retries')`,
  )
  metrics.rolloutTargets.reset()
  metrics.rolloutRetries.reset()
  metrics.schemaPropagationTotal.reset()
  for (const { name, label, value } of rows) {
    if (name === 'rollout_retries') {
      metrics.rolloutRetries.inc({ sqlstate: label }, value)
      continue
    }
    metrics.rolloutTargets.inc({ outcome: label }, value)
    metrics.schemaPropagationTotal.inc({ status: label === 'failed' ? 'failed' : 'success' }, value)
  }
}

async function collectDurations(app: App): Promise<void> {
  const rows = await app.control.query<{ durations: number[] }>(
    `select array_agg(counts.number order by counts.bucket) as durations from (
       select bucket, sum(number)::int as number
       from tenantry.rollout_lanes, unnest(durations) with ordinality as counted (number, bucket) group by bucket) as counts
     having count(*) > 0`,
  )
  storeDurations(rows.map((row) => row.durations).reduce(addCounts, []))
}

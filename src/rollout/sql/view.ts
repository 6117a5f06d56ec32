import type { Queryable } from '../../control/control.ts'
import type { RolloutView, ServerView, WaveView } from '../decide.ts'
import type { Rollout } from '../rollout.ts'

/** Everything a decision about a rollout is made from: a handful of rows, however many tenants there are. */
export async function viewRollout(on: Queryable, rollout: Rollout): Promise<RolloutView> {
  const waves = await on.query<WaveView & Record<string, unknown>>(
    `select wave.wave, wave.name, wave.state, wave.gate, wave.total::int,
       coalesce(sum(lane.succeeded), 0)::int as succeeded, coalesce(sum(lane.failed), 0)::int as failed,
       coalesce(sum(lane.skipped), 0)::int as skipped,
       (extract(epoch from clock_timestamp() - wave.finished_at) * 1000)::float8 as "idleMs"
     from tenantry.rollout_waves as wave
     left join tenantry.rollout_lanes as lane on lane.rollout_id = wave.rollout_id and lane.wave = wave.wave
     where wave.rollout_id = $1 group by wave.rollout_id, wave.wave order by wave.wave`,
    [rollout.id],
  )
  const servers = await on.query<ServerRow>(
    `select lane.server_id, server.name, lane.state, lane.breaker_base,
       sum(counts.succeeded + counts.failed)::int as finished, sum(counts.failed)::int as failed,
       sum(counts.total - counts.succeeded - counts.failed - counts.skipped)::int as open,
       coalesce(sum(counts.total - counts.succeeded - counts.failed - counts.skipped)
         filter (where counts.wave <= $2), 0)::int as open_now,
       case when lane.state = 'down' then (extract(epoch from clock_timestamp() - lane.since) * 1000)::float8 end as down_ms
     from tenantry.rollout_servers as lane
     join tenantry.db_servers as server on server.id = lane.server_id
     join tenantry.rollout_lanes as counts on counts.rollout_id = lane.rollout_id and counts.server_id = lane.server_id
     where lane.rollout_id = $1 group by lane.rollout_id, lane.server_id, server.name order by server.name`,
    [rollout.id, rollout.current_wave],
  )
  const [inFlight] = await on.query<{ count: number }>(
    `select count(*) from tenantry.rollout_targets where rollout_id = $1 and state = 'claimed'`,
    [rollout.id],
  )
  return {
    state: rollout.state,
    currentWave: rollout.current_wave,
    options: rollout.options,
    waves,
    servers: servers.map(serverView),
    inFlight: inFlight?.count ?? 0,
  }
}

interface ServerRow extends Record<string, unknown> {
  server_id: number
  name: string
  state: ServerView['state']
  breaker_base: { finished?: number; failed?: number }
  finished: number
  failed: number
  open: number
  open_now: number
  down_ms: number | null
}

function serverView(row: ServerRow): ServerView {
  return {
    serverId: row.server_id,
    name: row.name,
    state: row.state,
    counts: { finished: row.finished, failed: row.failed },
    base: { finished: row.breaker_base.finished ?? 0, failed: row.breaker_base.failed ?? 0 },
    open: row.open,
    openNow: row.open_now,
    downMs: row.down_ms,
  }
}

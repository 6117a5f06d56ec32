/** What is shown of a rollout: counts, waves, servers, errors in groups, targets one by one. */
import { addCounts, percentile } from '../lib/histogram.ts'
import type { Queryable } from '../control/control.ts'
import { getRollout, type Rollout } from './rollout.ts'

export interface WaveStatus {
  readonly wave: number
  readonly name: string
  readonly state: string
  readonly total: number
  readonly successful: number
  readonly failed: number
  readonly skipped: number
  readonly gate: {
    readonly approval: boolean
    readonly soakSeconds: number
    readonly maxErrorPercent: number
  }
  readonly approvedBy: string | null
}

export interface ServerStatus {
  readonly server: string
  readonly state: 'open' | 'down' | 'tripped'
  readonly reason: string | null
  readonly total: number
  readonly successful: number
  readonly failed: number
  readonly skipped: number
}

export interface ErrorGroup {
  readonly group: string
  readonly sqlstate: string
  readonly message: string
  readonly count: number
  /** Names of a few tenants that have it. */
  readonly tenants: readonly string[]
}

export interface RolloutStatus {
  readonly rollout: Rollout
  readonly progress: {
    readonly total: number
    readonly completed: number
    readonly successful: number
    readonly failed: number
    readonly skipped: number
    readonly already: number
    readonly inFlight: number
    readonly retries: number
  }
  readonly etaSeconds: number | null
  readonly latencyMs: {
    readonly p50: number | null
    readonly p95: number | null
    readonly p99: number | null
  }
  readonly elapsedSeconds: number
  readonly waves: readonly WaveStatus[]
  readonly servers: readonly ServerStatus[]
  readonly errorGroups: readonly ErrorGroup[]
}

const SHOWN_GROUPS = 20

/** @throws TenantryError `not_found` */
export async function rolloutStatus(on: Queryable, id: string): Promise<RolloutStatus> {
  const rollout = await getRollout(on, id)
  const [waves, servers, errorGroups, facts, durations] = await Promise.all([
    waveStatus(on, id),
    serverStatus(on, id),
    errorGroupsOf(on, id, SHOWN_GROUPS),
    laneFacts(on, id),
    on.query<{ durations: number[] }>('select durations from tenantry.rollout_lanes where rollout_id = $1', [
      id,
    ]),
  ])
  const sum = (pick: (wave: WaveStatus) => number): number =>
    waves.reduce((total, wave) => total + pick(wave), 0)
  const successful = sum((wave) => wave.successful)
  const failed = sum((wave) => wave.failed)
  const skipped = sum((wave) => wave.skipped)
  const completed = successful + failed + skipped
  const counts = durations.map((row) => row.durations).reduce(addCounts, [])
  const remaining = rollout.total - completed
  return {
    rollout,
    progress: { total: rollout.total, completed, successful, failed, skipped, ...facts.progress },
    etaSeconds:
      rollout.state !== 'running'
        ? null
        : remaining === 0
          ? 0
          : rollout.rate > 0
            ? Math.ceil(remaining / rollout.rate)
            : null,
    latencyMs: { p50: percentile(counts, 0.5), p95: percentile(counts, 0.95), p99: percentile(counts, 0.99) },
    elapsedSeconds: facts.elapsedSeconds,
    waves,
    servers,
    errorGroups,
  }
}

async function laneFacts(
  on: Queryable,
  id: string,
): Promise<{ progress: { already: number; retries: number; inFlight: number }; elapsedSeconds: number }> {
  const [row] = await on.query<{ already: number; retries: number; in_flight: number; elapsed: number }>(
    `select coalesce(sum(already), 0)::int as already, coalesce(sum(retries), 0)::int as retries,
       (select count(*) from tenantry.rollout_targets where rollout_id = $1 and state = 'claimed') as in_flight,
       (select extract(epoch from coalesce(finished_at, clock_timestamp()) - created_at)::float8
         from tenantry.rollouts where id = $1) as elapsed
     from tenantry.rollout_lanes where rollout_id = $1`,
    [id],
  )
  return {
    progress: { already: row?.already ?? 0, retries: row?.retries ?? 0, inFlight: row?.in_flight ?? 0 },
    elapsedSeconds: row?.elapsed ?? 0,
  }
}

function waveStatus(on: Queryable, id: string): Promise<WaveStatus[]> {
  return on.query<WaveStatus & Record<string, unknown>>(
    `select wave.wave, wave.name, wave.state, wave.total, wave.gate, wave.approved_by as "approvedBy",
       coalesce(sum(lane.succeeded), 0)::int as successful, coalesce(sum(lane.failed), 0)::int as failed,
       coalesce(sum(lane.skipped), 0)::int as skipped
     from tenantry.rollout_waves as wave
     left join tenantry.rollout_lanes as lane on lane.rollout_id = wave.rollout_id and lane.wave = wave.wave
     where wave.rollout_id = $1 group by wave.rollout_id, wave.wave order by wave.wave`,
    [id],
  )
}

function serverStatus(on: Queryable, id: string): Promise<ServerStatus[]> {
  return on.query<ServerStatus & Record<string, unknown>>(
    `select server.name as server, lane.state, lane.reason, sum(counts.total)::int as total,
       sum(counts.succeeded)::int as successful, sum(counts.failed)::int as failed, sum(counts.skipped)::int as skipped
     from tenantry.rollout_servers as lane
     join tenantry.db_servers as server on server.id = lane.server_id
     join tenantry.rollout_lanes as counts on counts.rollout_id = lane.rollout_id and counts.server_id = lane.server_id
     where lane.rollout_id = $1 group by lane.rollout_id, lane.server_id, server.name order by server.name`,
    [id],
  )
}

/** Failed targets by what they have in common, the most frequent first. */
export function errorGroupsOf(on: Queryable, id: string, limit: number): Promise<ErrorGroup[]> {
  return on.query<ErrorGroup & Record<string, unknown>>(
    `select error_group as "group", min(target.sqlstate) as sqlstate, min(target.error) as message, count(*)::int as count,
       (array_agg(tenant.name order by tenant.name))[1:5] as tenants
     from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
     where target.rollout_id = $1 and target.state = 'failed'
     group by error_group order by count(*) desc, error_group limit $2`,
    [id, limit],
  )
}

export interface TargetStatus {
  readonly tenant: string
  readonly server: string
  readonly database: string
  readonly schema: string
  readonly wave: number
  readonly state: 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped'
  readonly outcome: string | null
  readonly attempts: number
  readonly durationMs: number | null
  readonly sqlstate: string | null
  readonly error: string | null
  readonly errorGroup: string | null
  readonly finishedAt: Date | null
}

export interface TargetFilter {
  readonly state?: TargetStatus['state'] | undefined
  readonly outcome?: string | undefined
  readonly errorGroup?: string | undefined
  readonly server?: string | undefined
  readonly wave?: number | undefined
  readonly after?: string | undefined
  readonly limit: number
}

/** Targets in the order of tenant names. */
export function listTargets(on: Queryable, id: string, filter: TargetFilter): Promise<TargetStatus[]> {
  return on.query<TargetStatus & Record<string, unknown>>(
    `select tenant.name as tenant, server.name as server, tenant.database_name as database,
       tenant.schema_name as schema, target.wave,
       case target.state when 'claimed' then 'running' else target.state end as state, target.outcome,
       target.attempts, target.duration_ms::float8 as "durationMs", target.sqlstate, target.error,
       target.error_group as "errorGroup", target.finished_at as "finishedAt"
     from tenantry.rollout_targets as target
     join tenantry.tenants as tenant on tenant.id = target.tenant_id
     join tenantry.db_servers as server on server.id = target.server_id
     where target.rollout_id = $1
       and ($2::text is null or target.state = case $2 when 'running' then 'claimed' else $2 end)
       and ($3::text is null or target.outcome = $3) and ($4::text is null or target.error_group = $4)
       and ($5::text is null or server.name = $5) and ($6::int is null or target.wave = $6)
       and ($7::text is null or tenant.name > $7)
     order by tenant.name limit $8`,
    [
      id,
      filter.state ?? null,
      filter.outcome ?? null,
      filter.errorGroup ?? null,
      filter.server ?? null,
      filter.wave ?? null,
      filter.after ?? null,
      filter.limit,
    ],
  )
}

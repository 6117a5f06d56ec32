/** What is shown of a rollout: counts, waves, servers, errors in groups, targets one by one. */
import { addCounts, percentile } from '../lib/histogram.ts'
import type { Queryable } from '../control/control.ts'
import type { Rollout } from './rollout.ts'
import { readStatus, type ErrorGroup, type LaneRow } from './sql/read-status.ts'

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

/**
 * All numbers are of one moment: those of the waves, of the servers and the totals agree.
 * @throws TenantryError `not_found`
 */
export async function rolloutStatus(on: Queryable, id: string): Promise<RolloutStatus> {
  const { waves, servers, lanes, errorGroups, inFlight, elapsedSeconds, ...rollout } = await readStatus(
    on,
    id,
    SHOWN_GROUPS,
  )
  const counts = sumOf(lanes)
  const completed = counts.successful + counts.failed + counts.skipped
  const durations = lanes.reduce<number[]>((sum, lane) => addCounts(sum, lane.durations), [])
  const at = (share: number): number | null => percentile(durations, share)
  return {
    rollout,
    progress: { ...counts, total: rollout.total, completed, inFlight },
    etaSeconds: etaOf(rollout, rollout.total - completed),
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    elapsedSeconds,
    waves: waves.map((wave) => {
      const { successful, failed, skipped } = sumOf(lanes.filter((lane) => lane.wave === wave.wave))
      return { ...wave, state: waveState(wave.state, rollout.state), successful, failed, skipped }
    }),
    servers: servers.map(({ id: serverId, ...server }) => {
      const { total, successful, failed, skipped } = sumOf(lanes.filter((lane) => lane.serverId === serverId))
      return { ...server, total, successful, failed, skipped }
    }),
    errorGroups,
  }
}

/** A rollout that was stopped leaves its waves as they were: what they are now is what became of it. */
function waveState(state: string, rollout: Rollout['state']): string {
  if (rollout !== 'stopped' || state === 'passed') return state
  return state === 'pending' ? 'not_begun' : 'stopped'
}

function sumOf(lanes: readonly LaneRow[]) {
  const sum = (pick: (lane: LaneRow) => number): number =>
    lanes.reduce((total, lane) => total + pick(lane), 0)
  return {
    total: sum((lane) => lane.total),
    successful: sum((lane) => lane.succeeded),
    failed: sum((lane) => lane.failed),
    skipped: sum((lane) => lane.skipped),
    already: sum((lane) => lane.already),
    retries: sum((lane) => lane.retries),
  }
}

/** Seconds, at the rate of the last moments; null when nobody can tell. */
function etaOf({ state, rate }: Rollout, remaining: number): number | null {
  if (state !== 'running') return null
  if (remaining === 0) return 0
  return rate > 0 ? Math.ceil(remaining / rate) : null
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

import type { Queryable } from '../../control/control.ts'
import { ROLLOUT_COLUMNS, rolloutNotFound, type Rollout } from '../rollout.ts'
import type { WaveGate } from '../waves.ts'

export interface ErrorGroup {
  readonly group: string
  readonly sqlstate: string
  readonly message: string
  readonly count: number
  /** Names of a few tenants that have it. */
  readonly tenants: readonly string[]
}

export interface WaveRow {
  readonly wave: number
  readonly name: string
  readonly state: string
  readonly total: number
  readonly gate: WaveGate
  readonly approvedBy: string | null
}

export interface ServerRow {
  readonly id: number
  readonly server: string
  readonly state: 'open' | 'down' | 'tripped'
  readonly reason: string | null
}

/** The counts of one wave on one server: every number of a status is a sum over these. */
export interface LaneRow {
  readonly wave: number
  readonly serverId: number
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  readonly already: number
  readonly retries: number
  /** Targets per bucket of src/lib/histogram.ts. */
  readonly durations: readonly number[]
}

export interface StatusRows extends Rollout {
  readonly elapsedSeconds: number
  readonly inFlight: number
  readonly waves: readonly WaveRow[]
  readonly servers: readonly ServerRow[]
  readonly lanes: readonly LaneRow[]
  readonly errorGroups: readonly ErrorGroup[]
}

/**
 * Counted over an index, and a few of each group looked at: reading all that failed would take a second when it is
 * all of 100,000 tenants.
 */
const ERROR_GROUPS = `
  select counted.error_group as "group", sample.sqlstate, sample.message, counted.number as count, sample.tenants
  from (
    select error_group, count(*)::int as number from tenantry.rollout_targets
    where rollout_id = $1 and state = 'failed' group by error_group order by 2 desc, 1 limit $2) as counted
  cross join lateral (
    select min(one.sqlstate) as sqlstate, min(one.error) as message, array_agg(one.name order by one.name) as tenants
    from (
      select target.sqlstate, target.error, tenant.name
      from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
      where target.rollout_id = $1 and target.state = 'failed' and target.error_group = counted.error_group
      order by target.tenant_id limit 5) as one) as sample
  order by counted.number desc, counted.error_group`

/**
 * All that a status is made of, in one statement: numbers read one after the other would contradict each other
 * while the rollout goes on.
 * @throws TenantryError `not_found`
 */
export async function readStatus(on: Queryable, id: string, groups: number): Promise<StatusRows> {
  const [row] = await on.query<StatusRows & Record<string, unknown>>(
    `select ${ROLLOUT_COLUMNS},
       extract(epoch from coalesce(finished_at, clock_timestamp()) - created_at)::float8 as "elapsedSeconds",
       (select count(*) from tenantry.rollout_targets where rollout_id = $1 and state = 'claimed') as "inFlight",
       (select coalesce(json_agg(found order by found.wave), '[]') from (
          select wave, name, state, total, gate, approved_by as "approvedBy"
          from tenantry.rollout_waves where rollout_id = $1) as found) as waves,
       (select coalesce(json_agg(lane order by lane.server), '[]') from (
          select server.id, server.name as server, lane.state, lane.reason
          from tenantry.rollout_servers as lane join tenantry.db_servers as server on server.id = lane.server_id
          where lane.rollout_id = $1) as lane) as servers,
       (select coalesce(json_agg(lane), '[]') from (
          select wave, server_id as "serverId", total, succeeded, failed, skipped, already, retries, durations
          from tenantry.rollout_lanes where rollout_id = $1) as lane) as lanes,
       (select coalesce(json_agg(grouped), '[]') from (${ERROR_GROUPS}) as grouped) as "errorGroups"
     from tenantry.rollouts where id = $1`,
    [id, groups],
  )
  if (row === undefined) throw rolloutNotFound(id)
  return row
}

/** Failed targets by what they have in common, the most frequent first. */
export function errorGroupsOf(on: Queryable, id: string, limit: number): Promise<ErrorGroup[]> {
  return on.query<ErrorGroup & Record<string, unknown>>(ERROR_GROUPS, [id, limit])
}

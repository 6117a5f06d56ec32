import type { Queryable } from '../../control/control.ts'

/** What became of a target that no worker has in hand any more. */
export interface SettledTarget {
  readonly tenantId: number
  readonly state: 'succeeded' | 'skipped'
  readonly outcome: string
  readonly error: string | null
  readonly sqlstate: string | null
  /** The newest version that the tenant has now, null for none; undefined leaves what the registry has. */
  readonly versionId?: string | null | undefined
}

/** Records them with the counters of their lanes and the registry's copy of their versions, in one statement. */
export async function settleTargets(
  on: Queryable,
  rolloutId: string,
  targets: readonly SettledTarget[],
): Promise<void> {
  await on.query(
    `with input as (
       select * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[])
         as input (tenant_id, state, outcome, error, sqlstate, version_id, moved)),
     done as (
       update tenantry.rollout_targets as target set state = input.state, outcome = input.outcome, error = input.error,
         sqlstate = coalesce(input.sqlstate, target.sqlstate), finished_at = clock_timestamp()
       from input
       where target.rollout_id = $1 and target.tenant_id = input.tenant_id and target.state = 'pending'
       returning target.wave, target.server_id, target.tenant_id, input.state, input.outcome, input.version_id, input.moved),
     registry as (
       update tenantry.tenants as tenant set ledger_ready = true,
         version_id = case when done.outcome in ('undone', 'partly_undone') then done.version_id
           else greatest(tenant.version_id, done.version_id) end
       from done where tenant.id = done.tenant_id and done.moved),
     counts as (
       select wave, server_id, count(*) filter (where state = 'succeeded') as succeeded,
         count(*) filter (where state = 'skipped') as skipped from done group by 1, 2)
     update tenantry.rollout_lanes as lane set
       succeeded = lane.succeeded + counts.succeeded, skipped = lane.skipped + counts.skipped
     from counts where lane.rollout_id = $1 and lane.wave = counts.wave and lane.server_id = counts.server_id`,
    [
      rolloutId,
      targets.map((target) => target.tenantId),
      targets.map((target) => target.state),
      targets.map((target) => target.outcome),
      targets.map((target) => target.error),
      targets.map((target) => target.sqlstate),
      targets.map((target) => target.versionId ?? null),
      targets.map((target) => target.versionId !== undefined),
    ],
  )
}

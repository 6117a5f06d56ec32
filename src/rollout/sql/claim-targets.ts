import type { Queryable } from '../../control/control.ts'
import type { Target } from '../change.ts'

/**
 * Takes up to `limit` targets of one server that are due, in the order of waves. Takes none when the rollout does
 * not run, its lane to the server is not open, or the worker has lost its lease.
 * In batches: one by one costs some thirty times as much per target.
 */
export function claimTargets(
  on: Queryable,
  input: { rolloutId: string; serverId: number; workerId: string; limit: number },
): Promise<Target[]> {
  return on.query<Target & Record<string, unknown>>(
    `with allowed as (
       select rollout.current_wave, rollout.version_ids[array_length(rollout.version_ids, 1)] as version_id
       from tenantry.rollouts as rollout
       join tenantry.rollout_servers as lane on lane.rollout_id = rollout.id and lane.server_id = $2
       where rollout.id = $1 and rollout.state = 'running' and lane.state = 'open'
         and exists (select from tenantry.workers where id = $3 and lease_until > clock_timestamp())),
     due as (
       select target.tenant_id from tenantry.rollout_targets as target
       where target.rollout_id = $1 and target.server_id = $2 and target.state = 'pending'
         and target.wave <= (select current_wave from allowed) and target.not_before <= clock_timestamp()
       order by target.wave, target.position limit $4 for update skip locked),
     claimed as (
       update tenantry.rollout_targets as target
       set state = 'claimed', claimed_by = $3, attempts = target.attempts + 1
       from due where target.rollout_id = $1 and target.tenant_id = due.tenant_id
       returning target.tenant_id, target.wave, target.attempts, target.position, target.unanswered)
     select claimed.tenant_id as "tenantId", claimed.wave, claimed.attempts, claimed.unanswered, tenant.name,
       tenant.database_name as database, tenant.schema_name as schema, tenant.ledger_ready as "ledgerReady",
       coalesce(tenant.version_id >= (select version_id from allowed), false) as "mayHaveIt"
     from claimed join tenantry.tenants as tenant on tenant.id = claimed.tenant_id
     order by claimed.wave, claimed.position`,
    [input.rolloutId, input.serverId, input.workerId, input.limit],
  )
}

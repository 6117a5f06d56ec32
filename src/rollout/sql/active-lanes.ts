import type { Queryable } from '../../control/control.ts'

export interface ActiveLane {
  readonly rolloutId: string
  readonly serverId: number
}

/** Servers of running rollouts where a target is due now. */
export function activeLanes(on: Queryable): Promise<ActiveLane[]> {
  return on.query<ActiveLane & Record<string, unknown>>(
    `select rollout.id as "rolloutId", lane.server_id as "serverId" from tenantry.rollouts as rollout
     join tenantry.rollout_servers as lane on lane.rollout_id = rollout.id and lane.state = 'open'
     where rollout.state = 'running' and exists (
       select from tenantry.rollout_targets as target
       where target.rollout_id = rollout.id and target.server_id = lane.server_id and target.state = 'pending'
         and target.wave <= rollout.current_wave and target.not_before <= clock_timestamp())
     order by rollout.created_at`,
  )
}

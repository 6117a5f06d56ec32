import type { Queryable } from '../../control/control.ts'

/** Gives back what a worker has claimed on one server, except the tenants that it has in hand. */
export async function releaseTargets(
  on: Queryable,
  input: { rolloutId: string; serverId: number; workerId: string; except: readonly number[] },
): Promise<void> {
  await on.query(
    `update tenantry.rollout_targets set state = 'pending', claimed_by = null, attempts = attempts - 1
     where rollout_id = $1 and claimed_by = $2 and state = 'claimed' and server_id = $3
       and tenant_id <> all($4::bigint[])`,
    [input.rolloutId, input.workerId, input.serverId, input.except],
  )
}

/**
 * Makes targets of workers that lost their lease claimable again. Their tries count: a tenant that kills every
 * worker must run out of tries some day (see maxAttempts). What became of them nobody has said.
 */
export async function releaseLostTargets(on: Queryable, rolloutId: string): Promise<number> {
  const rows = await on.query(
    `update tenantry.rollout_targets as target set state = 'pending', claimed_by = null, unanswered = true
     where rollout_id = $1 and state = 'claimed' and not exists (
       select from tenantry.workers as worker
       where worker.id = target.claimed_by and worker.lease_until > clock_timestamp())
     returning tenant_id`,
    [rolloutId],
  )
  return rows.length
}

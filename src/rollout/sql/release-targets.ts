import type { Queryable } from '../../control/control.ts'

/** Gives back targets that were claimed and not begun. */
export async function releaseTargets(
  on: Queryable,
  input: { rolloutId: string; workerId: string; tenantIds: readonly number[] },
): Promise<void> {
  await on.query(
    `update tenantry.rollout_targets set state = 'pending', claimed_by = null, attempts = attempts - 1
     where rollout_id = $1 and claimed_by = $2 and state = 'claimed' and tenant_id = any($3::bigint[])`,
    [input.rolloutId, input.workerId, input.tenantIds],
  )
}

/**
 * Makes targets of workers that lost their lease claimable again. Their tries count: a tenant that kills every
 * worker must run out of tries some day.
 */
export async function releaseLostTargets(on: Queryable, rolloutId: string): Promise<number> {
  const rows = await on.query(
    `update tenantry.rollout_targets as target set state = 'pending', claimed_by = null
     where rollout_id = $1 and state = 'claimed' and not exists (
       select from tenantry.workers as worker
       where worker.id = target.claimed_by and worker.lease_until > clock_timestamp())
     returning tenant_id`,
    [rolloutId],
  )
  return rows.length
}

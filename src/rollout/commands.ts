/** What a person does to a rollout: each one transaction on its row, so that no decision races another. */
import type { Control, Queryable } from '../control/control.ts'
import { recordEvent, wakeOperation } from '../control/operations/store.ts'
import { TenantryError } from '../lib/errors.ts'
import { getRollout, lockRollout, type Rollout, type RolloutState } from './rollout.ts'

export interface Decider {
  readonly actor: string
  readonly reason?: string | undefined
}

/** Nothing new begins; what is in hand finishes. @throws TenantryError `not_found`, `conflict` */
export function pauseRollout(control: Control, id: string, by: Decider): Promise<Rollout> {
  return change(control, id, ['running'], 'pause', async (tx) => {
    await setState(tx, id, 'paused', by.reason ?? `Paused by ${by.actor}.`)
    await recordEvent(tx, id, 'rollout.paused', { by: by.actor, reason: by.reason })
  })
}

/**
 * Goes on after a pause or a tripped breaker. What failed stays failed and is not judged again: a finished wave is
 * past its judgement of errors. Its soak time and approval are waited for all the same.
 */
export function resumeRollout(control: Control, id: string, by: Decider): Promise<Rollout> {
  return change(control, id, ['paused'], 'resume', async (tx, rollout) => {
    await resetBreakers(tx, id)
    await tx.query(
      `update tenantry.rollout_waves as wave set state = 'soaking', finished_at = coalesce(finished_at, clock_timestamp())
       where rollout_id = $1 and wave = $2 and state = 'running' and not exists (
         select from tenantry.rollout_targets as target
         where target.rollout_id = $1 and target.wave = $2 and target.state in ('pending', 'claimed'))`,
      [id, rollout.current_wave],
    )
    await setState(tx, id, 'running', null)
    await recordEvent(tx, id, 'rollout.resumed', { by: by.actor, reason: by.reason })
    await wakeOperation(tx, id)
  })
}

/**
 * Ends a rollout: what is in hand finishes, what was never tried is recorded as skipped. The controller accounts for
 * the rest (src/rollout/settle.ts).
 */
export function stopRollout(control: Control, id: string, by: Decider): Promise<Rollout> {
  return change(control, id, ['running', 'paused', 'awaiting_approval'], 'stop', async (tx) => {
    const reason = by.reason ?? `Stopped by ${by.actor}.`
    await setState(tx, id, 'stopped', reason)
    await skipTargets(
      tx,
      id,
      `target.state = 'pending' and target.attempts = 0 and target.sqlstate is null and not target.unanswered`,
      [],
      reason,
    )
    await recordEvent(tx, id, 'rollout.stopped', { by: by.actor, reason })
    await wakeOperation(tx, id)
  })
}

/** Lets the next wave begin. @throws TenantryError `conflict` when none waits for it. */
export function approveRollout(control: Control, id: string, by: Decider): Promise<Rollout> {
  return change(control, id, ['awaiting_approval'], 'approve', async (tx, rollout) => {
    await tx.query(
      `update tenantry.rollout_waves set state = 'passed', approved_by = $3 where rollout_id = $1 and wave = $2`,
      [id, rollout.current_wave, by.actor],
    )
    await setState(tx, id, 'running', null)
    await recordEvent(tx, id, 'rollout.approved', {
      by: by.actor,
      reason: by.reason,
      wave: rollout.current_wave,
    })
    await wakeOperation(tx, id)
  })
}

/** Tries failed tenants again, all or those of one error group, and goes on. @returns how many. */
export async function retryFailed(
  control: Control,
  id: string,
  by: Decider,
  filter: { errorGroup?: string | undefined; tenants?: readonly string[] | undefined } = {},
): Promise<{ rollout: Rollout; retried: number }> {
  let retried = 0
  const rollout = await change(
    control,
    id,
    ['running', 'paused', 'awaiting_approval', 'completed'],
    'retry',
    async (tx, before) => {
      const lanes = await tx.query<{ retried: number }>(
        `with again as (
         update tenantry.rollout_targets as target set state = 'pending', attempts = 0, not_before = '-infinity',
           sqlstate = null, error = null, error_group = null, duration_ms = null, finished_at = null
         where rollout_id = $1 and state = 'failed' and ($2::text is null or error_group = $2)
           and ($3::text[] is null or tenant_id in (select id from tenantry.tenants where name = any($3)))
         returning wave, server_id),
       counts as (select wave, server_id, count(*) as number from again group by 1, 2)
       update tenantry.rollout_lanes as lane set failed = lane.failed - counts.number
       from counts where lane.rollout_id = $1 and lane.wave = counts.wave and lane.server_id = counts.server_id
       returning counts.number as retried`,
        [id, filter.errorGroup ?? null, filter.tenants ?? null],
      )
      retried = lanes.reduce((sum, lane) => sum + lane.retried, 0)
      if (retried === 0) {
        throw new TenantryError(
          'conflict',
          `No tenant of rollout ${id} has failed${filter.errorGroup === undefined ? '' : ` with error group ${filter.errorGroup}`}.`,
        )
      }
      await resetBreakers(tx, id)
      await openDownServers(tx, id)
      await reopenWave(tx, id, before.current_wave)
      await setState(tx, id, 'running', null)
      await recordEvent(tx, id, 'rollout.retried', { by: by.actor, reason: by.reason, retried })
      await requeueController(tx, id)
    },
  )
  return { rollout, retried }
}

/** Leaves tenants out, with the reason kept. @returns how many were pending or failed and are skipped now. */
export async function skipRolloutTargets(
  control: Control,
  id: string,
  by: Decider & { readonly reason: string },
  filter: { tenants?: readonly string[] | undefined; errorGroup?: string | undefined },
): Promise<{ rollout: Rollout; skipped: number }> {
  let skipped = 0
  const rollout = await change(
    control,
    id,
    ['running', 'paused', 'awaiting_approval', 'completed'],
    'skip',
    async (tx) => {
      skipped = await skipTargets(
        tx,
        id,
        `target.state in ('pending', 'failed') and ($3::text is null or target.error_group = $3)
         and ($4::text[] is null or target.tenant_id in (select id from tenantry.tenants where name = any($4)))`,
        [filter.errorGroup ?? null, filter.tenants ?? null],
        by.reason,
      )
      if (skipped === 0)
        throw new TenantryError('conflict', `No pending or failed tenant of rollout ${id} matches.`)
      await recordEvent(tx, id, 'rollout.skipped', { by: by.actor, reason: by.reason, skipped })
      await wakeOperation(tx, id)
    },
  )
  return { rollout, skipped }
}

async function change(
  control: Control,
  id: string,
  from: readonly RolloutState[],
  verb: string,
  work: (tx: Queryable, rollout: Rollout) => Promise<void>,
): Promise<Rollout> {
  return control.transaction(async (tx) => {
    const rollout = await lockRollout(tx, id)
    if (!from.includes(rollout.state)) {
      throw new TenantryError(
        'conflict',
        `Rollout ${id} is ${rollout.state.replace('_', ' ')}; only one that is ${from.join(' or ').replace('_', ' ')} can ${verb}.`,
      )
    }
    await work(tx, rollout)
    return getRollout(tx, id)
  })
}

async function setState(
  tx: Queryable,
  id: string,
  state: RolloutState,
  reason: string | null,
): Promise<void> {
  await tx.query(
    `update tenantry.rollouts set state = $2, reason = $3, breaker_open = false,
       finished_at = case when $2 in ('completed', 'stopped') then clock_timestamp() end where id = $1`,
    [id, state, reason],
  )
}

/** What was counted until now is no reason to trip again. */
async function resetBreakers(tx: Queryable, id: string): Promise<void> {
  await tx.query(
    `update tenantry.rollout_servers as server set
       state = case when server.state = 'tripped' then 'open' else server.state end,
       reason = case when server.state = 'tripped' then null else server.reason end,
       breaker_base = counts.base
     from (select server_id, jsonb_build_object('finished', sum(succeeded + failed), 'failed', sum(failed)) as base
       from tenantry.rollout_lanes where rollout_id = $1 group by server_id) as counts
     where server.rollout_id = $1 and server.server_id = counts.server_id`,
    [id],
  )
}

/** A retry is a new beginning: the time that a server has been away already does not count against it. */
async function openDownServers(tx: Queryable, id: string): Promise<void> {
  await tx.query(
    `update tenantry.rollout_servers set state = 'open', reason = null, since = null, next_probe_at = null, probes = 0
     where rollout_id = $1 and state = 'down'`,
    [id],
  )
}

async function reopenWave(tx: Queryable, id: string, wave: number): Promise<void> {
  await tx.query(
    `update tenantry.rollout_waves set state = 'running', finished_at = null where rollout_id = $1 and wave = $2`,
    [id, wave],
  )
}

/** The controller of a completed rollout has ended: it gets another life. */
async function requeueController(tx: Queryable, id: string): Promise<void> {
  await tx.query(
    `update tenantry.operations set state = 'queued', finished_at = null, result = null, not_before = '-infinity'
     where id = $1 and state in ('succeeded', 'failed')`,
    [id],
  )
  await wakeOperation(tx, id)
}

async function skipTargets(
  tx: Queryable,
  id: string,
  condition: string,
  values: readonly unknown[],
  reason: string,
): Promise<number> {
  const lanes = await tx.query<{ number: number }>(
    `with before as (
       select tenant_id, state from tenantry.rollout_targets as target
       where rollout_id = $1 and ${condition} for update),
     skipped as (
       update tenantry.rollout_targets as target set state = 'skipped', error = $2,
         outcome = case when target.outcome in ('partly_applied', 'partly_undone') then target.outcome else 'skipped' end,
         finished_at = clock_timestamp()
       from before where target.rollout_id = $1 and target.tenant_id = before.tenant_id
       returning target.wave, target.server_id, before.state = 'failed' as had_failed),
     counts as (
       select wave, server_id, count(*) as number, count(*) filter (where had_failed) as had_failed
       from skipped group by 1, 2)
     update tenantry.rollout_lanes as lane set
       skipped = lane.skipped + counts.number, failed = lane.failed - counts.had_failed
     from counts where lane.rollout_id = $1 and lane.wave = counts.wave and lane.server_id = counts.server_id
     returning counts.number`,
    [id, reason, ...values],
  )
  return lanes.reduce((sum, lane) => sum + lane.number, 0)
}

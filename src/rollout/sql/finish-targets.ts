import type { Queryable } from '../../control/control.ts'
import { BOUNDS_MS, bucketOf } from '../../lib/histogram.ts'

/** What became of one claimed target. */
export interface FinishedTarget {
  readonly tenantId: number
  readonly wave: number
  readonly state: 'succeeded' | 'failed' | 'pending'
  readonly outcome: string | null
  readonly durationMs: number
  readonly sqlstate: string | null
  readonly error: string | null
  readonly errorGroup: string | null
  /** For `pending`: milliseconds until the next try. */
  readonly retryInMs: number
  /** For `pending`: whether this try counts against the retries. */
  readonly countsAsAttempt: boolean
  /** The tenant's newest version; undefined leaves what the registry has, null says it has none. */
  readonly versionId?: string | null | undefined
  readonly ledgerReady: boolean
  /** Whether the tenant may have been changed without our knowing; undefined leaves what is known. */
  readonly unanswered?: boolean | undefined
}

/**
 * Records a batch of outcomes of one wave on one server, with the lane's counters, the registry's copy of the
 * tenants' versions and what is mended of their drift, in one statement. Targets that are no longer this worker's are left alone.
 * @returns how many were recorded.
 */
export async function finishTargets(
  on: Queryable,
  input: {
    rolloutId: string
    serverId: number
    workerId: string
    wave: number
    targets: readonly FinishedTarget[]
  },
): Promise<number> {
  const { targets } = input
  const [row] = await on.query<{ recorded: number }>(FINISH, [
    input.rolloutId,
    input.serverId,
    input.workerId,
    input.wave,
    targets.map((target) => target.tenantId),
    targets.map((target) => target.state),
    targets.map((target) => target.outcome),
    targets.map((target) => target.durationMs),
    targets.map((target) => target.sqlstate),
    targets.map((target) => target.error),
    targets.map((target) => target.errorGroup),
    targets.map((target) => target.retryInMs),
    targets.map((target) => target.countsAsAttempt),
    targets.map((target) => target.versionId !== undefined),
    targets.map((target) => target.versionId ?? null),
    targets.map((target) => target.ledgerReady),
    // SQL counts from one.
    targets.map((target) => bucketOf(target.durationMs) + 1),
    BOUNDS_MS.length,
    targets.map((target) => target.unanswered ?? null),
  ])
  return row?.recorded ?? 0
}

const FINISH = `
with input as (
  select * from unnest($5::bigint[], $6::text[], $7::text[], $8::real[], $9::text[], $10::text[], $11::text[],
    $12::float8[], $13::boolean[], $14::boolean[], $15::text[], $16::boolean[],
    $17::integer[], $19::boolean[])
    as input (tenant_id, state, outcome, duration_ms, sqlstate, error, error_group, retry_ms, counts, moved, version_id, ledger_ready,
      bucket, unanswered)),
done as (
  update tenantry.rollout_targets as target set
    state = input.state, outcome = input.outcome, duration_ms = input.duration_ms, sqlstate = input.sqlstate,
    error = input.error, error_group = input.error_group, claimed_by = null,
    unanswered = coalesce(input.unanswered, target.unanswered),
    attempts = target.attempts - case when input.counts then 0 else 1 end,
    not_before = case when input.state = 'pending' then clock_timestamp() + input.retry_ms * interval '1 millisecond' else target.not_before end,
    finished_at = case when input.state = 'pending' then null else clock_timestamp() end
  from input
  where target.rollout_id = $1 and target.tenant_id = input.tenant_id and target.state = 'claimed' and target.claimed_by = $3
  returning input.*),
lane as (
  update tenantry.rollout_lanes as lane set
    succeeded = lane.succeeded + counts.succeeded, failed = lane.failed + counts.failed,
    already = lane.already + counts.already, retries = lane.retries + counts.retries,
    last_finished_at = clock_timestamp(),
    durations = (select array_agg(coalesce(lane.durations[bucket], 0) + coalesce(timed.number, 0) order by bucket)
      from generate_series(1, $18::integer) as bucket
      left join (select bucket, count(*)::integer as number from done where state = 'succeeded' group by 1) as timed
        using (bucket))
  from (select count(*) as recorded,
      count(*) filter (where state = 'succeeded') as succeeded, count(*) filter (where state = 'failed') as failed,
      count(*) filter (where state = 'succeeded' and outcome in ('already_applied', 'not_applied')) as already,
      count(*) filter (where state = 'pending' and counts) as retries from done) as counts
  where lane.rollout_id = $1 and lane.wave = $4 and lane.server_id = $2 and counts.recorded > 0),
registry as (
  update tenantry.tenants as tenant set
    ledger_ready = done.ledger_ready or tenant.ledger_ready,
    version_id = case when not done.moved then tenant.version_id
      when done.outcome in ('undone', 'partly_undone', 'not_applied') then done.version_id
      else greatest(tenant.version_id, done.version_id) end
  from done where tenant.id = done.tenant_id and (done.moved or done.ledger_ready and not tenant.ledger_ready)),
repaired as (
  update tenantry.drift_findings as finding set
    repaired_at = case when done.outcome = 'applied' then clock_timestamp() end
  from done, tenantry.rollouts as rollout join tenantry.versions as version
    on version.version_id = any (rollout.version_ids) and version.source = 'drift'
  where rollout.id = $1 and finding.tenant_id = done.tenant_id and finding.difference_key = version.source_revision
    and done.outcome in ('applied', 'undone', 'partly_undone')),
counted as (
  insert into tenantry.counters as counter (name, label, value)
  select case when state = 'pending' then 'rollout_retries' else 'rollout_targets' end,
    case state when 'pending' then coalesce(sqlstate, 'none') when 'failed' then state else coalesce(outcome, state) end, count(*)
  from done group by 1, 2 order by 1, 2
  on conflict (name, label) do update set value = counter.value + excluded.value)
select count(*) as recorded from done`

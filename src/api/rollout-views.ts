/** How rollouts look to those who ask. */
import { z } from 'zod'
import type { RolloutStatus, TargetStatus } from '../rollout/status.ts'
import { timestamp } from './fields.ts'
import { versionId } from './versions.ts'

const nullableNumber = z.number().nullable()

export const jobStatus = z
  .enum(['running', 'paused', 'awaiting_approval', 'completed', 'stopped'])
  .describe('`completed` may have failed tenants: see progress.failed.')

export const rolloutView = z.object({
  job_id: z.uuid(),
  status: jobStatus,
  reason: z.string().nullable().describe('Why it is paused or stopped, or what it waits for.'),
  breaker: z.enum(['closed', 'open']).describe('`open`: its circuit breaker paused it.'),
  version_id: versionId,
  version_ids: z.array(versionId),
  direction: z.enum(['upgrade', 'downgrade']),
  dry_run: z.boolean(),
  undo_of: z.uuid().nullable(),
  selector: z.string(),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
  progress: z.object({
    total: z.int(),
    completed: z.int(),
    successful: z.int(),
    failed: z.int(),
    skipped: z.int(),
    already_applied: z.int().describe('Of the successful: had it already.'),
    in_flight: z.int(),
    retries: z.int(),
  }),
  rate: z.number().describe('Tenants per second, over the last seconds.'),
  eta_seconds: nullableNumber,
  elapsed_seconds: z.number(),
  latency: z.object({ p50_ms: nullableNumber, p95_ms: nullableNumber, p99_ms: nullableNumber }),
  current_wave: z.int(),
  waves: z.array(
    z.object({
      wave: z.int(),
      name: z.string(),
      status: z
        .enum(['pending', 'running', 'soaking', 'awaiting_approval', 'passed', 'stopped', 'not_begun'])
        .describe('`stopped` and `not_begun`: of a rollout that was stopped.'),
      total: z.int(),
      successful: z.int(),
      failed: z.int(),
      skipped: z.int(),
      gate: z.object({ approval: z.boolean(), soak_seconds: z.number(), max_error_percent: z.number() }),
      approved_by: z.string().nullable(),
    }),
  ),
  servers: z.array(
    z.object({
      server: z.string(),
      status: z.enum(['open', 'down', 'tripped']),
      reason: z.string().nullable(),
      total: z.int(),
      successful: z.int(),
      failed: z.int(),
      skipped: z.int(),
    }),
  ),
  errors: z.array(
    z.object({
      group: z.string(),
      sqlstate: z.string().nullable(),
      message: z.string().nullable(),
      count: z.int(),
      tenants: z.array(z.string()).describe('A few of them.'),
    }),
  ),
})

export function viewRolloutStatus(status: RolloutStatus): z.input<typeof rolloutView> {
  const { rollout, progress, waves, servers, errorGroups } = status
  return {
    job_id: rollout.id,
    status: rollout.state,
    reason: rollout.reason,
    breaker: rollout.breaker_open ? 'open' : 'closed',
    version_id: rollout.version_ids.at(-1) ?? '',
    version_ids: [...rollout.version_ids],
    direction: rollout.direction,
    dry_run: rollout.dry_run,
    undo_of: rollout.undo_of,
    selector: rollout.options.selector,
    created_at: rollout.created_at,
    finished_at: rollout.finished_at,
    progress: {
      total: progress.total,
      completed: progress.completed,
      successful: progress.successful,
      failed: progress.failed,
      skipped: progress.skipped,
      already_applied: progress.already,
      in_flight: progress.inFlight,
      retries: progress.retries,
    },
    rate: Math.round(rollout.rate * 10) / 10,
    eta_seconds: status.etaSeconds,
    elapsed_seconds: Math.round(status.elapsedSeconds * 1000) / 1000,
    latency: { p50_ms: status.latencyMs.p50, p95_ms: status.latencyMs.p95, p99_ms: status.latencyMs.p99 },
    current_wave: rollout.current_wave,
    waves: waves.map(({ state, gate, approvedBy, ...wave }) => ({
      ...wave,
      status: state as 'pending',
      gate: {
        approval: gate.approval,
        soak_seconds: gate.soakSeconds,
        max_error_percent: gate.maxErrorPercent,
      },
      approved_by: approvedBy,
    })),
    servers: servers.map(({ state, ...server }) => ({ ...server, status: state })),
    errors: errorGroups.map((group) => ({ ...group, tenants: [...group.tenants] })),
  }
}

export const targetView = z.object({
  tenant: z.string(),
  server: z.string(),
  database: z.string(),
  schema: z.string().nullable(),
  wave: z.int(),
  state: z.enum(['pending', 'running', 'succeeded', 'failed', 'skipped']),
  outcome: z
    .string()
    .nullable()
    .describe(
      'applied, already_applied, partly_applied, undone, partly_undone, not_applied, would_apply, would_apply_unproven, skipped',
    ),
  attempts: z.int(),
  duration_ms: nullableNumber,
  sqlstate: z.string().nullable(),
  error: z.string().nullable(),
  error_group: z.string().nullable(),
  finished_at: timestamp.nullable(),
})

export function viewTarget(target: TargetStatus): z.input<typeof targetView> {
  return {
    tenant: target.tenant,
    server: target.server,
    database: target.database,
    schema: target.schema === '' ? null : target.schema,
    wave: target.wave,
    state: target.state,
    outcome: target.outcome,
    attempts: target.attempts,
    duration_ms: target.durationMs,
    sqlstate: target.sqlstate,
    error: target.error,
    error_group: target.errorGroup,
    finished_at: target.finishedAt,
  }
}

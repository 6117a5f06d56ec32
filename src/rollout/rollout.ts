/** A rollout as a row, and what was asked of it. */
import { z } from 'zod'
import { TenantryError } from '../lib/errors.ts'
import type { Queryable } from '../control/control.ts'
import type { Direction } from './change.ts'
import { MIN_SAMPLE } from './breaker.ts'

export type RolloutState = 'running' | 'paused' | 'awaiting_approval' | 'completed' | 'stopped'

/** Fixed at the start of a rollout and kept with it. */
export const rolloutOptions = z.object({
  selector: z.string(),
  maxConnections: z.number().int().min(1),
  errorThresholdPercent: z.number().min(0).max(100),
  minSample: z.number().int().min(1).default(MIN_SAMPLE),
  maxRetries: z.number().int().min(0),
  lockTimeout: z.string(),
  statementTimeout: z.string(),
  via: z.enum(['direct', 'pooler']),
  flush: z.enum(['batch', 'each']).default('batch'),
  serverDownMinutes: z.number().min(0).default(30),
})
export type RolloutOptions = z.infer<typeof rolloutOptions>

export interface Rollout {
  readonly id: string
  readonly direction: Direction
  readonly version_ids: readonly string[]
  readonly undo_of: string | null
  readonly dry_run: boolean
  readonly options: RolloutOptions
  readonly state: RolloutState
  readonly reason: string | null
  readonly breaker_open: boolean
  readonly current_wave: number
  readonly total: number
  readonly rate: number
  readonly created_at: Date
  readonly finished_at: Date | null
}

export const ROLLOUT_COLUMNS = `id, direction, version_ids, undo_of, dry_run, options, state, reason, breaker_open, current_wave, total,
  rate, created_at, finished_at`

/** @throws TenantryError `not_found` */
export async function getRollout(on: Queryable, id: string): Promise<Rollout> {
  const [row] = await on.query<Rollout & Record<string, unknown>>(
    `select ${ROLLOUT_COLUMNS} from tenantry.rollouts where id = $1`,
    [id],
  )
  if (row === undefined) throw rolloutNotFound(id)
  return row
}

/** The row, locked against every other decision about this rollout. @throws TenantryError `not_found` */
export async function lockRollout(tx: Queryable, id: string): Promise<Rollout> {
  const [row] = await tx.query<Rollout & Record<string, unknown>>(
    `select ${ROLLOUT_COLUMNS} from tenantry.rollouts where id = $1 for no key update`,
    [id],
  )
  if (row === undefined) throw rolloutNotFound(id)
  return row
}

/** Newest first. */
export function listRollouts(
  on: Queryable,
  filter: {
    state?: string | undefined
    before?: { createdAt: string; id: string } | undefined
    limit: number
  },
): Promise<Rollout[]> {
  return on.query<Rollout & Record<string, unknown>>(
    `select ${ROLLOUT_COLUMNS} from tenantry.rollouts
     where ($1::text is null or state = $1)
       and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
     order by created_at desc, id desc limit $4`,
    [filter.state ?? null, filter.before?.createdAt ?? null, filter.before?.id ?? null, filter.limit],
  )
}

export function rolloutNotFound(id: string): TenantryError {
  return new TenantryError('not_found', `There is no rollout ${id}.`, {
    nextSteps: ['List them with: tenantry rollout list'],
  })
}

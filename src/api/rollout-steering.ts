/** How a rollout is steered: what may be said of it when it starts, and what that means. */
import { z } from 'zod'
import { rolloutOptions, type RolloutOptions } from '../rollout/rollout.ts'
import { DEFAULT_WAVES, parseWaves, type WaveRequest } from '../rollout/waves.ts'
import type { App } from './app.ts'

const wave = z.strictObject({
  size: z.string().min(1).max(20).describe('`10` tenants, `5%` of all, or `rest`.'),
  name: z.string().min(1).max(100).optional(),
  selector: z.string().max(2000).optional().describe('Only tenants that this finds as well.'),
  approval: z.boolean().optional().describe('Somebody must approve before the next wave.'),
  soak_seconds: z.number().min(0).max(604_800).optional(),
  max_error_percent: z.number().min(0).max(100).optional(),
})

const waves = z
  .union([z.string().min(1).max(1000), z.array(wave).min(1).max(50)])
  .describe(
    '`1, 10, 1%, 10%, rest`: `!` behind a size asks for an approval after it, `~30s` for a soak time.',
  )

/** Fields of a body that steer a rollout; what is left out comes from the configuration. */
export const steering = {
  max_connections: z.int().min(1).max(100_000).optional().describe('Most connections to one server.'),
  waves: waves.optional(),
  error_threshold_percent: z.number().min(0).max(100).optional(),
  max_retries: z.int().min(0).max(100).optional(),
  lock_timeout: z
    .string()
    .regex(/^[1-9]\d*(ms|s|min)$/, 'It is a number with a unit: ms, s or min, e.g. 2s.')
    .optional(),
  statement_timeout: z
    .string()
    .regex(
      /^(0|[1-9]\d*(ms|s|min|h))$/,
      'It is a number with a unit: ms, s, min or h, e.g. 30min, or 0 for any time.',
    )
    .optional(),
  via: z.enum(['direct', 'pooler']).optional(),
  flush: z
    .enum(['batch', 'each'])
    .optional()
    .describe('When commits are flushed to disk: once per batch, or each.'),
}

type Steering = { [Key in keyof typeof steering]?: z.output<(typeof steering)[Key]> }

export function optionsOf(app: App, selector: string, body: Steering): RolloutOptions {
  const { config } = app
  return rolloutOptions.parse({
    selector,
    maxConnections: Math.min(body.max_connections ?? config.maxConcurrentConnections, poolLimit(app, body)),
    errorThresholdPercent: body.error_threshold_percent ?? config.errorThresholdPercent,
    maxRetries: body.max_retries ?? config.maxRetries,
    lockTimeout: body.lock_timeout ?? config.lockTimeout,
    statementTimeout: body.statement_timeout ?? config.statementTimeout,
    via: body.via ?? 'direct',
    flush: body.flush ?? 'batch',
  })
}

function poolLimit(app: App, body: Steering): number {
  return body.via === 'pooler' && app.config.pooler !== undefined ? app.config.pooler.poolSize : Infinity
}

export function wavesOf(body: Steering): readonly WaveRequest[] {
  if (body.waves === undefined) return DEFAULT_WAVES
  if (typeof body.waves === 'string') return parseWaves(body.waves)
  return body.waves.map((one) => ({
    ...one,
    soakSeconds: one.soak_seconds,
    maxErrorPercent: one.max_error_percent,
  }))
}

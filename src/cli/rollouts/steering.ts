/** Options that steer a rollout, however it is started. */
import { Option, type Command } from 'commander'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { readCount, readPercent, withKey, withReason, withWait, type WaitOptions } from '../options.ts'

export interface Steering {
  readonly waves?: string
  readonly maxConnections?: number
  readonly errorThreshold?: number
  readonly maxRetries?: number
  readonly lockTimeout?: string
  readonly statementTimeout?: string
  readonly via?: 'direct' | 'pooler'
  readonly flush?: 'batch' | 'each'
  readonly dryRun?: boolean
  readonly reason?: string
}

/** @param dryRun what the command does instead, where it rolls back no change */
export function withSteering(
  command: Command,
  dryRun = 'run the change on every tenant and roll it back',
): Command {
  withKey(withReason(command))
  return withWait(command, 'watch it until it has ended (as on a terminal)')
    .option(
      '--waves <list>',
      "e.g. '1, 10, 1%, 10%, rest'; ! behind a size asks for an approval after it, ~30s lets it soak",
    )
    .option('--dry-run', dryRun)
    .option('--max-connections <n>', 'most connections to one server', readCount)
    .option(
      '--error-threshold <percent>',
      'share of failed tenants that trips the circuit breaker',
      readPercent,
    )
    .option('--max-retries <n>', 'retries of one tenant after transient errors', readCount)
    .option('--lock-timeout <time>', 'how long a change waits for a lock, e.g. 2s')
    .option('--statement-timeout <time>', 'how long one statement may run, e.g. 30min; 0 for any time')
    .addOption(
      new Option('--via <way>', 'straight to the servers, or by their poolers').choices(['direct', 'pooler']),
    )
    .addOption(
      new Option('--flush <when>', 'commits are flushed to disk once per batch, or each').choices([
        'batch',
        'each',
      ]),
    )
}

export function steeringBody(options: Steering) {
  return {
    waves: options.waves,
    dry_run: options.dryRun ?? false,
    max_connections: options.maxConnections,
    error_threshold_percent: options.errorThreshold,
    max_retries: options.maxRetries,
    lock_timeout: options.lockTimeout,
    statement_timeout: options.statementTimeout,
    via: options.via,
    flush: options.flush,
    reason: options.reason,
  }
}

/** Watches a rollout that has just been started, when asked to or on a terminal. */
export async function watchStarted(
  cli: Cli,
  api: Api,
  started: {
    readonly job_id: string
    readonly total_databases: number
    readonly without_pooler?: readonly string[]
  },
  options: WaitOptions,
): Promise<number | void> {
  const { job_id: id, total_databases: total, without_pooler: direct = [] } = started
  if (direct.length > 0) cli.output.say(`Reached directly, for want of a pooler: ${direct.join(', ')}`)
  if (options.wait ?? cli.terminal.live) {
    cli.output.say(`Rollout ${id} on ${total} ${total === 1 ? 'tenant' : 'tenants'}`)
    const { watchRollout } = await import('./watch.ts')
    return watchRollout(cli, api, id, { timeout: options.timeout })
  }
  cli.output.value(started, id)
  cli.output.say(`Watch it: tenantry rollout watch ${id}`)
}

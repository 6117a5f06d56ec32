import { Option, type Command } from 'commander'
import type { Answer, Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import {
  action,
  readCount,
  repeatable,
  readPercent,
  withKey,
  withReason,
  withWait,
  withYes,
  type RepeatOptions,
  type WaitOptions,
  readVersion,
  readId,
} from '../options.ts'

interface Steering {
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

interface StartOptions extends Steering, WaitOptions, RepeatOptions {
  readonly selector: string
  readonly pattern?: string
  readonly upTo?: boolean
  readonly order: 'name' | 'random'
}

function withSteering(command: Command): Command {
  withKey(withReason(command))
  return withWait(command, 'watch it until it has ended (as on a terminal)')
    .option(
      '--waves <list>',
      "e.g. '1, 10, 1%, 10%, rest'; ! behind a size asks for an approval after it, ~30s lets it soak",
    )
    .option('--dry-run', 'run the change on every tenant and roll it back')
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

function steeringBody(options: Steering) {
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

export function defineStart(rollout: Command): void {
  defineStarting(rollout)
  defineUndo(rollout)
}

function defineStarting(rollout: Command): void {
  withSteering(
    rollout
      .command('start')
      .argument('<version>', 'version id, or latest', readVersion)
      .description('Roll a version out; latest is the newest one'),
  )
    .option(
      '-s, --selector <terms>',
      "which tenants: 'plan:free region:eu version<20260112_143000'; all when not given",
      '',
    )
    .option('--pattern <name>', "databases that match, registered or not: 'cmp_%'")
    .option('--up-to', 'also all older versions that a tenant lacks, in order')
    .addOption(
      new Option('--order <order>', 'order of the tenants').choices(['name', 'random']).default('name'),
    )
    .addHelpText(
      'after',
      '\nOn a terminal it is watched until it has ended. Exit code 3: tenants failed, or the circuit breaker paused it.',
    )
    .action(
      action<StartOptions>(async (cli, options, version = '') => {
        const api = await cli.api()
        const body = {
          version_id: version as 'latest',
          up_to: options.upTo ?? false,
          selector: options.selector,
          database_pattern: options.pattern,
          order: options.order,
          ...steeringBody(options),
        }
        return watchStarted(
          cli,
          api,
          await api.call(api.at('rollouts.start'), { body, ...repeatable(options) }),
          options,
        )
      }),
    )
}

function defineUndo(rollout: Command): void {
  withSteering(
    withYes(
      rollout
        .command('undo')
        .argument('<rollout>', 'its id', readId)
        .description('Take back what a rollout changed, where it did'),
    ),
  )
    .addHelpText('after', '\nA new rollout, of the downgrade. Undo is watched as start is.')
    .action(
      action<Steering & WaitOptions & RepeatOptions & { yes?: boolean }>(async (cli, options, id = '') => {
        if (options.dryRun !== true)
          await cli.confirm(`Run the downgrade on every tenant that rollout ${id} changed?`, options.yes)
        const api = await cli.api()
        const started = await api.call(api.at('rollouts.undo'), {
          params: { job_id: id },
          body: steeringBody(options),
          ...repeatable(options),
        })
        return watchStarted(cli, api, started, options)
      }),
    )
}

async function watchStarted(
  cli: Cli,
  api: Api,
  started: Answer<'rollouts.start'>,
  options: WaitOptions,
): Promise<number | void> {
  const { job_id: id, total_databases: total, unreachable } = started
  for (const { place, reason } of unreachable) cli.output.say(`Not part of it: ${place}: ${reason}`)
  if (options.wait ?? cli.terminal.live) {
    cli.output.say(`Rollout ${id} on ${total} ${total === 1 ? 'tenant' : 'tenants'}`)
    const { watchRollout } = await import('../rollouts/watch.ts')
    return watchRollout(cli, api, id, { timeout: options.timeout })
  }
  cli.output.value(started, id)
  cli.output.say(`Watch it: tenantry rollout watch ${id}`)
}

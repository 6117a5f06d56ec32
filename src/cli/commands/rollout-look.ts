import { Option, type Command } from 'commander'
import { action } from '../action.ts'
import { readCount, readDuration, withLimit } from '../options.ts'
import { ROLLOUT_ARGUMENT, readRollout, rolloutAction } from '../rollouts/which.ts'

const STATES = ['pending', 'running', 'succeeded', 'failed', 'skipped'] as const
const STATUSES = ['running', 'paused', 'awaiting_approval', 'completed', 'stopped'] as const

interface TargetFilter {
  readonly limit: number
  readonly state?: (typeof STATES)[number]
  readonly outcome?: string
  readonly errorGroup?: string
  readonly server?: string
  readonly wave?: number
}

export function defineLooking(rollout: Command): void {
  defineWatch(rollout)
  defineStatus(rollout)
  defineList(rollout)
  defineTargets(rollout)
  defineErrors(rollout)
}

function defineWatch(rollout: Command): void {
  rollout
    .command('watch')
    .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
    .description('Show a rollout live until it has ended or its circuit breaker has paused it')
    .option(
      '--timeout <time>',
      'stop watching after this time, e.g. 10m (exit code 7; the rollout goes on)',
      readDuration,
    )
    .addHelpText(
      'after',
      '\nCtrl-C lets go; the rollout goes on. With -o jsonl every event is a line on standard output.',
    )
    .action(
      rolloutAction<{ timeout?: number }>(async (cli, api, id, { timeout }) => {
        const { watchRollout } = await import('../rollouts/watch.ts')
        return watchRollout(cli, api, id, { timeout })
      }),
    )
}

function defineStatus(rollout: Command): void {
  rollout
    .command('status')
    .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
    .description('Show how a rollout stands')
    .action(
      rolloutAction(async (cli, api, id) => {
        const { showStatus } = await import('../rollouts/views.ts')
        showStatus(cli, await api.call(api.at('rollouts.get'), { params: { job_id: id } }))
      }),
    )
}

function defineList(rollout: Command): void {
  withLimit(rollout.command('list').description('List rollouts, newest first'))
    .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
    .action(
      action<{ limit: number; status?: (typeof STATUSES)[number] }>(async (cli, { limit, status }) => {
        const { printPages } = await import('../pages.ts')
        const { ROLLOUT_VIEW } = await import('../rollouts/views.ts')
        const api = await cli.api()
        const ask = (page: object) => api.call(api.at('rollouts.list'), { query: { status, ...page } })
        await printPages(
          cli,
          limit,
          ROLLOUT_VIEW,
          ask,
          'There is no rollout. Start one: tenantry rollout start VERSION',
        )
      }),
    )
}

function defineTargets(rollout: Command): void {
  withLimit(
    rollout
      .command('targets')
      .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
      .description('List the tenants of a rollout, each with its state'),
  )
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .option('--outcome <outcome>', 'only these: applied, already_applied, would_apply, …')
    .option('--error-group <group>', 'only those that failed like this')
    .option('--server <name>', 'only on this server')
    .option('--wave <n>', 'only of this wave', readCount)
    .action(
      rolloutAction<TargetFilter>(
        async (cli, api, id, { limit, state, outcome, errorGroup, server, wave }) => {
          const { printPages } = await import('../pages.ts')
          const { TARGET_VIEW } = await import('../rollouts/views.ts')
          const filter = { state, outcome, error_group: errorGroup, server, wave }
          const ask = (page: object) =>
            api.call(api.at('rollouts.targets'), { params: { job_id: id }, query: { ...filter, ...page } })
          await printPages(cli, limit, TARGET_VIEW, ask, 'No tenant of this rollout matches.')
        },
      ),
    )
}

function defineErrors(rollout: Command): void {
  rollout
    .command('errors')
    .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
    .description('Show the errors of a rollout in groups')
    .action(
      rolloutAction(async (cli, api, id) => {
        const { GROUP_VIEW } = await import('../rollouts/views.ts')
        const { items } = await api.call(api.at('rollouts.errors'), {
          params: { job_id: id },
          query: { limit: 200 },
        })
        cli.output.list(items, GROUP_VIEW, { empty: 'No tenant of this rollout has failed.' })
      }),
    )
}

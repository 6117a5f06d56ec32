import type { Command } from 'commander'
import type { Answer, Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { readMany, withReason, withYes } from '../options.ts'
import { ROLLOUT_ARGUMENT, readRollout, rolloutAction } from '../rollouts/which.ts'

interface Filter {
  readonly errorGroup?: string
  readonly tenant?: string[]
}

interface Steer {
  readonly reason?: string
  readonly yes?: boolean
  readonly wait?: boolean
  readonly timeout?: number
}

/** After a command that lets a rollout go on, it can be watched. */
function withWatch(command: Command): Command {
  return command.option('--wait', 'watch it until it has ended')
}

function withFilter(command: Command): Command {
  return command
    .option('--error-group <group>', 'only those that failed like this; see rollout errors')
    .option('--tenant <name>', 'only this one; may be given more than once', readMany)
}

export function defineSteering(rollout: Command): void {
  withReason(
    rollout
      .command('pause')
      .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
      .description('Begin nothing new; what is in hand finishes'),
  ).action(
    rolloutAction<Steer>(async (cli, api, id, options) => {
      await showOrWatch(cli, api, await api.call(api.at('rollouts.pause'), asked(id, options)), options)
    }),
  )
  withWatch(
    withReason(
      rollout
        .command('resume')
        .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
        .description('Go on after a pause; what failed stays failed'),
    ),
  ).action(
    rolloutAction<Steer>(async (cli, api, id, options) => {
      return showOrWatch(cli, api, await api.call(api.at('rollouts.resume'), asked(id, options)), options)
    }),
  )
  withYes(
    withReason(
      rollout
        .command('stop')
        .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
        .description('End it for good; tenants not begun are left out'),
    ),
  ).action(
    rolloutAction<Steer>(async (cli, api, id, options) => {
      await cli.confirm(`Stop rollout ${id} for good?`, options.yes)
      await showOrWatch(cli, api, await api.call(api.at('rollouts.stop'), asked(id, options)), options)
    }),
  )
  withWatch(
    withReason(
      rollout
        .command('approve')
        .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
        .description('Let the next wave begin'),
    ),
  ).action(
    rolloutAction<Steer>(async (cli, api, id, options) => {
      return showOrWatch(cli, api, await api.call(api.at('rollouts.approve'), asked(id, options)), options)
    }),
  )
  defineFiltered(rollout)
}

function defineFiltered(rollout: Command): void {
  withWatch(
    withFilter(
      withReason(
        rollout
          .command('retry')
          .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
          .description('Try failed tenants again, and go on'),
      ),
    ),
  ).action(
    rolloutAction<Steer & Filter>(async (cli, api, id, options) => {
      const body = { reason: options.reason, error_group: options.errorGroup, tenants: options.tenant }
      const after = await api.call(api.at('rollouts.retry'), { params: { job_id: id }, body })
      cli.output.say(`${after.retried} ${after.retried === 1 ? 'tenant is' : 'tenants are'} tried again.`)
      return showOrWatch(cli, api, after, options)
    }),
  )
  withFilter(
    rollout
      .command('skip')
      .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
      .description('Leave tenants out, pending or failed ones'),
  )
    .requiredOption('--reason <text>', 'why; kept with each tenant and in the audit log')
    .action(
      rolloutAction<Filter & { reason: string }>(async (cli, api, id, options) => {
        const { usageError } = await import('../errors.ts')
        if (options.tenant === undefined && options.errorGroup === undefined) {
          throw usageError(
            'Which tenants?',
            'Say --tenant NAME or --error-group GROUP.',
            `See them: tenantry rollout errors ${id}`,
          )
        }
        const body = { reason: options.reason, error_group: options.errorGroup, tenants: options.tenant }
        const after = await api.call(api.at('rollouts.skip'), { params: { job_id: id }, body })
        cli.output.say(
          `${after.skipped_now} ${after.skipped_now === 1 ? 'tenant is' : 'tenants are'} left out.`,
        )
        await showOrWatch(cli, api, after, {})
      }),
    )
}

function asked(id: string, options: Steer) {
  return { params: { job_id: id }, body: { reason: options.reason } }
}

async function showOrWatch(
  cli: Cli,
  api: Api,
  rollout: Answer<'rollouts.get'>,
  options: Steer,
): Promise<number | void> {
  if (options.wait === true) {
    const { watchRollout } = await import('../rollouts/watch.ts')
    return watchRollout(cli, api, rollout.job_id)
  }
  const { showStatus } = await import('../rollouts/views.ts')
  showStatus(cli, rollout)
}

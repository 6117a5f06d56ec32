import type { Command } from 'commander'
import type { Answer, Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { action, readMany, withReason, withYes, readId } from '../options.ts'

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
      .argument('<rollout>', 'its id', readId)
      .description('Begin nothing new; what is in hand finishes'),
  ).action(
    action<Steer>(async (cli, options, id = '') => {
      const api = await cli.api()
      await showOrWatch(cli, api, await api.call(api.at('rollouts.pause'), asked(id, options)), options)
    }),
  )
  withWatch(
    withReason(
      rollout
        .command('resume')
        .argument('<rollout>', 'its id', readId)
        .description('Go on after a pause; what failed stays failed'),
    ),
  ).action(
    action<Steer>(async (cli, options, id = '') => {
      const api = await cli.api()
      return showOrWatch(cli, api, await api.call(api.at('rollouts.resume'), asked(id, options)), options)
    }),
  )
  withYes(
    withReason(
      rollout
        .command('stop')
        .argument('<rollout>', 'its id', readId)
        .description('End it for good; tenants not begun are left out'),
    ),
  ).action(
    action<Steer>(async (cli, options, id = '') => {
      await cli.confirm(`Stop rollout ${id} for good?`, options.yes)
      const api = await cli.api()
      await showOrWatch(cli, api, await api.call(api.at('rollouts.stop'), asked(id, options)), options)
    }),
  )
  withWatch(
    withReason(
      rollout
        .command('approve')
        .argument('<rollout>', 'its id', readId)
        .description('Let the next wave begin'),
    ),
  ).action(
    action<Steer>(async (cli, options, id = '') => {
      const api = await cli.api()
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
          .argument('<rollout>', 'its id', readId)
          .description('Try failed tenants again, and go on'),
      ),
    ),
  ).action(
    action<Steer & Filter>(async (cli, options, id = '') => {
      const api = await cli.api()
      const body = { reason: options.reason, error_group: options.errorGroup, tenants: options.tenant }
      const after = await api.call(api.at('rollouts.retry'), { params: { job_id: id }, body })
      cli.output.say(`${after.retried} ${after.retried === 1 ? 'tenant is' : 'tenants are'} tried again.`)
      return showOrWatch(cli, api, after, options)
    }),
  )
  withFilter(
    rollout
      .command('skip')
      .argument('<rollout>', 'its id', readId)
      .description('Leave tenants out, pending or failed ones'),
  )
    .requiredOption('--reason <text>', 'why; kept with each tenant and in the audit log')
    .action(
      action<Filter & { reason: string }>(async (cli, options, id = '') => {
        const { usageError } = await import('../errors.ts')
        if (options.tenant === undefined && options.errorGroup === undefined) {
          throw usageError(
            'Which tenants?',
            'Say --tenant NAME or --error-group GROUP.',
            `See them: tenantry rollout errors ${id}`,
          )
        }
        const api = await cli.api()
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

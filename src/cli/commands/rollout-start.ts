import { Option, type Command } from 'commander'
import { action } from '../action.ts'
import { repeatable, withYes, type RepeatOptions, type WaitOptions, readVersion } from '../options.ts'
import { ROLLOUT_ARGUMENT, readRollout, rolloutAction } from '../rollouts/which.ts'
import { steeringBody, watchStarted, withSteering, type Steering } from '../rollouts/steering.ts'

interface StartOptions extends Steering, WaitOptions, RepeatOptions {
  readonly selector: string
  readonly pattern?: string
  readonly upTo?: boolean
  readonly order: 'name' | 'random'
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
        const started = await api.call(api.at('rollouts.start'), { body, ...repeatable(options) })
        for (const { place, reason } of started.unreachable) {
          cli.output.say(`Not part of it: ${place}: ${reason}`)
        }
        const { warnOfRollout } = await import('../lint-warnings.ts')
        await warnOfRollout(cli, api, started.job_id)
        return watchStarted(cli, api, started, options)
      }),
    )
}

function defineUndo(rollout: Command): void {
  withSteering(
    withYes(
      rollout
        .command('undo')
        .argument('<rollout>', ROLLOUT_ARGUMENT, readRollout)
        .description('Take back what a rollout changed, where it did'),
    ),
  )
    .addHelpText('after', '\nA new rollout, of the downgrade. Undo is watched as start is.')
    .action(
      rolloutAction<Steering & WaitOptions & RepeatOptions & { yes?: boolean }>(
        async (cli, api, id, options) => {
          if (options.dryRun !== true)
            await cli.confirm(`Run the downgrade on every tenant that rollout ${id} changed?`, options.yes)
          const started = await api.call(api.at('rollouts.undo'), {
            params: { job_id: id },
            body: steeringBody(options),
            ...repeatable(options),
          })
          return watchStarted(cli, api, started, options)
        },
      ),
    )
}

import type { Command } from 'commander'
import { count } from '../format.ts'
import { action } from '../action.ts'
import {
  readCount,
  repeatable,
  withKey,
  withWait,
  withYes,
  type RepeatOptions,
  type WaitOptions,
} from '../options.ts'

interface CreateOptions extends WaitOptions, RepeatOptions {
  readonly prefix: string
  readonly startId: number
  readonly template?: string
  readonly server?: string
}

export function define(simulate: Command): void {
  withKey(
    withWait(
      simulate
        .command('create')
        .argument('<count>', 'how many', readCount)
        .description('Make test databases and register them as tenants'),
    ),
  )
    .option('--prefix <text>', 'beginning of their names', 'sim_')
    .option('--start-id <n>', 'number of the first one', readCount, 1)
    .option('--template <database>', 'database to copy; a small order system when not given')
    .option('--server <name>', 'where; may be left out when there is only one')
    .action(
      action<CreateOptions>(async (cli, options, number = '') => {
        const { settle } = await import('../operations.ts')
        const api = await cli.api()
        const body = {
          count: Number(number),
          prefix: options.prefix,
          start_id: options.startId,
          template_db: options.template,
          server: options.server,
        }
        const started = await api.call(api.at('simulate.create'), { body, ...repeatable(options) })
        return settle(
          cli,
          api,
          started,
          options,
          ({ created, server }) => `${count(Number(created))} databases made on ${String(server)}`,
        )
      }),
    )
  withYes(
    withWait(
      simulate.command('cleanup').description('Remove the databases that simulate made, and no others'),
    ),
  )
    .option('--prefix <text>', 'only those whose names begin like this', 'sim_')
    .action(
      action<WaitOptions & { prefix: string; yes?: boolean }>(async (cli, options) => {
        const { settle } = await import('../operations.ts')
        await cli.confirm(`Remove the simulated databases that begin with ${options.prefix}?`, options.yes)
        const api = await cli.api()
        const started = await api.call(api.at('simulate.cleanup'), { query: { prefix: options.prefix } })
        return settle(cli, api, started, options, ({ removed, kept }) => {
          const left = kept as string[]
          return `${count(Number(removed))} databases removed${left.length === 0 ? '' : `; left alone, as simulate did not make them: ${left.join(', ')}`}`
        })
      }),
    )
}

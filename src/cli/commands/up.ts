import type { Command } from 'commander'
import { action } from '../action.ts'
import type { ServiceOptions } from '../run-service.ts'
import { withServiceOptions } from '../service-options.ts'

export function define(up: Command): void {
  withServiceOptions(up)
    .addHelpText(
      'after',
      '\nData is kept in .tenantry. The first start makes a token there, which the other commands find by themselves.',
    )
    .action(
      action<ServiceOptions>(async (cli, options) => {
        const { readServiceConfig, runService } = await import('../run-service.ts')
        return runService(cli, readServiceConfig(options, cli.terminal.live), 'all')
      }),
    )
}

import { Option, type Command } from 'commander'
import { action } from '../action.ts'
import type { ServiceOptions } from '../run-service.ts'
import { withServiceOptions } from '../service-options.ts'
import type { Role } from '../../service.ts'

export function define(serve: Command): void {
  withServiceOptions(serve)
    .addOption(
      new Option('--role <role>', 'what this process does').choices(['api', 'worker', 'all']).default('all'),
    )
    .addHelpText('after', '\nAs many as one likes may run on one control database.')
    .action(
      action<ServiceOptions & { role: Role }>(async (cli, options) => {
        const { usageError } = await import('../errors.ts')
        const { readServiceConfig, runService } = await import('../run-service.ts')
        const config = readServiceConfig(options, false)
        if (config.databaseUrl === undefined) {
          throw usageError(
            'serve needs the control database in DATABASE_URL.',
            'To have one made on this machine: tenantry up',
          )
        }
        return runService(cli, config, options.role)
      }),
    )
}

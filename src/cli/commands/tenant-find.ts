import type { Command } from 'commander'
import { count } from '../format.ts'
import { action } from '../action.ts'
import { readLabel, repeatable, withKey, withWait, type RepeatOptions, type WaitOptions } from '../options.ts'

interface DiscoverOptions {
  readonly server?: string
  readonly inDatabase?: string
  readonly label?: Record<string, string>
}

export function defineFinding(tenant: Command): void {
  withKey(
    withWait(
      tenant.command('discover <pattern>').description('Find tenants on servers by name and register them'),
    ),
  )
    .option('--server <name>', 'only on this server')
    .option('--in-database <name>', 'look for schemas in this database instead of for databases')
    .option('--label <name=value>', 'label for all that are found; may be given more than once', readLabel)
    .addHelpText('after', "\n% stands for any text: tenantry tenant discover 'cmp_%'")
    .action(
      action<DiscoverOptions & WaitOptions & RepeatOptions>(async (cli, options, pattern = '') => {
        const { settle } = await import('../operations.ts')
        const { discoveryText } = await import('../discovery.ts')
        const api = await cli.api()
        const body = {
          pattern,
          server: options.server,
          in_database: options.inDatabase,
          labels: options.label,
        }
        const started = await api.call(api.at('tenants.discover'), { body, ...repeatable(options) })
        return settle(cli, api, started, options, discoveryText)
      }),
    )
  withKey(
    withWait(
      tenant.command('import <file>').description('Register the tenants of a CSV or JSON file, all or none'),
    ),
  )
    .option('--server <name>', 'for entries that name no server')
    .addHelpText(
      'after',
      '\nCSV has a header: name, server, database, schema; other columns are labels. - reads standard input.',
    )
    .action(
      action<{ server?: string } & WaitOptions & RepeatOptions>(async (cli, options, file = '') => {
        const { settle } = await import('../operations.ts')
        const { readTenantFile } = await import('../tenant-file.ts')
        const tenants = await readTenantFile(file, options.server)
        const api = await cli.api()
        const started = await api.call(api.at('tenants.import'), {
          body: { tenants },
          ...repeatable(options),
        })
        return settle(
          cli,
          api,
          started,
          options,
          (result) =>
            `${count(Number(result['added']))} added, ${count(Number(result['known']))} known before`,
        )
      }),
    )
}

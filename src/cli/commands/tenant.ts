import type { Command } from 'commander'
import type { Item } from '../api.ts'
import { labels, moment } from '../format.ts'
import { action } from '../action.ts'
import { readLabel, readMany, withLimit, withReason, withYes } from '../options.ts'
import type { View } from '../output.ts'
import { defineFinding } from './tenant-find.ts'

type Tenant = Item<'tenants.list'>

const VIEW: View<Tenant> = {
  name: (tenant) => tenant.name,
  columns: [
    { title: 'NAME', value: (tenant) => tenant.name },
    { title: 'SERVER', value: (tenant) => tenant.server },
    { title: 'DATABASE', value: (tenant) => tenant.database },
    { title: 'SCHEMA', value: (tenant) => tenant.schema },
    { title: 'VERSION', value: (tenant) => tenant.version_id },
    { title: 'STATE', value: (tenant) => tenant.state },
    { title: 'LABELS', value: (tenant) => labels(tenant.labels) },
    { title: 'CREATED', value: (tenant) => moment(tenant.created_at), wide: true },
  ],
}

export function define(tenant: Command): void {
  defineFinding(tenant)
  withLimit(tenant.command('list').description('List tenants'))
    .option(
      '-s, --selector <terms>',
      "which: 'plan:free region:eu,us version<20260112_143000 server:pg-3 -name:cmp_9%'",
      '',
    )
    .action(
      action<{ selector: string; limit: number }>(async (cli, { selector, limit }) => {
        const { printPages } = await import('../pages.ts')
        const api = await cli.api()
        const ask = (page: object) => api.call(api.at('tenants.list'), { query: { selector, ...page } })
        await printPages(
          cli,
          limit,
          VIEW,
          ask,
          'No tenant matches. Find some: tenantry tenant discover PATTERN',
        )
      }),
    )
  tenant
    .command('show <tenant>')
    .description('Show a tenant')
    .action(
      action(async (cli, _options, name = '') => {
        const api = await cli.api()
        cli.output.show(await api.call(api.at('tenants.get'), { params: { name } }), VIEW)
      }),
    )
  defineChanging(tenant)
}

interface RegisterOptions {
  readonly server: string
  readonly database?: string
  readonly schema?: string
  readonly label?: Record<string, string>
}

function defineChanging(tenant: Command): void {
  tenant
    .command('register <name>')
    .description('Register one tenant')
    .requiredOption('--server <name>', 'where it is')
    .option('--database <name>', 'its database; called like the tenant when not given')
    .option('--schema <name>', 'its schema, when it shares the database')
    .option('--label <name=value>', 'label; may be given more than once', readLabel)
    .action(
      action<RegisterOptions>(async (cli, { server, database, schema, label }, name = '') => {
        const api = await cli.api()
        const body = { name, server, database: database ?? name, schema, labels: label }
        cli.output.show(await api.call(api.at('tenants.register'), { body }), VIEW)
      }),
    )
  tenant
    .command('label <tenant> [labels...]')
    .description('Set labels (plan=pro) and remove them (--remove plan)')
    .option('--remove <label>', 'label to remove; may be given more than once', readMany)
    .action(
      action<{ remove?: string[] }>(async (cli, { remove = [] }, name = '', ...given) => {
        const set = (given as unknown as string[][])
          .flat()
          .reduce<Record<string, string>>((all, text) => readLabel(text, all), {})
        const api = await cli.api()
        const body = { labels: { ...set, ...Object.fromEntries(remove.map((label) => [label, null])) } }
        cli.output.show(await api.call(api.at('tenants.label'), { params: { name }, body }), VIEW)
      }),
    )
  withYes(
    withReason(
      tenant.command('retire <tenant>').description('Take a tenant out of use; its database is not touched'),
    ),
  ).action(
    action<{ reason?: string; yes?: boolean }>(async (cli, { reason, yes }, name = '') => {
      await cli.confirm(`Take tenant ${name} out of use?`, yes)
      const api = await cli.api()
      cli.output.show(await api.call(api.at('tenants.retire'), { params: { name }, body: { reason } }), VIEW)
    }),
  )
}

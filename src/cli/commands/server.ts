import type { Command } from 'commander'
import type { Answer, Item } from '../api.ts'
import { labels, moment, serverVersion } from '../format.ts'
import { action } from '../action.ts'
import { readAddress, readCount, readLabel, withReason, withYes } from '../options.ts'
import type { View } from '../output.ts'

type Server = Item<'servers.list'>

const VIEW: View<Server> = {
  name: (server) => server.name,
  columns: [
    { title: 'NAME', value: (server) => server.name },
    { title: 'ADDRESS', value: (server) => placeOf(server) },
    { title: 'STATE', value: (server) => server.state },
    { title: 'VERSION', value: (server) => serverVersion(server.server_version, server.kind) },
    { title: 'USER', value: (server) => server.username },
    { title: 'POOLER', value: ({ pooler }) => (pooler === null ? null : `${pooler.host}:${pooler.port}`) },
    {
      title: 'READ FROM',
      value: ({ read_address: read }) => read && `${read.host}:${read.port}`,
      wide: true,
    },
    { title: 'CAPACITY', value: (server) => server.capacity, right: true },
    { title: 'LABELS', value: (server) => labels(server.labels) },
    { title: 'DATABASE', value: (server) => server.database, wide: true },
    { title: 'TLS', value: (server) => server.sslmode, wide: true },
    { title: 'SUPERUSER', value: (server) => server.is_superuser, wide: true },
    { title: 'MAX CONNECTIONS', value: (server) => server.max_connections, wide: true, right: true },
    { title: 'CHECKED', value: (server) => moment(server.checked_at), wide: true },
  ],
}

const PRODUCTS = { postgres: 'PostgreSQL', mysql: 'MySQL or MariaDB', sqlite: 'SQLite' } as const

function placeOf({ kind, host, port }: Server): string {
  return kind === 'sqlite' || (kind === 'mysql' && host.startsWith('/')) ? host : `${host}:${port}`
}

interface Facts {
  readonly dsn?: string
  readonly dsnFile?: string
  readonly sslRootCert?: string
  readonly pooler?: { host: string; port: number } | false
  readonly readDsn?: string | false
  readonly readDsnFile?: string
  readonly capacity?: number
  readonly label?: Record<string, string>
}

function withFacts(command: Command): Command {
  return command
    .option('--dsn-file <file>', 'file with the connection URL, password included')
    .option('--dsn <url>', 'the connection URL without a password; - reads it, with one, from standard input')
    .option(
      '--read-dsn-file <file>',
      'file with the URL of a replica or of a role that only reads, for audits',
    )
    .option('--read-dsn <url>', 'the same without a password; - reads it, with one, from standard input')
    .option('--pooler <host:port>', 'pooler in front of it', readAddress)
    .option('--capacity <tenants>', 'how many tenants it may hold', readCount)
    .option('--label <name=value>', 'label; may be given more than once', readLabel)
}

async function readAddressDsn({ readDsn: dsn, readDsnFile }: Facts): Promise<string | undefined> {
  const { readDsn } = await import('../secret-input.ts')
  const given = {
    ...(typeof dsn === 'string' ? { dsn } : {}),
    ...(readDsnFile === undefined ? {} : { dsnFile: readDsnFile }),
  }
  return readDsn(given, 'optional', '--read-dsn')
}

export function define(server: Command): void {
  defineAdd(server)
  defineList(server)
  defineShow(server)
  defineTest(server)
  defineUpdate(server)
  defineRetire(server)
}

function defineAdd(server: Command): void {
  withFacts(server.command('add <name>').description('Connect to a server and add it'))
    .option('--ssl-root-cert <file>', 'PEM of the authority behind its certificate')
    .addHelpText(
      'after',
      '\nA password never goes into the command: other users of the machine could read it there.',
    )
    .action(
      action<Facts>(async (cli, options, name = '') => {
        const { readDsn, readOptionalFile } = await import('../secret-input.ts')
        const dsn = await readDsn(options, 'required')
        const pem = await readOptionalFile(options.sslRootCert)
        const api = await cli.api()
        const body = {
          name,
          dsn,
          ssl_root_cert: pem,
          read_dsn: await readAddressDsn(options),
          pooler: options.pooler || undefined,
          capacity: options.capacity,
          labels: options.label,
        }
        cli.output.show(await api.call(api.at('servers.add'), { body }), VIEW)
      }),
    )
}

function defineList(server: Command): void {
  server
    .command('list')
    .description('List servers')
    .option('--retired', 'with those out of use')
    .action(
      action<{ retired?: boolean }>(async (cli, options) => {
        const api = await cli.api()
        const { items } = await api.call(api.at('servers.list'), {
          query: { include_retired: options.retired ?? false },
        })
        cli.output.list(items, VIEW, {
          empty: 'There is no server. Add one: tenantry server add NAME --dsn-file FILE',
        })
      }),
    )
}

function defineShow(server: Command): void {
  server
    .command('show <server>')
    .description('Show a server')
    .action(
      action(async (cli, _options, name = '') => {
        const api = await cli.api()
        cli.output.show(await api.call(api.at('servers.get'), { params: { name } }), VIEW)
      }),
    )
}

function defineTest(server: Command): void {
  server
    .command('test <server>')
    .description('Connect to a server now')
    .action(
      action(async (cli, _options, name = '') => {
        const api = await cli.api()
        const facts = await api.call(api.at('servers.test'), { params: { name } })
        if (facts.kind === 'sqlite') return cli.output.value(facts, `${name} can be read and written.`)
        const superuser = facts.is_superuser ? ', logged in as superuser' : ''
        const product = `${PRODUCTS[facts.kind]} ${serverVersion(facts.server_version, facts.kind)}`
        const lines = [
          `${name} answers in ${facts.latency_ms} ms: ${product}, ${facts.max_connections} connections${superuser}`,
          ...readingLine(facts.reading),
        ]
        cli.output.value(facts, lines.join('\n'))
      }),
    )
}

function readingLine(reading: Answer<'servers.test'>['reading']): string[] {
  if (reading === null) return []
  const what = reading.is_replica ? 'a replica' : 'the server itself'
  return [
    `its read address ${reading.address}, ${what}, answers in ${reading.latency_ms} ms as ${reading.user}`,
  ]
}

function defineUpdate(server: Command): void {
  withFacts(
    server.command('update <server>').description('Change its address, password, pooler, capacity or labels'),
  )
    .option('--no-pooler', 'no pooler any more')
    .option('--no-read-dsn', 'no address for reading any more')
    .action(
      action<Facts>(async (cli, options, name = '') => {
        const { readDsn } = await import('../secret-input.ts')
        const dsn = await readDsn(options, 'optional')
        const api = await cli.api()
        const body = {
          dsn,
          pooler: options.pooler === false ? null : options.pooler,
          read_dsn: options.readDsn === false ? null : await readAddressDsn(options),
          capacity: options.capacity,
          labels: options.label,
        }
        cli.output.show(await api.call(api.at('servers.update'), { params: { name }, body }), VIEW)
      }),
    )
}

function defineRetire(server: Command): void {
  withYes(
    withReason(
      server
        .command('retire <server>')
        .description('Take a server out of use; its databases are not touched'),
    ),
  ).action(
    action<{ reason?: string; yes?: boolean }>(async (cli, options, name = '') => {
      await cli.confirm(`Take server ${name} out of use?`, options.yes)
      const api = await cli.api()
      cli.output.show(
        await api.call(api.at('servers.retire'), { params: { name }, body: { reason: options.reason } }),
        VIEW,
      )
    }),
  )
}

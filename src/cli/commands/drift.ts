import { Option, type Command } from 'commander'
import { action } from '../action.ts'
import {
  readCount,
  readDuration,
  readMoment,
  withLimit,
  withReason,
  withWait,
  withYes,
  type WaitOptions,
} from '../options.ts'
import { readAllowed, withPlanning, type Planning } from '../planning.ts'
import { steeringBody, watchStarted, withSteering, type Steering } from '../rollouts/steering.ts'

const STATES = ['in_sync', 'different', 'unreachable', 'no_expectation'] as const

export function define(drift: Command): void {
  defineScan(drift)
  defineList(drift)
  defineShow(drift)
  defineTenants(drift)
  definePlan(drift)
  defineRepair(drift)
  defineAdopt(drift)
  defineIgnore(drift)
  defineUnignore(drift)
}

const SELECTOR = ['-s, --selector <terms>', "which tenants: 'plan:free region:eu server:pg-3'", ''] as const

interface ScanOptions extends WaitOptions {
  readonly selector: string
  readonly expected?: string
  readonly maxConnections?: number
  readonly primary?: boolean
  readonly full?: boolean
}

function defineScan(drift: Command): void {
  withWait(
    drift.command('scan').description('Look at the schemas of tenants, read-only, and say which differ'),
  )
    .option(...SELECTOR)
    .option(
      '--expected <snapshot>',
      'stored snapshot that all should be like; else that of each one’s version',
    )
    .option('--max-connections <number>', 'to one server at once', readCount)
    .option('--primary', 'from the servers themselves, also where one has an address for reading')
    .option('--full', 'connect to every tenant, also where its server says that nothing was written to it')
    .action(
      action<ScanOptions>(async (cli, options) => {
        const { EXIT } = await import('../errors.ts')
        const { scanAndWait, showDrift } = await import('../drift.ts')
        const found = await scanAndWait(cli, options)
        if (found === undefined) return EXIT.interrupted
        showDrift(cli, found)
        return EXIT.ok
      }),
    )
}

function defineList(drift: Command): void {
  drift
    .command('list')
    .description('List the ways in which tenants differ, as last seen and not repaired since')
    .option(...SELECTOR)
    .action(
      action<{ selector: string }>(async (cli, { selector }) => {
        const { showDrift } = await import('../drift.ts')
        const api = await cli.api()
        showDrift(cli, await api.call(api.at('drift.list'), { query: { selector } }), true)
      }),
    )
}

function defineShow(drift: Command): void {
  drift
    .command('show <difference>')
    .description('Show one way to differ: every difference in a sentence')
    .action(
      action(async (cli, _options, key = '') => {
        const api = await cli.api()
        const found = await api.call(api.at('drift.show'), { params: { key } })
        const { moment } = await import('../format.ts')
        const ignored = found.ignored.map(({ tenant, until, reason, created_by: by }) => {
          const whose = tenant === null ? 'of all tenants' : `of ${tenant}`
          return `Ignored ${whose} until ${until === null ? 'it is ended' : moment(until)} by ${by}: ${reason}`
        })
        const title = `Tenants with the difference ${key}, first seen ${moment(found.first_seen)}:`
        cli.output.value(found, [title, ...found.summary.map((line) => `  ${line}`), ...ignored].join('\n'))
      }),
    )
}

function defineTenants(drift: Command): void {
  withLimit(drift.command('tenants').description('List what was found about each tenant'))
    .option(...SELECTOR)
    .option('--difference <key>', 'only those that differ in this way')
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .action(
      action<{ selector: string; difference?: string; state?: (typeof STATES)[number]; limit: number }>(
        async (cli, { selector, difference, state, limit }) => {
          const { FINDING_VIEW } = await import('../drift.ts')
          const { printPages } = await import('../pages.ts')
          const api = await cli.api()
          const ask = (page: object) =>
            api.call(api.at('drift.tenants'), { query: { selector, difference, state, ...page } })
          await printPages(cli, limit, FINDING_VIEW, ask, 'Nothing was found yet: tenantry drift scan')
        },
      ),
    )
}

function definePlan(drift: Command): void {
  withPlanning(drift.command('plan <difference>').description('Show the SQL that a repair would run')).action(
    action<Planning>(async (cli, { style, ...planning }, key = '') => {
      const allowed = readAllowed(planning)
      const api = await cli.api()
      const plan = await api.call(api.at('drift.plan'), { params: { key }, query: { style } })
      const open = plan.must_allow.filter(({ name }) => !allowed.includes(name) && !allowed.includes('all'))
      for (const { name, detail } of open) cli.output.say(`needs --allow ${name}: ${detail}`)
      cli.output.value(plan, plan.sql)
    }),
  )
}

interface RepairOptions extends Steering, Planning, WaitOptions {
  readonly selector: string
  readonly yes?: boolean
}

function defineRepair(drift: Command): void {
  withYes(
    withPlanning(
      withSteering(
        drift
          .command('repair <difference>')
          .description('Bring the tenants that differ so to the expected schema'),
      ),
    ),
  )
    .option(...SELECTOR)
    .addHelpText(
      'after',
      '\nThe plan is proved on a scratch database first, then rolled out. See it: drift plan',
    )
    .action(
      action<RepairOptions>(async (cli, options, key = '') => {
        const allow = readAllowed(options)
        if (options.dryRun !== true) await cli.confirm(`Repair the difference ${key}?`, options.yes)
        const api = await cli.api()
        const started = await api.call(api.at('drift.repair'), {
          params: { key },
          body: {
            ...steeringBody(options),
            selector: options.selector,
            allow,
            style: options.style,
          },
        })
        return watchStarted(cli, api, started, options)
      }),
    )
}

function defineAdopt(drift: Command): void {
  drift
    .command('adopt <difference>')
    .description('Make the schema of the tenants that differ so the expected one; no tenant is changed')
    .requiredOption('--reason <text>', 'why; the message of the snapshot, and kept in the audit log')
    .option('--name <snapshot>', 'the snapshot to change, where it is not clear which one is meant')
    .action(
      action<{ reason: string; name?: string }>(async (cli, { reason, name }, key = '') => {
        const api = await cli.api()
        const stored = await api.call(api.at('drift.adopt'), { params: { key }, body: { reason, name } })
        const reference = `${stored.name}@${stored.number}`
        cli.output.value(stored, reference)
        cli.output.say(
          `That is what is expected now. See who differs from it: tenantry drift scan --expected ${stored.name}`,
        )
      }),
    )
}

function defineIgnore(drift: Command): void {
  drift
    .command('ignore <difference>')
    .description('Ignore a way to differ, with a reason')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--tenant <name>', 'only of this tenant')
    .addOption(
      new Option('--for <time>', 'for how long, e.g. 7d; for good when not given').argParser(readDuration),
    )
    .addOption(
      new Option('--until <day>', 'until when, e.g. 2026-12-31 or 2026-12-31T12:00Z')
        .argParser(readMoment)
        .conflicts('for'),
    )
    .action(
      action<{ reason: string; tenant?: string; for?: number; until?: Date }>(
        async (cli, options, key = '') => {
          const api = await cli.api()
          const end = options.for === undefined ? options.until : new Date(Date.now() + options.for)
          const until = end?.toISOString()
          const body = { reason: options.reason, tenant: options.tenant, until }
          await api.call(api.at('drift.ignore'), { params: { key }, body })
          cli.output.say(`Ignored. End it with: tenantry drift unignore ${key}`)
        },
      ),
    )
}

function defineUnignore(drift: Command): void {
  withReason(drift.command('unignore <difference>').description('Stop ignoring a way to differ')).action(
    action(async (cli, _options, key = '') => {
      const api = await cli.api()
      const { ended } = await api.call(api.at('drift.watch'), { params: { key } })
      cli.output.say(ended === 0 ? 'It was not ignored.' : 'It is looked at again.')
    }),
  )
}

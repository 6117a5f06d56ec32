import type { Command } from 'commander'
import type { ServerKind } from '../../engine/address.ts'
import { action } from '../action.ts'
import { readDialect, withWait, type WaitOptions } from '../options.ts'
import { steeringBody, withSteering, type Steering } from '../rollouts/steering.ts'
import { readAllowed, withPlanning, type Planning } from '../planning.ts'

/** What needs the control database: tenants held against a snapshot, and brought to it. */
export function defineFleet(schema: Command): void {
  defineValidate(schema)
  defineSync(schema)
}

interface Selection {
  readonly selector: string
  readonly tenant?: string
  readonly to: string
  readonly dialect?: ServerKind
  readonly scratch?: string
}

function selectorOf({ selector, tenant }: Selection): string {
  return tenant === undefined ? selector : `${selector} name:${tenant}`.trim()
}

function withSelection(command: Command): Command {
  return command
    .requiredOption(
      '--to <snapshot>',
      'stored snapshot (NAME, NAME@3, fingerprint), or a file, SQL or database to take it from',
    )
    .option('-s, --selector <terms>', "which tenants: 'plan:free region:eu'; all when not given", '')
    .option('--tenant <name>', 'only this one')
    .option('--dialect <name>', 'what SQL is written for; that of the tenants when not given', readDialect)
    .option('--scratch <url>', 'server to load SQL into, in a database made and dropped for it')
}

type Validation = Selection & WaitOptions & { junit?: string; primary?: boolean; full?: boolean }

function defineValidate(schema: Command): void {
  withWait(
    withSelection(schema.command('validate').description('For CI: are all tenants like a stored snapshot?')),
  )
    .option('--primary', 'read from the servers themselves, also where one has an address for reading')
    .option('--full', 'connect to every tenant, also where its server says that nothing was written to it')
    .option('--junit <file>', 'write a JUnit report as well, one test case per tenant')
    .addHelpText('after', '\nExit code 0: all in sync, 6: some differ, 3: some could not be reached.')
    .action(
      action<Validation>(async (cli, options) => {
        const { EXIT } = await import('../errors.ts')
        const { findingsOf, scanAndWait, showDrift, writeJunit } = await import('../drift.ts')
        const { storedTarget } = await import('../sync.ts')
        const selector = selectorOf(options)
        const expected = await storedTarget(cli, await cli.api(), { ...options, selector })
        const found = await scanAndWait(cli, { ...options, selector, expected })
        if (found === undefined) return EXIT.interrupted
        const json = cli.output.format === 'json'
        const tenants = json || options.junit !== undefined ? await findingsOf(cli, selector, found.scan) : []
        if (options.junit !== undefined) await writeJunit(options.junit, tenants, found.groups)
        if (json) cli.output.value({ ...found, tenants }, found.scan)
        else showDrift(cli, found)
        const { different, ignored, unreachable } = found.counts
        if (different > ignored) return EXIT.differences
        return unreachable > 0 ? EXIT.failedTargets : EXIT.ok
      }),
    )
}

function defineSync(schema: Command): void {
  withPlanning(
    withSteering(
      withSelection(schema.command('sync').description('Bring tenants to a stored snapshot')),
      'show the plan for each way to differ, and run nothing',
    ),
  )
    .addHelpText(
      'after',
      '\nLooks at all selected tenants first; each way to differ gets one plan, proved on a scratch database, and one\n' +
        'rollout. With --dry-run the plans are shown and nothing is run.',
    )
    .action(
      action<Selection & Steering & Planning & WaitOptions>(async (cli, options) => {
        const { storedTarget, syncTenants, showPlans } = await import('../sync.ts')
        const selector = selectorOf(options)
        // Before anything is stored or asked.
        const allow = readAllowed(options)
        const api = await cli.api()
        const to = await storedTarget(cli, api, { ...options, selector })
        if (options.dryRun === true) return showPlans(cli, { ...options, selector, to })
        const { dry_run: _, ...steering } = steeringBody(options)
        const started = await api.call(api.at('schema.sync'), {
          body: {
            ...steering,
            selector,
            to,
            allow,
            style: options.style,
          },
        })
        return syncTenants(cli, api, started, options)
      }),
    )
}

import { type Command, Option } from 'commander'
import { LEDGER_TOOLS } from '../../schema/ledgers/index.ts'
import { EXIT } from '../errors.ts'
import { action } from '../action.ts'
import {
  repeatable,
  withKey,
  withReason,
  withWait,
  type RepeatOptions,
  type WaitOptions,
} from '../options.ts'

interface AdoptOptions extends WaitOptions, RepeatOptions {
  readonly source?: string
  readonly selector?: string
  readonly execute?: boolean
  readonly ledger?: string
  readonly table?: string
  readonly reason?: string
}

export function define(adopt: Command): void {
  withReason(withKey(withWait(adopt)))
    .option('--source <path>', 'migrations of the other tool, seen from where the API runs')
    .option('--selector <text>', 'which tenants; all in use when not given')
    .option('--dry-run', 'only say what would be recorded; so it is unless --execute is given')
    .option('--execute', 'record it')
    .addOption(
      new Option('--ledger <tool>', 'the tool whose ledger counts; seen from the source').choices(
        LEDGER_TOOLS,
      ),
    )
    .option('--table <name>', 'name of the ledger, where the tool was given one: table or schema.table')
    .addHelpText(
      'after',
      '\nRecords the versions that were made of the source and that the tenants have by the ledger of the other tool. ' +
        'No SQL of a version runs.\nExit code 3 when tenants are left as they are.',
    )
    .action(
      action<AdoptOptions & { dryRun?: boolean }>(async (cli, options) => {
        const { followOperation, settle } = await import('../operations.ts')
        const { adoptionText, refusals } = await import('../adoption.ts')
        const [table, schema] = (options.table ?? '').split('.').toReversed()
        const body = {
          source: options.source,
          selector: options.selector,
          dry_run: options.dryRun === true || options.execute !== true,
          ledger: options.ledger as (typeof LEDGER_TOOLS)[number] | undefined,
          ...(options.table === undefined ? {} : { table, schema }),
          reason: options.reason,
        }
        const api = await cli.api()
        const started = await api.call(api.at('tenants.adopt'), { body, ...repeatable(options) })
        if (options.wait === false) return settle(cli, api, started, options, adoptionText)
        const ended = await followOperation(cli, api, started.operation_id, options)
        if (ended === undefined) return EXIT.interrupted
        const result = ended.result ?? {}
        if (cli.output.format !== 'jsonl') cli.output.value(ended, adoptionText(result))
        return refusals(result) > 0 ? EXIT.failedTargets : EXIT.ok
      }),
    )
}

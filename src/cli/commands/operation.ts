import { Option, type Command } from 'commander'
import { action } from '../action.ts'
import { readDuration, withLimit, withReason, readId } from '../options.ts'

const STATES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const

export function define(operation: Command): void {
  defineList(operation)
  defineShow(operation)
  defineWatch(operation)
  defineCancel(operation)
  defineRetry(operation)
}

function defineList(operation: Command): void {
  withLimit(operation.command('list').description('List operations, newest first'))
    .option('--kind <kind>', 'only these: rollout, discover, import, simulate, benchmark')
    .addOption(new Option('--state <state>', 'only these').choices(STATES))
    .action(
      action<{ limit: number; kind?: string; state?: (typeof STATES)[number] }>(
        async (cli, { limit, kind, state }) => {
          const { OPERATION_VIEW } = await import('../operations.ts')
          const { printPages } = await import('../pages.ts')
          const api = await cli.api()
          const ask = (page: object) =>
            api.call(api.at('operations.list'), { query: { kind, state, ...page } })
          await printPages(cli, limit, OPERATION_VIEW, ask, 'There is no operation.')
        },
      ),
    )
}

function defineShow(operation: Command): void {
  operation
    .command('show')
    .argument('<operation>', 'its id', readId)
    .description('Show an operation')
    .action(
      action(async (cli, _options, id = '') => {
        const { OPERATION_VIEW } = await import('../operations.ts')
        const api = await cli.api()
        const found = await api.call(api.at('operations.show'), { params: { id } })
        cli.output.show(found, OPERATION_VIEW)
        if (found.result !== null) cli.output.print(`result    ${JSON.stringify(found.result)}`)
      }),
    )
}

function defineWatch(operation: Command): void {
  operation
    .command('watch')
    .argument('<operation>', 'its id', readId)
    .description('Follow an operation until it has ended')
    .option(
      '--timeout <time>',
      'stop watching after this time, e.g. 10m (exit code 7; the operation goes on)',
      readDuration,
    )
    .action(
      action<{ timeout?: number }>(async (cli, options, id = '') => {
        const { EXIT } = await import('../errors.ts')
        const { followOperation, OPERATION_VIEW } = await import('../operations.ts')
        const ended = await followOperation(cli, await cli.api(), id, options)
        if (ended === undefined) return EXIT.interrupted
        if (cli.output.format !== 'jsonl') cli.output.show(ended, OPERATION_VIEW)
        return EXIT.ok
      }),
    )
}

function defineCancel(operation: Command): void {
  withReason(
    operation
      .command('cancel')
      .argument('<operation>', 'its id', readId)
      .description('Ask an operation to end in order'),
  ).action(
    action<{ reason?: string }>(async (cli, { reason }, id = '') => {
      const { OPERATION_VIEW } = await import('../operations.ts')
      const api = await cli.api()
      cli.output.show(
        await api.call(api.at('operations.cancel'), { params: { id }, body: { reason } }),
        OPERATION_VIEW,
      )
    }),
  )
}

function defineRetry(operation: Command): void {
  withReason(
    operation
      .command('retry')
      .argument('<operation>', 'its id', readId)
      .description('Run a failed operation again, from the step that failed'),
  ).action(
    action<{ reason?: string }>(async (cli, { reason }, id = '') => {
      const { OPERATION_VIEW } = await import('../operations.ts')
      const api = await cli.api()
      cli.output.show(
        await api.call(api.at('operations.retry'), { params: { id }, body: { reason } }),
        OPERATION_VIEW,
      )
    }),
  )
}

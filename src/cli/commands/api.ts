import type { Command } from 'commander'
import { action } from '../action.ts'
import { withKey, type RepeatOptions } from '../options.ts'

export function define(api: Command): void {
  withKey(api)
    .argument('<method>', 'GET, POST, PUT, PATCH or DELETE')
    .argument('<path>', "with its query: '/tenants?limit=10'")
    .option('-d, --data <json>', 'body; @FILE reads it from a file, - from standard input')
    .addHelpText(
      'after',
      '\nWhat can be asked is listed at /docs of the API. Streams are passed on as they come.',
    )
    .action(
      action<{ data?: string } & RepeatOptions>(async (cli, options, method = '', path = '') => {
        const { askRaw } = await import('../raw-request.ts')
        await askRaw(cli, await cli.api(), {
          method,
          path,
          data: options.data,
          idempotencyKey: options.idempotencyKey,
        })
      }),
    )
}

import type { Command } from 'commander'
import type { Item } from '../api.ts'
import { moment } from '../format.ts'
import { action } from '../action.ts'
import { readCount, readMany, withLimit, withReason, withYes } from '../options.ts'
import type { View } from '../output.ts'

type Token = Item<'tokens.list'>

const VIEW: View<Token> = {
  name: (token) => token.id,
  columns: [
    { title: 'ID', value: (token) => token.id, right: true },
    { title: 'NAME', value: (token) => token.name },
    { title: 'HINT', value: (token) => token.hint },
    { title: 'SCOPES', value: (token) => token.scopes.join(',') },
    { title: 'EXPIRES', value: (token) => moment(token.expires_at) },
    { title: 'LAST USED', value: (token) => moment(token.last_used_at) },
    { title: 'REVOKED', value: (token) => moment(token.revoked_at) },
    { title: 'CREATED', value: (token) => moment(token.created_at), wide: true },
  ],
}

interface CreateOptions {
  readonly scope: string[]
  readonly days?: number
  readonly expires?: false
  readonly file?: string
  readonly reason?: string
}

export function define(token: Command): void {
  defineCreate(token)
  defineList(token)
  defineRevoke(token)
}

function defineCreate(token: Command): void {
  withReason(token.command('create <name>').description('Make a token; it is shown this once'))
    .requiredOption('--scope <scope>', 'what it may do; may be given more than once', readMany)
    .option('--days <n>', 'how long it is valid; 365 when not said', readCount)
    .option('--no-expires', 'valid until it is revoked')
    .option('--file <file>', 'write it there, readable by you alone, instead of showing it')
    .addHelpText('after', '\nScopes are listed at /docs of the API. Nobody can give scopes that they lack.')
    .action(
      action<CreateOptions>(async (cli, options, name = '') => {
        const { saveToken } = await import('../token-file.ts')
        const api = await cli.api()
        const body = {
          name,
          scopes: options.scope as ['admin'],
          expires_in_days: options.expires === false ? null : (options.days ?? 365),
          reason: options.reason,
        }
        const made = await api.call(api.at('tokens.create'), { body })
        if (options.file !== undefined) {
          await saveToken(options.file, made.token ?? '')
          return cli.output.show(made, VIEW)
        }
        cli.output.value(made, made.token ?? '')
        cli.output.say('Keep it now: it cannot be shown again.')
      }),
    )
}

function defineList(token: Command): void {
  withLimit(token.command('list').description('List tokens, newest first')).action(
    action<{ limit: number }>(async (cli, { limit }) => {
      const { printPages } = await import('../pages.ts')
      const api = await cli.api()
      await printPages(
        cli,
        limit,
        VIEW,
        (query) => api.call(api.at('tokens.list'), { query }),
        'There is no token.',
      )
    }),
  )
}

function defineRevoke(token: Command): void {
  withYes(
    token
      .command('revoke')
      .argument('<id>', 'as token list shows it', readCount)
      .description('End a token at once'),
  ).action(
    action<{ yes?: boolean }>(async (cli, { yes }, id = '') => {
      await cli.confirm(`Revoke token ${id}?`, yes)
      const api = await cli.api()
      await api.call(api.at('tokens.revoke'), { params: { id: Number(id) } })
      cli.output.say(`Token ${id} is revoked.`)
    }),
  )
}

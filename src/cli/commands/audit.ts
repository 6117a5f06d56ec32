import type { Command } from 'commander'
import type { Item } from '../api.ts'
import { count, moment } from '../format.ts'
import { action } from '../action.ts'
import { readCount, withLimit } from '../options.ts'
import type { View } from '../output.ts'

const VIEW: View<Item<'audit.list'>> = {
  name: (entry) => entry.seq,
  columns: [
    { title: 'SEQ', value: (entry) => entry.seq, right: true },
    { title: 'AT', value: (entry) => moment(entry.at) },
    { title: 'ACTOR', value: (entry) => entry.actor },
    { title: 'ACTION', value: (entry) => entry.action },
    { title: 'TARGET', value: (entry) => entry.target },
    { title: 'OUTCOME', value: (entry) => entry.outcome },
    { title: 'REASON', value: (entry) => entry.reason },
    { title: 'ADDRESS', value: (entry) => entry.address, wide: true },
    { title: 'REQUEST', value: (entry) => entry.request_id, wide: true },
    { title: 'DETAIL', value: (entry) => JSON.stringify(entry.detail), wide: true },
  ],
}

interface ListOptions {
  readonly limit: number
  readonly actor?: string
  readonly action?: string
  readonly target?: string
}

export function define(audit: Command): void {
  withLimit(audit.command('list').description('Show who did what, newest first'))
    .option('--actor <actor>', 'only by this one')
    .option('--action <action>', 'only this, e.g. rollouts.start')
    .option('--target <target>', 'only on this')
    .action(
      action<ListOptions>(async (cli, { limit, actor, action: done, target }) => {
        const { printPages } = await import('../pages.ts')
        const api = await cli.api()
        const ask = (page: object) =>
          api.call(api.at('audit.list'), { query: { actor, action: done, target, ...page } })
        await printPages(cli, limit, VIEW, ask, 'Nothing is recorded.')
      }),
    )
  audit
    .command('verify')
    .description('Check that nobody changed the audit log')
    .option('--seq <n>', 'with --hash: the end of the log as it was kept outside', readCount)
    .option('--hash <hash>', 'its hash')
    .addHelpText(
      'after',
      '\nKeep the end that it prints outside, and give it back next time: a log cut off is found too.',
    )
    .action(
      action<{ seq?: number; hash?: string }>(async (cli, { seq, hash }) => {
        const { EXIT } = await import('../errors.ts')
        const api = await cli.api()
        const verdict = await api.call(api.at('audit.verify'), { query: { seq, hash } })
        const end =
          verdict.head === null ? '' : `; its end: --seq ${verdict.head.seq} --hash ${verdict.head.hash}`
        const text = verdict.intact
          ? `The audit log is intact: ${count(verdict.rows)} entries${end}`
          : `The audit log was changed at entry ${verdict.problem?.seq ?? '?'}: ${verdict.problem?.message ?? ''}`
        cli.output.value(verdict, text)
        return verdict.intact ? EXIT.ok : EXIT.failure
      }),
    )
}

import { type Command, InvalidArgumentError } from 'commander'
import type { Item } from '../api.ts'
import { moment } from '../format.ts'
import { action } from '../action.ts'
import { withLimit, withReason } from '../options.ts'
import type { View } from '../output.ts'

type Schedule = Item<'schedules.list'>

const VIEW: View<Schedule> = {
  name: (schedule) => schedule.name,
  columns: [
    { title: 'NAME', value: (schedule) => schedule.name },
    { title: 'KIND', value: (schedule) => schedule.kind },
    { title: 'CRON', value: (schedule) => schedule.cron },
    { title: 'TIME ZONE', value: (schedule) => schedule.timezone },
    { title: 'NEXT', value: (schedule) => moment(schedule.next_at) },
    { title: 'INPUT', value: (schedule) => JSON.stringify(schedule.input) },
    { title: 'ENABLED', value: (schedule) => schedule.enabled, wide: true },
    { title: 'LAST OPERATION', value: (schedule) => schedule.last_operation_id, wide: true },
  ],
}

function readObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('It is not a JSON object.')
}

interface SetOptions {
  readonly kind: string
  readonly cron: string
  readonly timezone: string
  readonly input: Record<string, unknown>
  readonly reason?: string
}

export function define(schedule: Command): void {
  withLimit(schedule.command('list').description('List schedules')).action(
    action<{ limit: number }>(async (cli, { limit }) => {
      const { printPages } = await import('../pages.ts')
      const api = await cli.api()
      const ask = (query: object) => api.call(api.at('schedules.list'), { query })
      await printPages(
        cli,
        limit,
        VIEW,
        ask,
        'There is no schedule. Make one: tenantry schedule set NAME --kind discover --cron "0 3 * * *"',
      )
    }),
  )
  withReason(schedule.command('set <schedule>').description('Make or replace a schedule'))
    .requiredOption('--kind <kind>', 'operation to start: discover, drift-scan, simulate-cleanup')
    .requiredOption('--cron <expression>', "when: '0 3 * * *' is every night at three")
    .option('--timezone <name>', 'of the expression', 'UTC')
    .option('--input <json>', `input of the operation: '{"pattern": "cmp_%"}'`, readObject, {})
    .action(
      action<SetOptions>(async (cli, options, name = '') => {
        const api = await cli.api()
        const { kind, cron, timezone, input, reason } = options
        cli.output.show(
          await api.call(api.at('schedules.put'), {
            params: { name },
            body: { kind, cron, timezone, input, reason },
          }),
          VIEW,
        )
      }),
    )
  schedule
    .command('remove <schedule>')
    .description('Remove a schedule; what it has started goes on')
    .action(
      action(async (cli, _options, name = '') => {
        const api = await cli.api()
        await api.call(api.at('schedules.delete'), { params: { name } })
        cli.output.say(`Schedule ${name} is removed.`)
      }),
    )
}

import { type Command, InvalidArgumentError } from 'commander'
import type { DemoOptions } from '../demo/run.ts'
import { action } from '../action.ts'
import { readCount } from '../options.ts'

const FEWEST = 50
const MOST = 10_000

function readTenants(text: string): number {
  const number = readCount(text)
  if (number < FEWEST || number > MOST) throw new InvalidArgumentError(`It is not from ${FEWEST} to ${MOST}.`)
  return number
}

export function define(demo: Command): void {
  demo
    .option('--tenants <n>', 'how many databases', readTenants, 300)
    .option('--keep', 'stay up until Ctrl-C')
    .option('--json', 'one JSON object with the figures on standard output')
    .option('--port <port>', 'port of its API; 0 for any free one', '0')
    .addHelpText(
      'after',
      '\nIt runs a PostgreSQL of its own in .tenantry/demo, which it removes first, and touches nothing else.',
    )
    .action(
      action<DemoOptions>(async (cli, options) => {
        const { runDemo } = await import('../demo/run.ts')
        return runDemo(cli, options)
      }),
    )
}

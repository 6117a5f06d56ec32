/** The tree of commands. Those below the first word are added when they are needed. */
import { Command } from 'commander'
import { ownVersion } from '../lib/own-version.ts'
import { defineNoun, NOUNS } from './nouns.ts'
import { addGlobalOptions } from './options.ts'

const EXAMPLES = `
Examples:
  tenantry up                                           start everything on this machine
  tenantry server add pg-1 --dsn-file pg-1.dsn          add a PostgreSQL server
  tenantry tenant discover 'cmp_%'                      register the databases that match
  tenantry version add 'Coupons' --upgrade coupons.sql  store a schema change
  tenantry rollout start latest --waves '1, 10%, rest'  roll it out, and watch
`

export function makeProgram(): Command {
  const program = new Command('tenantry')
    .description('Knows every tenant database of a fleet and changes their schemas safely, all at once.')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES)
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  addGlobalOptions(program)
  for (const { name, summary, group } of NOUNS) {
    program
      .command(name)
      .helpCommand(false)
      .helpGroup(`${group}:`)
      .summary(summary)
      .description(sentence(summary))
  }
  program.hook('preSubcommand', async (_program, command) => defineNoun(command))
  return program
}

/** With all commands there are: for completion, and for the help of everything. */
export async function makeWholeProgram(): Promise<Command> {
  const program = makeProgram()
  for (const command of program.commands) await defineNoun(command)
  return program
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}

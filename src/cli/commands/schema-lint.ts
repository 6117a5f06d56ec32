import { type Command, Option } from 'commander'
import type { LintOptions } from '../schema/linting.ts'
import { action } from '../action.ts'
import { readList } from '../options.ts'

const DIALECTS = ['postgres', 'mysql', 'sqlite']

const ABOUT = `
A version is run on an empty server of Tenantry's own (or that of --scratch), statement by statement: which locks it takes,
which tables it writes anew or reads from end to end, what it removes. Tables that the version itself makes hold no rows
and are no concern. squawk adds what the text tells. For SQLite, and with --scratch for MySQL and MariaDB, the schema is
read before and after each statement: what is lost or may fail, and whether others can write meanwhile.
A version allows what it means to do with a comment on top:  -- tenantry: allow data-loss
Exit code 0: nothing to mend or allow, 6: something is.
`

export function defineLint(schema: Command): void {
  withLint(
    schema
      .command('lint <paths...>')
      .description('Say what hand-written versions would do to those who use the tables'),
  )
    .option('--since <version>', 'of a folder: only what comes after this version')
    .addOption(
      new Option('--dialect <name>', 'what SQL is written for, where nothing else tells').choices(DIALECTS),
    )
    .addHelpText(
      'after',
      `
A path is a file of SQL, - for standard input, a version's folder, a folder of versions, or migrations of any known tool.
${ABOUT}`,
    )
    .action(
      action<LintOptions>(async (cli, options, ...given) => {
        const { lintPaths } = await import('../schema/linting.ts')
        return lintPaths(cli, (given as unknown as string[][]).flat(), options)
      }),
    )
}

export function defineVersionLint(version: Command): void {
  withLint(
    version
      .command('lint <version>')
      .description('Say what a stored version would do to those who use the tables'),
  )
    .addHelpText('after', ABOUT)
    .action(
      action<LintOptions>(async (cli, options, id = '') => {
        const { lintStored } = await import('../schema/linting.ts')
        return lintStored(cli, await cli.api(), id, options)
      }),
    )
}

function withLint(command: Command): Command {
  return command
    .option(
      '--on <schema>',
      'the schema that it begins with: a database, a snapshot or SQL; that of the versions before it when not given',
    )
    .option('--no-rehearse', 'look at the text alone (PostgreSQL)')
    .option('--allow <hazards>', 'what may happen, by name, e.g. data-loss,table-rewrite; or all', readList)
    .addOption(new Option('--format <format>', 'how findings are printed').choices(['text', 'json']))
    .option('--scratch <url>', 'server to rehearse on, in a database made and dropped for it')
    .option('--store <place>', 'where snapshot:NAME is: a folder, git:FOLDER or control', 'snapshots')
}

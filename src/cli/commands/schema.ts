import { type Command, Option } from 'commander'
import { action } from '../action.ts'
import { readDuration, readList, readMany, withYes } from '../options.ts'
import { defineFleet } from './schema-fleet.ts'
import { defineLint } from './schema-lint.ts'
import type { ApplyOptions } from '../schema/applying.ts'
import type { DiffOptions } from '../schema/compare.ts'
import type { MergeOptions } from '../schema/merging.ts'
import type { PlanCommandOptions } from '../schema/planning.ts'
import type { SourceOptions } from '../schema/sources.ts'

const OPERANDS = `
A schema is taken from any of these:
  postgres://user@host/db, mysql://…, mariadb://…, sqlite:FILE   a database, read only
  FILE.json, snapshot:NAME                                       a snapshot; a name looked up in --store
  FILE.sql, FOLDER, -                                            SQL that makes it, loaded into an empty database
  tenant:NAME, version:ID                                        what a running service knows: a tenant as it is now,
                                                                 or what tenants of a version are to have
A password is best left out of the URL: it is taken from PGPASSWORD, ~/.pgpass or MYSQL_PWD.
`

export function define(schema: Command): void {
  schema.addHelpText('after', OPERANDS)
  withSources(schema.command('inspect <schema>').description('Write a schema down as a snapshot'))
    .option('--out <file>', 'file to write; standard output when not given')
    .action(
      action<SourceOptions & { out?: string }>(async (cli, options, of = '') => {
        const { inspect } = await import('../schema/compare.ts')
        await inspect(cli, of, options)
      }),
    )
  withDiffOptions(schema.command('diff <from> <to>').description('Show how two schemas differ')).action(
    action<DiffOptions>(async (cli, options, from = '', to = '') => {
      const { compare } = await import('../schema/compare.ts')
      return compare(cli, from, to, options)
    }),
  )
  defineDiff3(schema)
  definePlans(schema)
  defineLint(schema)
  defineFleet(schema)
}

function defineDiff3(schema: Command): void {
  withSources(
    schema
      .command('diff3 <base> <ours> <theirs>')
      .description('Bring two changes of one schema together, and name where they conflict'),
  )
    .option('--out <file>', 'write the schema that has both changes as a snapshot; not where they conflict')
    .addHelpText('after', '\nExit code 0: they go together, 5: they conflict.')
    .action(
      action<MergeOptions>(async (cli, options, base = '', ours = '', theirs = '') => {
        const { merge } = await import('../schema/merging.ts')
        return merge(cli, [base, ours, theirs], options)
      }),
    )
}

/** What every command that shows differences takes. */
export function withDiffOptions(command: Command): Command {
  return withPlanning(withSources(command))
    .addOption(
      new Option('--format <format>', 'what is printed; sql turns the first into the second').choices([
        'text',
        'json',
        'sql',
      ]),
    )
    .option('--sql', 'the same as --format sql')
    .option('--exit-code', 'exit with 6 when they differ')
}

function definePlans(schema: Command): void {
  withEnds(schema.command('plan').description('Plan the steps from one schema to another'))
    .option('--exit-code', 'exit with 6 when there is something to do')
    .action(
      action<PlanCommandOptions>(async (cli, options) => {
        const { plan } = await import('../schema/planning.ts')
        return plan(cli, options)
      }),
    )
  withEnds(schema.command('prove').description('Plan, and try the plan on a copy of the schema'))
    .option('--seed <file>', 'SQL that puts rows into the copy first: they must survive')
    .action(
      action<PlanCommandOptions & { seed?: string }>(async (cli, options) => {
        const { prove } = await import('../schema/planning.ts')
        await prove(cli, options)
      }),
    )
  withYes(
    withAllow(
      schema
        .command('apply <plan>')
        .description('Run a plan that was kept as JSON on one database')
        .requiredOption('--to <url>', 'the database'),
    ),
  )
    .option('--mask-schema <name>', 'the plan is for this schema alone')
    .addHelpText(
      'after',
      '\nRefused when the schema is no longer the one that the plan begins with. Interrupted, a plan that was\nproved goes on where it was; one that was not is made again.',
    )
    .action(
      action<ApplyOptions>(async (cli, options, file = '') => {
        const { apply } = await import('../schema/applying.ts')
        return apply(cli, file, options)
      }),
    )
}

function withEnds(command: Command): Command {
  return withPlanning(
    withSources(
      command
        .requiredOption('--from <schema>', 'where it begins')
        .requiredOption('--to <schema>', 'where it leads'),
    ),
  )
    .addOption(
      new Option(
        '--format <format>',
        'how the plan is printed; sql runs with psql, mariadb or sqlite3',
      ).choices(['text', 'json', 'sql']),
    )
    .option('--out <file>', 'file to write; standard output when not given')
}

export function withSources(command: Command): Command {
  return command
    .addOption(
      new Option('--dialect <name>', 'what SQL is written for, where nothing else tells').choices([
        'postgres',
        'mysql',
        'sqlite',
      ]),
    )
    .option('--scratch <url>', 'server to load SQL into, in a database made and dropped for it')
    .option('--mask-schema <name>', 'only this schema, its name left open')
    .option('--exclude-schema <name>', 'leave this schema out; may be given more often', readMany)
    .option('--store <place>', 'where snapshot:NAME is: a folder, git:FOLDER or control', 'snapshots')
}

function withPlanning(command: Command): Command {
  return withAllow(command)
    .addOption(
      new Option(
        '--style <style>',
        'online: no avoidable lock; plain: short statements; auto: by the size of each table',
      ).choices(['online', 'plain', 'auto']),
    )
    .option(
      '--rename <old=new>',
      'it keeps its contents under another name; may be given more often',
      readMany,
    )
    .option('--no-detect-renames', 'take nothing for renamed that was not told')
    .option('--lock-timeout <time>', 'how long a step may wait for a lock, e.g. 2s', readDuration)
}

function withAllow(command: Command): Command {
  return command.option(
    '--allow <hazards>',
    'what may happen, by name, e.g. data-loss,table-rewrite; or all',
    readList,
  )
}

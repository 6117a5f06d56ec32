import type { Command } from 'commander'
import type { ServerKind } from '../../engine/address.ts'
import type { Item } from '../api.ts'
import { moment } from '../format.ts'
import { action } from '../action.ts'
import { readDialect, withLimit } from '../options.ts'
import type { View } from '../output.ts'
import { defineVersionLint } from './schema-lint.ts'

type Version = Item<'versions.list'>

const VIEW: View<Version> = {
  name: (version) => version.version_id,
  columns: [
    { title: 'VERSION', value: (version) => version.version_id },
    { title: 'DESCRIPTION', value: (version) => version.description },
    { title: 'DOWNGRADE', value: (version) => version.has_downgrade },
    { title: 'SOURCE', value: (version) => version.source },
    { title: 'REVISION', value: (version) => version.source_revision },
    { title: 'DIALECT', value: (version) => version.dialect, wide: true },
    { title: 'BYTES', value: (version) => version.upgrade_bytes, wide: true, right: true },
    { title: 'CHECKSUM', value: (version) => version.checksum, wide: true },
    { title: 'CREATED', value: (version) => moment(version.created_at), wide: true },
  ],
}

export function define(version: Command): void {
  defineMaking(version)
  defineFiles(version)
  defineVersionLint(version)
  withLimit(version.command('list').description('List versions, newest first')).action(
    action<{ limit: number }>(async (cli, { limit }) => {
      const { printPages } = await import('../pages.ts')
      const api = await cli.api()
      const ask = (query: object) => api.call(api.at('versions.list'), { query })
      await printPages(
        cli,
        limit,
        VIEW,
        ask,
        'There is no version. Make one: tenantry version add DESCRIPTION --upgrade FILE.sql',
      )
    }),
  )
  version
    .command('show <version>')
    .description('Show a version with its SQL')
    .option('--upgrade', 'only the SQL of the upgrade')
    .option('--downgrade', 'only the SQL of the downgrade')
    .action(
      action<{ upgrade?: boolean; downgrade?: boolean }>(async (cli, options, id = '') => {
        const { endingInNewline, printVersion } = await import('../versions.ts')
        const api = await cli.api()
        const found = await api.call(api.at('versions.get'), { params: { version_id: id } })
        if (options.upgrade === true) return cli.output.raw(endingInNewline(found.upgrade_sql))
        if (options.downgrade === true) return cli.output.raw(endingInNewline(found.downgrade_sql ?? ''))
        printVersion(cli, found, VIEW)
      }),
    )
}

interface AddOptions {
  readonly upgrade: string
  readonly downgrade?: string
  readonly id?: string
  readonly dialect?: ServerKind
}

interface GenerateOptions {
  readonly source?: string
  readonly target: string
  readonly dialect?: ServerKind
}

function defineMaking(version: Command): void {
  version
    .command('generate <description>')
    .description('Make a version of what a source has beyond the last one')
    .option(
      '--source <path>',
      'migrations of any known tool, seen from where the API runs; ALEMBIC_CONFIG_PATH when not given',
    )
    .option('--target <revision>', 'up to this revision of the source', 'head')
    .option('--dialect <name>', 'what the source is for: postgres, mysql or sqlite', readDialect)
    .action(
      action<GenerateOptions>(async (cli, { source, target, dialect }, description = '') => {
        const api = await cli.api()
        const body = { description, target_revision: target, source, dialect }
        const made = await api.call(api.at('versions.generate'), { body })
        const lines = [
          `Version ${made.version_id} of ${made.revisions.length} ${made.revisions.length === 1 ? 'revision' : 'revisions'}, read as ${made.read_as}`,
          `  ${made.files.upgrade}`,
          `  ${made.files.downgrade ?? 'no downgrade'}`,
        ]
        cli.output.value(made, cli.output.forPeople ? lines.join('\n') : made.version_id)
      }),
    )
  version
    .command('add <description>')
    .description('Store a version from SQL files')
    .requiredOption('--upgrade <file>', 'SQL that makes the change; - for standard input')
    .option('--downgrade <file>', 'SQL that takes it back')
    .option('--id <version>', 'version id, YYYYMMDD_HHMMSS; now when not given')
    .option('--dialect <name>', 'postgres, mysql or sqlite: what the SQL is written in', readDialect)
    .action(
      action<AddOptions>(async (cli, options, description = '') => {
        const { readText, readOptionalFile } = await import('../secret-input.ts')
        const upgrade = await readText(options.upgrade)
        const downgrade = await readOptionalFile(options.downgrade)
        const api = await cli.api()
        const body = {
          version_id: options.id,
          dialect: options.dialect,
          description,
          upgrade_sql: upgrade,
          downgrade_sql: downgrade ?? null,
        }
        const stored = await api.call(api.at('versions.store'), { body })
        cli.output.show(stored, VIEW)
        const { warnOfHazards } = await import('../lint-warnings.ts')
        await warnOfHazards(cli, { ...stored, upgrade_sql: upgrade })
      }),
    )
}

function defineFiles(version: Command): void {
  version
    .command('import <directory>')
    .description('Store the versions of a directory of versions')
    .addHelpText(
      'after',
      '\nIt holds <version>/metadata.json, upgrade.sql and downgrade.sql, as export writes them.',
    )
    .action(
      action(async (cli, _options, directory = '') => {
        const { importVersions } = await import('../versions.ts')
        const { stored, newest } = await importVersions(await cli.api(), directory)
        cli.output.list(stored, VIEW, { empty: `There is no version in ${directory}.` })
        if (newest === undefined) return
        const { warnOfHazards } = await import('../lint-warnings.ts')
        await warnOfHazards(cli, newest)
      }),
    )
  version
    .command('export <directory> [versions...]')
    .description('Write versions as files, all of them or those named')
    .action(
      action(async (cli, _options, directory = '', ...given) => {
        const { exportVersions } = await import('../versions.ts')
        const written = await exportVersions(
          await cli.api(),
          directory,
          (given as unknown as string[][]).flat(),
        )
        cli.output.value({ directories: written }, written.join('\n'))
      }),
    )
}

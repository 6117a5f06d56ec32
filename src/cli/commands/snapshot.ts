import type { Command } from 'commander'
import type { StoredVersion } from '../../schema/snapshot/stores/store.ts'
import { moment } from '../format.ts'
import { action } from '../action.ts'
import type { View } from '../output.ts'
import type { DiffOptions } from '../schema/compare.ts'
import type { SourceOptions } from '../schema/sources.ts'
import { withDiffOptions, withSources } from './schema.ts'

const VIEW: View<StoredVersion> = {
  name: (version) => `${version.name}@${version.number}`,
  columns: [
    { title: 'NAME', value: (version) => version.name },
    { title: 'NUMBER', value: (version) => version.number, right: true },
    { title: 'DIALECT', value: (version) => version.dialect },
    { title: 'OBJECTS', value: (version) => version.objects, right: true },
    { title: 'FINGERPRINT', value: (version) => version.fingerprint.slice(0, 12) },
    { title: 'CREATED', value: (version) => moment(version.createdAt) },
    { title: 'MESSAGE', value: (version) => version.message },
  ],
}

interface StoreOptions {
  readonly store: string
}

export function define(snapshot: Command): void {
  withStoreOption(snapshot.command('list').description('List the names with the newest snapshot of each'))
    .option('--all', 'also those that are kept of versions, for finding drift')
    .action(
      action<StoreOptions & { all?: boolean }>(async (cli, { store: place, all = false }) => {
        const { withStore } = await import('../schema/stores.ts')
        const { isOfVersion } = await import('../../schema/drift/names.ts')
        const stored = await withStore(cli, place, (store) => store.list())
        const found = all ? stored : stored.filter(({ name }) => !isOfVersion(name))
        const store = place === 'snapshots' ? '' : ` --store ${place}`
        cli.output.list(found, VIEW, {
          empty: `There is no snapshot in ${place}. Store one: tenantry snapshot put NAME DATABASE${store}`,
        })
        const hidden = stored.length - found.length
        if (hidden > 0) cli.output.say(`Kept of versions, and not shown without --all: ${hidden}`)
      }),
    )
  withStoreOption(
    snapshot.command('history <name>').description('List all snapshots of a name, newest first'),
  ).action(
    action<StoreOptions>(async (cli, { store: place }, name = '') => {
      const { withStore } = await import('../schema/stores.ts')
      cli.output.list(await withStore(cli, place, (store) => store.history(name)), VIEW)
    }),
  )
  withStoreOption(
    snapshot
      .command('show <reference>')
      .description('Write a stored snapshot: NAME, NAME@3, or the beginning of a fingerprint'),
  ).action(
    action<StoreOptions>(async (cli, { store: place }, reference = '') => {
      const { withStore } = await import('../schema/stores.ts')
      const { snapshotText } = await import('../../schema/snapshot/snapshot-text.ts')
      cli.output.raw(snapshotText(await withStore(cli, place, (store) => store.get(reference))))
    }),
  )
  withSources(
    snapshot.command('put <name> <schema>').description('Store a schema as the newest snapshot of a name'),
  )
    .option('-m, --message <text>', 'what has changed')
    .action(
      action<SourceOptions & { message?: string }>(async (cli, options, name = '', of = '') => {
        const { put } = await import('../schema/storing.ts')
        cli.output.show(await put(cli, name, of, options), VIEW)
      }),
    )
  defineDiff(snapshot)
}

function defineDiff(snapshot: Command): void {
  withDiffOptions(
    snapshot
      .command('diff <from> <to>')
      .description(
        'Show how two schemas differ: stored snapshots by their names, or anything of `tenantry schema`',
      ),
  ).action(
    action<DiffOptions>(async (cli, options, from = '', to = '') => {
      const { compare } = await import('../schema/compare.ts')
      const { isStoredName } = await import('../schema/stores.ts')
      const operand = (text: string): string => (isStoredName(text) ? `snapshot:${text}` : text)
      return compare(cli, operand(from), operand(to), options)
    }),
  )
}

function withStoreOption(command: Command): Command {
  return command.option(
    '--store <place>',
    'a folder, git:FOLDER, or control for the control database',
    'snapshots',
  )
}

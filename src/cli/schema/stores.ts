/** The store of snapshots that `--store` names. */
import type { Snapshot } from '../../schema/snapshot/snapshot.ts'
import { checkName, CONTROL_LABEL, type SnapshotStore } from '../../schema/snapshot/stores/store.ts'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'

/** A name, `name@3`, or the beginning of a fingerprint. */
const STORED = /^[a-z0-9][a-z0-9_-]*(?:\.[0-9][a-z0-9._-]*)?(?:@\d+)?$/u

/** Whether a text can name a stored snapshot. */
export function isStoredName(text: string): boolean {
  return STORED.test(text)
}

/** A folder, `git:FOLDER`, or `control` for the control database: itself where it is known, else by the API. */
export async function withStore<T>(
  cli: Cli,
  place: string,
  work: (store: SnapshotStore) => Promise<T>,
): Promise<T> {
  if (place === 'control') return withControl(cli, work)
  const store = place.startsWith('git:')
    ? (await import('../../schema/snapshot/stores/git.ts')).gitStore(place.slice('git:'.length))
    : (await import('../../schema/snapshot/stores/files.ts')).fileStore(place)
  return work(store)
}

async function withControl<T>(cli: Cli, work: (store: SnapshotStore) => Promise<T>): Promise<T> {
  const { readConfig } = await import('../../config.ts')
  const { databaseUrl } = readConfig()
  if (databaseUrl === undefined) return work(apiStore(await cli.api()))
  const { openControl } = await import('../../control/control.ts')
  const { controlStore } = await import('../../schema/snapshot/stores/control.ts')
  const control = openControl({ url: databaseUrl, maxConnections: 1 })
  try {
    return await work(controlStore(control))
  } finally {
    await control.close()
  }
}

/** The control database's snapshots for somebody who has a token and no way to the database. */
function apiStore(api: Api): SnapshotStore {
  const list = async () => (await api.call(api.at('snapshots.list'), {})).items
  return {
    label: CONTROL_LABEL,
    list,
    history: async (name) =>
      (await api.call(api.at('snapshots.history'), { params: { reference: checkName(name) } })).items,
    async put(name, snapshot, message = '') {
      const before = (await list()).find((one) => one.name === name)
      // What goes through JSON: an object that the compiler knows as such.
      const plain = JSON.parse(JSON.stringify(snapshot)) as Record<string, unknown>
      const version = await api.call(api.at('snapshots.store'), { body: { name, message, snapshot: plain } })
      return { version, added: before?.number !== version.number }
    },
    async get(reference) {
      return (await api.call(api.at('snapshots.get'), { params: { reference } })) as unknown as Snapshot
    },
    close: () => Promise.resolve(),
  }
}

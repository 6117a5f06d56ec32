/** The store of snapshots that `--store` names. */
import type { SnapshotStore } from '../../schema/snapshot/stores/store.ts'

/** A folder, `git:FOLDER`, or `control` for the control database. */
export async function withStore<T>(place: string, work: (store: SnapshotStore) => Promise<T>): Promise<T> {
  if (place === 'control') return withControl(work)
  const store = place.startsWith('git:')
    ? (await import('../../schema/snapshot/stores/git.ts')).gitStore(place.slice('git:'.length))
    : (await import('../../schema/snapshot/stores/files.ts')).fileStore(place)
  return work(store)
}

async function withControl<T>(work: (store: SnapshotStore) => Promise<T>): Promise<T> {
  const { readConfig } = await import('../../config.ts')
  const { openControl } = await import('../../control/control.ts')
  const { controlStore } = await import('../../schema/snapshot/stores/control.ts')
  const { usageError } = await import('../errors.ts')
  const { databaseUrl } = readConfig()
  if (databaseUrl === undefined) {
    throw usageError(
      'The control database is not known: DATABASE_URL is not set.',
      'Set it, or keep snapshots in a folder: --store snapshots',
    )
  }
  const control = openControl({ url: databaseUrl, maxConnections: 1 })
  try {
    return await work(controlStore(control))
  } finally {
    await control.close()
  }
}

/** Snapshots in the control database. */
import type { Control, Queryable } from '../../../control/control.ts'
import type { DialectName, Snapshot } from '../snapshot.ts'
import { parseSnapshot, snapshotText } from '../snapshot-text.ts'
import {
  ambiguous,
  checkName,
  CONTROL_LABEL as LABEL,
  notStored,
  parseReference,
  type SnapshotStore,
  type StoredVersion,
} from './store.ts'

interface Row {
  readonly name: string
  readonly number: number
  readonly fingerprint: string
  readonly dialect: DialectName
  readonly objects: number
  readonly created_at: Date
  readonly message: string
}

const VERSIONS = `select v.name, v.number, v.fingerprint, s.dialect, s.objects, v.created_at, v.message
  from tenantry.snapshot_versions v join tenantry.snapshots s using (fingerprint)`

/** Closing the store leaves the control database open. */
export function controlStore(control: Control): SnapshotStore {
  return {
    label: LABEL,
    list: async () => {
      const rows = await control.query<Row>(
        `select * from (select distinct on (name) * from (${VERSIONS}) every_one order by name, number desc) newest
         order by name collate "C"`,
      )
      return rows.map(versionOf)
    },
    history: async (name) => {
      const rows = await control.query<Row>(`${VERSIONS} where v.name = $1 order by v.number desc`, [
        checkName(name),
      ])
      if (rows.length === 0) throw notStored(LABEL, name)
      return rows.map(versionOf)
    },
    put: async (name, snapshot, message = '') =>
      control.transaction((tx) => put(tx, checkName(name), snapshot, message)),
    get: (reference) => get(control, reference),
    close: () => Promise.resolve(),
  }
}

/** Stores a snapshot under its fingerprint alone; one that is there already stays as it is. */
export async function keepSnapshot(control: Queryable, snapshot: Snapshot): Promise<void> {
  await control.query(
    `insert into tenantry.snapshots (fingerprint, dialect, server_version, objects, body)
     values ($1, $2, $3, $4, $5) on conflict do nothing`,
    [
      snapshot.fingerprint,
      snapshot.dialect,
      snapshot.serverVersion,
      snapshot.objects.length,
      snapshotText(snapshot),
    ],
  )
}

async function put(
  tx: Queryable,
  name: string,
  snapshot: Snapshot,
  message: string,
): Promise<{ version: StoredVersion; added: boolean }> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 7406812004))', [name])
  const [newest] = await newestOf(tx, name)
  if (newest?.fingerprint === snapshot.fingerprint) return { version: versionOf(newest), added: false }
  await keepSnapshot(tx, snapshot)
  await tx.query(
    'insert into tenantry.snapshot_versions (name, number, fingerprint, message) values ($1, $2, $3, $4)',
    [name, (newest?.number ?? 0) + 1, snapshot.fingerprint, message],
  )
  const [added] = await newestOf(tx, name)
  if (added === undefined)
    throw new Error(`The snapshot ${name} is gone inside the transaction that added it`)
  return { version: versionOf(added), added: true }
}

function newestOf(tx: Queryable, name: string): Promise<Row[]> {
  return tx.query<Row>(`${VERSIONS} where v.name = $1 order by v.number desc limit 1`, [name])
}

async function get(control: Queryable, reference: string): Promise<Snapshot> {
  const asked = parseReference(reference)
  const found =
    asked.by === 'fingerprint'
      ? await control.query<{ body: string }>(
          `select body from tenantry.snapshots where fingerprint like $1 limit 2`,
          [`${asked.prefix}%`],
        )
      : await control.query<{ body: string }>(
          `select s.body from tenantry.snapshot_versions v join tenantry.snapshots s using (fingerprint)
           where v.name = $1 and ($2::integer is null or v.number = $2) order by v.number desc limit 1`,
          [asked.name, asked.number ?? null],
        )
  if (asked.by === 'fingerprint' && found.length > 1) throw ambiguous(LABEL, asked.prefix)
  if (found[0] === undefined) throw notStored(LABEL, reference)
  return parseSnapshot(found[0].body, `The snapshot ${reference} in ${LABEL}`)
}

function versionOf(row: Row): StoredVersion {
  const { name, number, fingerprint, dialect, objects, message } = row
  return { name, number, fingerprint, dialect, objects, createdAt: row.created_at.toISOString(), message }
}

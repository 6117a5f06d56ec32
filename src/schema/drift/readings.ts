/**
 * What a tenant's schema is, read as cheaply as can be: a mark tells whether anything has changed since the last
 * look; if so, one query gives a text that stands for the whole catalogue,
 * and only a text that was never seen before is followed by a full inspection.
 */
import type { Control } from '../../control/control.ts'
import type { Dialect, InspectOptions, SchemaSession } from '../dialects/dialect.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'

export interface Reading {
  readonly catalogueFingerprint: string
  /** Of the snapshot. */
  readonly schemaFingerprint: string
  /** See `Dialect.changeMarker`; null where there is none. */
  readonly changeMarker: string | null
}

export interface Reader {
  /** @param last what was read of this tenant before */
  read(
    dialect: Dialect,
    session: SchemaSession,
    inspect: InspectOptions,
    last: Reading | undefined,
  ): Promise<Reading>
}

/**
 * @param keep stores a snapshot that was not seen before
 * @param version what the texts are comparable within
 */
export function createReader(
  control: Control,
  version: string,
  keep: (snapshot: Snapshot) => Promise<void>,
): Reader {
  const known = new Map<string, Promise<string>>()
  return {
    async read(dialect, session, inspect, last) {
      // Of a schema among others a mark tells nothing: it changes with each of them.
      const mark = inspect.maskSchema === undefined ? await dialect.changeMarker?.(session) : undefined
      const changeMarker = mark === undefined ? null : `${version} ${mark}`
      if (changeMarker !== null && changeMarker === last?.changeMarker) return last
      const catalogueFingerprint = await dialect.catalogueFingerprint(session, inspect)
      const look = async (): Promise<string> => {
        const stored = await storedReading(control, dialect.name, version, catalogueFingerprint)
        if (stored !== undefined) return stored
        const snapshot = await dialect.inspect(session, inspect)
        await keep(snapshot)
        await storeReading(control, dialect.name, version, catalogueFingerprint, snapshot.fingerprint)
        return snapshot.fingerprint
      }
      // Tenants that are alike are looked at side by side: the first one inspects, the others wait for it.
      const pending = known.get(catalogueFingerprint) ?? look()
      known.set(catalogueFingerprint, pending)
      try {
        return { changeMarker, catalogueFingerprint, schemaFingerprint: await pending }
      } catch (error) {
        known.delete(catalogueFingerprint)
        throw error
      }
    },
  }
}

async function storedReading(
  control: Control,
  dialect: string,
  serverVersion: string,
  catalogueFingerprint: string,
): Promise<string | undefined> {
  const [row] = await control.query<{ schema_fingerprint: string }>(
    `select schema_fingerprint from tenantry.schema_readings
     where dialect = $1 and server_version = $2 and catalogue_fingerprint = $3`,
    [dialect, serverVersion, catalogueFingerprint],
  )
  return row?.schema_fingerprint
}

async function storeReading(
  control: Control,
  dialect: string,
  serverVersion: string,
  catalogueFingerprint: string,
  schemaFingerprint: string,
): Promise<void> {
  await control.query(
    `insert into tenantry.schema_readings (dialect, server_version, catalogue_fingerprint, schema_fingerprint)
     values ($1, $2, $3, $4) on conflict do nothing`,
    [dialect, serverVersion, catalogueFingerprint, schemaFingerprint],
  )
}

/** Catalogue texts, under any server version, that stand for a schema: what a guard in a plan accepts. */
export async function cataloguesOf(
  control: Control,
  dialect: string,
  schemaFingerprint: string,
): Promise<string[]> {
  const rows = await control.query<{ catalogue_fingerprint: string }>(
    `select distinct catalogue_fingerprint from tenantry.schema_readings
     where dialect = $1 and schema_fingerprint = $2 order by catalogue_fingerprint`,
    [dialect, schemaFingerprint],
  )
  return rows.map((row) => row.catalogue_fingerprint)
}

/** Reads a database's schema: one transaction, two round trips, whatever its size. */
import type { Json } from '../../../snapshot/canonical.ts'
import { idOf, makeSnapshot, type SchemaObject, type Snapshot } from '../../../snapshot/snapshot.ts'
import type { InspectOptions, SchemaSession } from '../../dialect.ts'
import { DEPENDENCIES, dependenciesOf } from './dependencies.ts'
import type { Address, Annotator, Found, QueryContext, Reader, ReaderRow } from './reader.ts'
import { ANNOTATORS, READERS } from './readers.ts'
import { scopeSql, searchPath } from './scope.ts'

export async function inspect(session: SchemaSession, options: InspectOptions = {}): Promise<Snapshot> {
  const [server] = await session.query(
    `select pg_catalog.current_setting('server_version_num') as number, pg_catalog.current_setting('server_version') as name`,
  )
  const context: QueryContext = {
    version: Number(server?.['number']),
    masked: options.maskSchema !== undefined,
  }
  try {
    const [row = {}] = await session.query(
      `begin isolation level repeatable read read only; ${searchPath(options)}; ${statement(context, options)}; commit`,
    )
    const name = String(server?.['name']).split(' ')[0] as string
    return snapshotOf(name, context, row)
  } catch (thrown) {
    await session.query('rollback')
    throw thrown
  }
}

function statement(context: QueryContext, options: InspectOptions): string {
  const selects = [...READERS, ...ANNOTATORS].map(
    ({ name, sql }: Reader | Annotator) => `(select json_agg(r) from (${sql(context)}) r) as ${name}`,
  )
  return `with ${scopeSql(options)} select (${DEPENDENCIES}) as edges, ${selects.join(',\n')}`
}

function snapshotOf(
  serverVersion: string,
  context: QueryContext,
  row: Readonly<Record<string, unknown>>,
): Snapshot {
  const rowsOf = (name: string): ReaderRow[] =>
    typeof row[name] === 'string' ? (JSON.parse(row[name]) as ReaderRow[]) : []
  const readings = READERS.map((reader) => reader.read(rowsOf(reader.name), context))
  const found = readings.flatMap((reading) => reading.found)
  const dependsOn = dependenciesOf(typeof row['edges'] === 'string' ? row['edges'] : '', found)
  const notes = ANNOTATORS.map((annotator) => ({
    property: annotator.property,
    by: annotator.read(rowsOf(annotator.name), context),
  }))
  const objects = found.map((one): SchemaObject => ({
    kind: one.kind,
    name: one.name,
    parent: one.parent,
    properties: { ...one.properties, ...annotated(one, notes) },
    dependsOn: dependsOn.get(idOf(one)) ?? [],
    ...(one.facts === undefined ? {} : { facts: one.facts }),
  }))
  return makeSnapshot(
    'postgres',
    serverVersion,
    objects,
    readings.flatMap(({ unmodelled = [] }) => unmodelled),
  )
}

interface Notes {
  readonly property: string
  readonly by: ReadonlyMap<Address, Json>
}

function annotated(found: Found, notes: readonly Notes[]): Record<string, Json> {
  const own = found.addresses[0]
  const properties: Record<string, Json> = {}
  for (const { property, by } of notes) {
    const value = own === undefined ? undefined : by.get(own)
    if (value !== undefined) properties[property] = value
  }
  return properties
}

/**
 * Reads a database's schema: one transaction, two round trips, whatever its size. All queries are sent at once, so
 * that the server works on the next ones while what it has answered is taken in.
 */
import type { Json } from '../../../snapshot/canonical.ts'
import { idOf, makeSnapshot, type SchemaObject, type Snapshot } from '../../../snapshot/snapshot.ts'
import type { InspectOptions, SchemaSession } from '../../dialect.ts'
import { postgresSession } from '../session.ts'
import { DEPENDENCIES, dependenciesOf } from './dependencies.ts'
import { CLASS, type Address, type Found, type QueryContext, type Reader } from './reader.ts'
import type { ReaderRow, Reading } from './reader.ts'
import { ANNOTATORS, READERS } from './readers.ts'
import { BEGIN_READING, readingFailure, readingSql, scopeOf, scopeQuery, type Scope } from './scope.ts'

export async function inspect(given: SchemaSession, options: InspectOptions = {}): Promise<Snapshot> {
  const session = postgresSession(given)
  try {
    const [row = {}] = await session.rows(`${BEGIN_READING}; ${scopeQuery(options)}`)
    const scope = scopeOf(row, session.label, options)
    const context = {
      version: scope.version,
      masked: options.maskSchema !== undefined,
      columnNames: new Map<string, string>(),
    }
    const rowsOf = (sql: string): Promise<Rows> => session.rows(readingSql(sql, options))
    // Rows are let go as soon as they are taken in.
    const asked: Asked = {
      readings: READERS.map((reader) =>
        ask(reader, rowsOf, scope, context).then((rows) => reader.read(rows, context)),
      ),
      notes: ANNOTATORS.map(({ property, read, ...annotator }) =>
        ask(annotator, rowsOf, scope, context).then((rows) => ({ property, by: read(rows, context) })),
      ),
      edges: rowsOf(DEPENDENCIES),
      end: session.query('commit'),
    }
    // The first failure fails all that were sent after it: none of these is left unheard.
    const settled = Promise.allSettled([...asked.readings, ...asked.notes, asked.edges, asked.end])
    try {
      return await snapshotOf(scope.serverVersion, asked)
    } finally {
      await settled
    }
  } catch (thrown) {
    await session.query('rollback')
    throw readingFailure(thrown)
  }
}

type Rows = readonly ReaderRow[]

interface Asked {
  readonly readings: readonly Promise<Reading>[]
  readonly notes: readonly Promise<Notes>[]
  readonly edges: Promise<Rows>
  readonly end: Promise<unknown>
}

/** What no object's catalogue can hold is not asked for. */
function ask(
  { catalogue, also, sql }: Pick<Reader, 'catalogue' | 'also' | 'sql'>,
  rows: (sql: string) => Promise<Rows>,
  scope: Scope,
  context: QueryContext,
): Promise<Rows> {
  if (catalogue !== undefined && !scope.catalogues.has(CLASS[catalogue])) return Promise.resolve([])
  return rows(`with ${scope.sql}${also === undefined ? '' : `, ${also(context)}`} ${sql(context)}`)
}

async function snapshotOf(serverVersion: string, asked: Asked): Promise<Snapshot> {
  const readings = await Promise.all(asked.readings)
  const notes = await Promise.all(asked.notes)
  const edges = await asked.edges
  await asked.end
  const found = readings.flatMap((reading) => reading.found)
  const ids = found.map(idOf)
  const dependsOn = dependenciesOf(edges, found, ids)
  const objects = found.map((one, at): SchemaObject => ({
    kind: one.kind,
    name: one.name,
    parent: one.parent,
    properties: annotated(one, notes),
    dependsOn: dependsOn[at] ?? [],
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

function annotated({ properties, addresses }: Found, notes: readonly Notes[]): Found['properties'] {
  const own = addresses[0]
  if (own === undefined) return properties
  let result = properties
  for (const { property, by } of notes) {
    const value = by.get(own)
    if (value !== undefined) result = { ...result, [property]: value }
  }
  return result
}

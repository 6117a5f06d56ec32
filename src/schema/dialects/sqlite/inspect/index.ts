/** A SQLite schema as a snapshot. */
import { fold } from '../text/tokens.ts'
import {
  makeSnapshot,
  objectId,
  type SchemaObject,
  type Snapshot,
  type Unmodelled,
} from '../../../snapshot/snapshot.ts'
import type { Row, SchemaSession } from '../../dialect.ts'
import {
  catalogueOf,
  QUERIES,
  virtualColumnsQuery,
  virtualTablesIn,
  type Catalogue,
  type Entry,
} from './catalogue.ts'
import { indexObject, triggerObject, viewObject, virtualTableObject, type Relations } from './others.ts'
import { rowsByTable, tableObjects, type TableRows } from './tables.ts'

/** Reads everything in one read transaction; a savepoint, so that a caller's own transaction goes on after it. */
export async function inspect(session: SchemaSession): Promise<Snapshot> {
  await session.query('SAVEPOINT tenantry_inspect')
  try {
    const results: (readonly Row[])[] = []
    for (const query of QUERIES) results.push(await session.query(query))
    const virtual = virtualTablesIn(results)
    const columns = virtual.length === 0 ? [] : await session.query(virtualColumnsQuery(virtual))
    return snapshotOf(catalogueOf(results, columns))
  } finally {
    await session.query('RELEASE tenantry_inspect')
  }
}

/** As `inspect`, where queries are answered at once. */
export function inspectNow(query: (sql: string) => readonly Row[]): Snapshot {
  const results = QUERIES.map(query)
  const virtual = virtualTablesIn(results)
  return snapshotOf(catalogueOf(results, virtual.length === 0 ? [] : query(virtualColumnsQuery(virtual))))
}

function snapshotOf(catalogue: Catalogue): Snapshot {
  const rows = rowsByTable(catalogue)
  const indexKeys = Map.groupBy(catalogue.keys, (key) => key.idx)
  const relations = relationsOf(catalogue, rows)
  const objects: SchemaObject[] = []
  for (const entry of catalogue.entries) {
    if (isShadow(rows, entry)) continue
    if (isVirtual(entry))
      objects.push(virtualTableObject(entry, rows.columns.get(entry.name) ?? [], relations))
    else if (entry.type === 'table') objects.push(...tableObjects(entry, rows))
    else if (entry.type === 'view') objects.push(viewObject(entry, relations))
    else if (entry.type === 'trigger') objects.push(triggerObject(entry, relations))
    else objects.push(indexObject(entry, indexKeys.get(entry.name) ?? [], relations))
  }
  return makeSnapshot('sqlite', catalogue.version, objects, unmodelledIn(catalogue, rows))
}

function isVirtual(entry: Entry): boolean {
  return entry.type === 'table' && /^create virtual /i.test(entry.sql)
}

/** The tables in which a virtual table keeps its data, and what stands on them: they come and go with it. */
function isShadow(rows: TableRows, entry: Entry): boolean {
  return rows.listed.get(entry.tbl_name)?.type === 'shadow'
}

function relationsOf(catalogue: Catalogue, rows: TableRows): Relations {
  const ids = new Map<string, string>()
  const positions = new Map<string, number>()
  for (const entry of catalogue.entries) {
    if ((entry.type !== 'table' && entry.type !== 'view') || isShadow(rows, entry)) continue
    const id = objectId(isVirtual(entry) ? 'virtual_table' : entry.type, fold(entry.name))
    ids.set(fold(entry.name), id)
    positions.set(id, entry.rowid)
  }
  const columns = new Map(
    [...rows.columns].map(([table, list]) => [fold(table), new Set(list.map(({ name }) => fold(name)))]),
  )
  const names = new Set([...ids.keys(), ...[...columns.values()].flatMap((set) => [...set])])
  return { ids, columns, names, positions }
}

function unmodelledIn(catalogue: Catalogue, rows: TableRows): Unmodelled[] {
  return catalogue.entries
    .filter((entry) => isVirtual(entry) && (rows.listed.get(entry.name)?.ncol ?? 0) === 0)
    .map((entry) => ({
      kind: 'virtual_table',
      name: entry.name,
      detail:
        'Its module is not part of this SQLite: its columns are not known, and the tables in which it keeps its ' +
        'data are taken for ordinary ones.',
    }))
}

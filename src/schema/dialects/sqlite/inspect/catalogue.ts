/** What SQLite tells about a schema: six queries, whatever its size. */
import type { Row } from '../../dialect.ts'

export interface Entry {
  readonly type: string
  readonly name: string
  readonly tbl_name: string
  readonly sql: string
  /** Order of creation. */
  readonly rowid: number
}

export interface ListedTable {
  readonly name: string
  /** `table`, `view`, `virtual`, `shadow`. */
  readonly type: string
  /** 0 for a virtual table whose module is not in this SQLite. */
  readonly ncol: number
}

export interface ColumnRow {
  readonly tbl: string
  readonly cid: number
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  /** 0 ordinary, 1 hidden (virtual tables), 2 generated virtual, 3 generated stored. */
  readonly hidden: number
}

export interface KeyRow {
  readonly tbl: string
  readonly idx: string
  readonly unique: number
  /** `c` CREATE INDEX, `u` UNIQUE, `pk` PRIMARY KEY. */
  readonly origin: string
  readonly partial: number
  readonly seqno: number
  /** Null for an expression. */
  readonly col: string | null
  readonly desc: number
  readonly coll: string
}

export interface ForeignKeyRow {
  readonly tbl: string
  readonly id: number
  readonly seq: number
  readonly parent: string
  readonly from: string
  readonly to: string | null
  readonly on_update: string
  readonly on_delete: string
  readonly match: string
}

export interface Catalogue {
  readonly version: string
  readonly entries: readonly Entry[]
  /** Empty where there is no virtual table. */
  readonly tables: readonly ListedTable[]
  readonly columns: readonly ColumnRow[]
  readonly keys: readonly KeyRow[]
  readonly foreignKeys: readonly ForeignKeyRow[]
  /** Columns of the virtual tables whose module is here. */
  readonly virtualColumns: readonly ColumnRow[]
}

/** Neither SQLite's own, nor Tenantry's: the ledger of a tenant is no part of its schema. */
const OWN = `m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.tbl_name <> 'tenantry_ledger'`
const ORDINARY = `m.type = 'table' AND ${OWN} AND m.sql NOT LIKE 'create virtual %'`

const VERSION = 'SELECT sqlite_version() AS version'
const ENTRIES = `SELECT m.rowid, m.type, m.name, m.tbl_name, m.sql FROM main.sqlite_schema AS m
WHERE ${OWN} ORDER BY m.rowid`
/** Only where there are virtual tables: with many views it takes long (it looks at each of them for each). */
const TABLES = `SELECT l.name, l.type, l.ncol FROM
(SELECT 1 FROM main.sqlite_schema WHERE sql LIKE 'create virtual %' LIMIT 1) CROSS JOIN pragma_table_list AS l
WHERE l.schema = 'main'`
const COLUMNS = `SELECT m.name AS tbl, x.* FROM main.sqlite_schema AS m
JOIN pragma_table_xinfo(m.name, 'main') AS x WHERE ${ORDINARY}`
const KEYS = `SELECT m.name AS tbl, l.name AS idx, l."unique", l.origin, l.partial,
x.seqno, x.name AS col, x."desc", x.coll FROM main.sqlite_schema AS m
JOIN pragma_index_list(m.name, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
WHERE ${ORDINARY} AND x."key" ORDER BY m.rowid, l.seq, x.seqno`
const FOREIGN_KEYS = `SELECT m.name AS tbl, f.id, f.seq, f."table" AS parent, f."from", f."to", f.on_update,
f.on_delete, f."match" FROM main.sqlite_schema AS m JOIN pragma_foreign_key_list(m.name, 'main') AS f
WHERE ${ORDINARY} ORDER BY m.rowid, f.id, f.seq`

/** Virtual tables are asked about by name: one whose module is missing fails the whole statement. */
export function virtualColumnsQuery(names: readonly string[]): string {
  const list = JSON.stringify(names).replaceAll("'", "''")
  return `SELECT j.value AS tbl, x.* FROM json_each('${list}') AS j JOIN pragma_table_xinfo(j.value, 'main') AS x`
}

/** The queries of a catalogue, in the order in which `catalogueOf` takes their rows. */
export const QUERIES = [VERSION, ENTRIES, TABLES, COLUMNS, KEYS, FOREIGN_KEYS] as const

/** Names of the virtual tables whose module is in this SQLite, from the rows of `QUERIES`. */
export function virtualTablesIn(results: readonly (readonly Row[])[]): string[] {
  return (results[2] ?? [])
    .filter((row) => row['type'] === 'virtual' && Number(row['ncol']) > 0)
    .map((row) => String(row['name']))
}

export function catalogueOf(results: readonly (readonly Row[])[], virtualColumns: readonly Row[]): Catalogue {
  const [version, entries, tables, columns, keys, foreignKeys] = results as readonly unknown[]
  return {
    version: (version as readonly { version: string }[])[0]?.version ?? '',
    entries: entries as readonly Entry[],
    tables: tables as readonly ListedTable[],
    columns: columns as readonly ColumnRow[],
    keys: keys as readonly KeyRow[],
    foreignKeys: foreignKeys as readonly ForeignKeyRow[],
    virtualColumns: virtualColumns as unknown as readonly ColumnRow[],
  }
}

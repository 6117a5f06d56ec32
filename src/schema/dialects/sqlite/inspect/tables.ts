/** A table with its columns and constraints, as objects of a snapshot. */
import { objectId, type Properties, type SchemaObject } from '../../../snapshot/snapshot.ts'
import type { Json } from '../../../snapshot/canonical.ts'
import { canonicalText, fold, tokensOf } from '../text/tokens.ts'
import { parseTable, type ParsedKey, type ParsedTable } from '../text/create-table.ts'
import type { Catalogue, ColumnRow, Entry, ForeignKeyRow, KeyRow, ListedTable } from './catalogue.ts'

/** The rows of a catalogue by the name of their table. */
export interface TableRows {
  readonly listed: ReadonlyMap<string, ListedTable>
  readonly columns: ReadonlyMap<string, readonly ColumnRow[]>
  readonly keys: ReadonlyMap<string, readonly KeyRow[]>
  readonly foreignKeys: ReadonlyMap<string, readonly ForeignKeyRow[]>
}

export function rowsByTable(catalogue: Catalogue): TableRows {
  return {
    listed: new Map(catalogue.tables.map((table) => [table.name, table])),
    columns: Map.groupBy([...catalogue.columns, ...catalogue.virtualColumns], (row) => row.tbl),
    keys: Map.groupBy(catalogue.keys, (row) => row.tbl),
    foreignKeys: Map.groupBy(catalogue.foreignKeys, (row) => row.tbl),
  }
}

interface TableReading {
  readonly table: string
  readonly parsed: ParsedTable
  readonly columns: readonly ColumnRow[]
  readonly keys: readonly KeyRow[]
  /** Folded names of its columns. */
  readonly names: ReadonlySet<string>
}

/** Capitals of a name are a property of their own, so that the id stands for what SQLite takes for the same. */
export function written(name: string): Properties {
  return fold(name) === name ? {} : { written: name }
}

export function tableObjects(entry: Entry, rows: TableRows): SchemaObject[] {
  const columns = (rows.columns.get(entry.name) ?? []).toSorted((a, b) => a.cid - b.cid)
  const reading: TableReading = {
    table: fold(entry.name),
    parsed: parseTable(entry.sql),
    columns,
    keys: rows.keys.get(entry.name) ?? [],
    names: new Set(columns.map(({ name }) => fold(name))),
  }
  const table: SchemaObject = {
    kind: 'table',
    name: [reading.table],
    parent: null,
    properties: { strict: reading.parsed.strict, withoutRowid: reading.parsed.withoutRowid },
    dependsOn: [],
    facts: { position: entry.rowid, name: entry.name, sql: entry.sql },
  }
  return [
    table,
    ...columns.map((column) => columnObject(reading, column)),
    ...primaryKeyObject(reading),
    ...uniqueObjects(reading),
    ...checkObjects(reading),
    ...foreignKeyObjects(reading, rows.foreignKeys.get(entry.name) ?? []),
  ]
}

function part(
  reading: TableReading,
  kind: string,
  name: string,
  properties: Properties,
  facts: Properties,
): SchemaObject {
  const parent = objectId('table', reading.table)
  return { kind, name: [reading.table, name], parent, properties, dependsOn: [], facts }
}

function columnObject({ parsed, ...reading }: TableReading, row: ColumnRow): SchemaObject {
  const name = fold(row.name)
  const column = parsed.columns.find((one) => one.name === name)
  const generated =
    row.hidden < 2
      ? null
      : { expression: canonicalText(column?.generated ?? [], reading.names), stored: row.hidden === 3 }
  return part(
    { parsed, ...reading },
    'column',
    name,
    {
      ...written(row.name),
      type: fold(row.type),
      notNull: row.notnull === 0 ? null : (column?.notNullConflict ?? 'abort'),
      default: row.dflt_value === null ? null : canonicalText(tokensOf(row.dflt_value), new Set()),
      collation: column?.collation ?? null,
      generated,
    },
    {
      position: row.cid,
      name: row.name,
      definition: column?.definition ?? '',
      key: column?.key ?? false,
      constantDefault: isConstant(column?.default ?? []),
    },
  )
}

/** Whether a default is one value, the same for all rows: what ALTER TABLE ADD COLUMN can take. */
function isConstant(tokens: readonly { kind: string; text: string }[]): boolean {
  const signed = ['+', '-'].includes(tokens[0]?.text ?? '')
  const [value, ...more] = signed ? tokens.slice(1) : tokens
  if (value === undefined || more.length > 0) return tokens.length === 0
  if (value.kind === 'word') return ['null', 'true', 'false'].includes(value.text)
  return ['number', 'string', 'blob'].includes(value.kind)
}

/** The terms of a key with what makes two of them differ. */
function keyTerms(keys: readonly KeyRow[]): { column: string; desc: boolean; collation: string }[] {
  return keys.map((key) => ({
    column: fold(key.col ?? ''),
    desc: key.desc === 1,
    collation: fold(key.coll),
  }))
}

function primaryKeyObject(reading: TableReading): SchemaObject[] {
  const columns = reading.columns.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk)
  if (columns.length === 0) return []
  const index = reading.keys.filter(({ origin }) => origin === 'pk')
  const parsed = reading.parsed.primaryKey
  const properties = {
    columns: columns.map(({ name }) => fold(name)),
    // None: the key is the rowid itself.
    index: index.length === 0 ? null : (keyTerms(index) as unknown as Json),
    conflict: parsed?.conflict ?? 'abort',
    constraint: parsed?.name ?? null,
    autoincrement: parsed?.autoincrement ?? false,
  }
  return [part(reading, 'primary_key', 'primary key', properties, {})]
}

function uniqueObjects(reading: TableReading): SchemaObject[] {
  const byIndex = Map.groupBy(
    reading.keys.filter(({ origin }) => origin === 'u'),
    (key) => key.idx,
  )
  const left: ParsedKey[] = [...reading.parsed.uniques]
  const objects = [...byIndex.values()].toReversed().map((keys) => {
    const terms = keyTerms(keys)
    const columns = terms.map(({ column }) => column)
    const at = left.findIndex((one) => one.columns.join('\0') === columns.join('\0'))
    const [parsed] = at < 0 ? [] : left.splice(at, 1)
    const properties = {
      terms: terms as unknown as Json,
      conflict: parsed?.conflict ?? 'abort',
      constraint: parsed?.name ?? null,
    }
    return part(reading, 'unique', columns.join(', '), properties, {})
  })
  return numbered(objects)
}

function checkObjects(reading: TableReading): SchemaObject[] {
  return numbered(
    reading.parsed.checks.map((check) => {
      const expression = canonicalText(check.expression, reading.names)
      const { name, conflict, column } = check
      return part(
        reading,
        'check',
        name ?? expression,
        { expression, conflict, named: name !== null },
        { column },
      )
    }),
  )
}

function foreignKeyObjects(reading: TableReading, rows: readonly ForeignKeyRow[]): SchemaObject[] {
  // SQLite numbers them from the last to the first.
  const declared = [...Map.groupBy(rows, (row) => row.id)].toSorted(([a], [b]) => b - a)
  const objects = declared.map(([, terms], at) => {
    const [first] = terms as [ForeignKeyRow, ...ForeignKeyRow[]]
    const parsed = reading.parsed.foreignKeys[at]
    const columns = terms.map((term) => fold(term.from))
    const properties = {
      columns,
      parent: first.parent,
      parentColumns: first.to === null ? null : terms.map((term) => term.to),
      onUpdate: first.on_update,
      onDelete: first.on_delete,
      match: fold(first.match),
      deferrable: parsed?.deferrable ?? '',
      constraint: parsed?.name ?? null,
    }
    const name = `${columns.join(', ')} → ${fold(first.parent)}`
    return part(reading, 'foreign_key', name, properties, { column: parsed?.column ?? null })
  })
  return numbered(objects)
}

/** The second object of one name becomes `name #2`: SQLite lets constraints share a name, or repeat each other. */
function numbered(objects: readonly SchemaObject[]): SchemaObject[] {
  const seen = new Map<string, number>()
  return objects.map((object) => {
    const [table = '', name = ''] = object.name
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? object : { ...object, name: [table, `${name} #${count}`] }
  })
}

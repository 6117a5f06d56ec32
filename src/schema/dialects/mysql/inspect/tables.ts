/** Tables, and what is part of them: columns, keys, checks, foreign keys. */
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId, type Properties, type SchemaObject, type Unmodelled } from '../../../snapshot/snapshot.ts'
import type { Column } from '../text/column.ts'
import { settledCheck } from '../text/settled-check.ts'
import { parseTable, type ForeignKey, type TableText } from '../text/show-create-table.ts'
import { tokensOf, unquoted } from '../text/tokens.ts'
import type { TableRow } from './catalogue.ts'

/** Types whose values are text in a character set. */
const IN_CHARSET = /^(?:char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b/i

/** What the text of a table leaves out. */
export interface Server {
  readonly version: string
  /** By character set. */
  readonly defaultCollations: ReadonlyMap<string, string>
}

export interface TableInput {
  readonly row: TableRow
  readonly text: TableText
  readonly server: Server
}

export function readTable(showCreate: string, row: TableRow, server: Server): TableInput {
  return { row, text: parseTable(showCreate), server }
}

/** The objects of all tables; foreign keys need the tables that they refer to. */
export function tableObjects(
  inputs: readonly TableInput[],
  sequences: ReadonlySet<string>,
): { objects: SchemaObject[]; unmodelled: Unmodelled[] } {
  const byName = new Map(inputs.map((input) => [input.row.name, input]))
  const objects = inputs.flatMap((input) => [
    tableObject(input),
    ...columnObjects(input, sequences),
    ...indexObjects(input),
    ...checkObjects(input),
    ...[...input.text.foreignKeys].map(([name, key]) => foreignKeyObject(input, name, key, byName)),
  ])
  const unmodelled = inputs.flatMap(({ row, text }) =>
    text.unknown.map((detail) => ({ kind: 'table part', name: row.name, detail })),
  )
  return { objects, unmodelled }
}

function tableObject({ row, text }: TableInput): SchemaObject {
  const { ENGINE, 'DEFAULT CHARSET': charset, COLLATE, COMMENT, ...others } = text.options
  const collation = COLLATE ?? row.collation
  return {
    kind: 'table',
    name: [row.name],
    parent: null,
    properties: {
      ...(ENGINE === undefined ? {} : { engine: ENGINE }),
      ...(charset === undefined ? {} : { charset }),
      ...(collation === null ? {} : { collation }),
      ...(COMMENT === undefined ? {} : { comment: COMMENT }),
      ...(Object.keys(others).length === 0 ? {} : { options: others }),
      ...(text.versioned ? { versioned: true } : {}),
      ...(text.periods.length === 0 ? {} : { periods: text.periods }),
      ...(text.partitioning === undefined ? {} : { partitioning: text.partitioning as unknown as Json }),
    },
    dependsOn: [],
    facts: { rows: row.rows, bytes: row.bytes },
  }
}

function columnObjects(input: TableInput, sequences: ReadonlySet<string>): SchemaObject[] {
  const table = input.row.name
  return [...input.text.columns].map(([name, column], position): SchemaObject => ({
    kind: 'column',
    name: [table, name],
    parent: objectId('table', table),
    properties: columnProperties(input, column),
    dependsOn: sequencesIn(column.default, sequences),
    facts: { position, ...(isLeftBehind(column) ? { leftBehind: true } : {}) },
  }))
}

/** Of MySQL: nobody gave it its character set, it was the table's before the table got another one. */
function isLeftBehind({ charset, collation }: Column): boolean {
  return charset !== undefined && collation === undefined
}

/** With the character set that holds: the text leaves out what is the table's, and what is the usual collation. */
function columnProperties({ row, text, server }: TableInput, column: Column): Properties {
  const properties = column as unknown as Properties
  if (!IN_CHARSET.test(column.type)) return properties
  if (column.charset !== undefined) {
    const usual = server.defaultCollations.get(column.charset)
    if (column.collation === undefined)
      return usual === undefined ? properties : { ...properties, collation: usual }
    return server.version.includes('MariaDB') ? properties : { ...properties, explicit: true }
  }
  const charset = text.options['DEFAULT CHARSET']
  const collation = column.collation ?? text.options['COLLATE'] ?? row.collation
  return {
    ...properties,
    ...(charset === undefined ? {} : { charset }),
    ...(collation === null ? {} : { collation }),
  }
}

function sequencesIn(expression: string | undefined, sequences: ReadonlySet<string>): string[] {
  if (expression === undefined || sequences.size === 0) return []
  const names = tokensOf(expression)
    .filter((token) => token.kind === 'name')
    .map((token) => unquoted(token.text))
  return [...new Set(names.filter((name) => sequences.has(name)))]
    .map((name) => objectId('sequence', name))
    .toSorted()
}

function indexObjects({ row, text }: TableInput): SchemaObject[] {
  return [...text.indexes].map(([name, index], position): SchemaObject => ({
    kind: 'index',
    name: [row.name, name],
    parent: objectId('table', row.name),
    properties: index as unknown as Properties,
    dependsOn: indexColumns(index.columns)
      .filter((column) => text.columns.has(column))
      .map((column) => objectId('column', row.name, column))
      .toSorted(),
    facts: { position },
  }))
}

/** Names of the columns of an index, in order; an expression is the empty name. */
export function indexColumns(parts: readonly string[]): string[] {
  return parts.map((part) => {
    const [first] = tokensOf(part)
    return first?.kind === 'name' ? unquoted(first.text) : ''
  })
}

/** Their names are the table's own in MariaDB, the database's in MySQL. */
function checkObjects({ row, text, server }: TableInput): SchemaObject[] {
  const mariaDb = server.version.includes('MariaDB')
  const typeOf = (column: string): string | undefined => text.columns.get(column)?.type
  return [...text.checks].map(([name, definition], position): SchemaObject => ({
    kind: 'check',
    name: [row.name, name],
    parent: objectId('table', row.name),
    properties: { definition: mariaDb ? definition : settledCheck(definition, typeOf) },
    dependsOn: [],
    facts: { position, ...(mariaDb ? {} : { ofDatabase: true }) },
  }))
}

function foreignKeyObject(
  { row, text }: TableInput,
  name: string,
  key: ForeignKey,
  tables: ReadonlyMap<string, TableInput>,
): SchemaObject {
  const other = key.database === undefined ? tables.get(key.references) : undefined
  const dependsOn = [
    ...key.columns.map((column) => objectId('column', row.name, column)),
    ...supportingIndex(row.name, text, key.columns),
  ]
  if (other !== undefined && other.row.name !== row.name) dependsOn.push(objectId('table', other.row.name))
  if (other !== undefined) {
    const columns = key.referencedColumns.filter((column) => other.text.columns.has(column))
    dependsOn.push(...columns.map((column) => objectId('column', other.row.name, column)))
    dependsOn.push(...supportingIndex(other.row.name, other.text, key.referencedColumns))
  }
  return {
    kind: 'foreign_key',
    name: [row.name, name],
    parent: objectId('table', row.name),
    properties: key as unknown as Properties,
    dependsOn: [...new Set(dependsOn)].toSorted(),
  }
}

/** The index that a foreign key stands on: one that begins with its columns; the primary one, then by name. */
function supportingIndex(table: string, text: TableText, columns: readonly string[]): string[] {
  const found = [...text.indexes]
    .filter(([, index]) => ['primary', 'unique', 'plain'].includes(index.index))
    .filter(([, index]) => {
      const own = indexColumns(index.columns)
      return columns.every((column, at) => own[at]?.toLowerCase() === column.toLowerCase())
    })
    .map(([name]) => name)
    .toSorted()
  const best = found.includes('PRIMARY') ? 'PRIMARY' : found[0]
  return best === undefined ? [] : [objectId('index', table, best)]
}

/** Foreign keys: added after what they need, dropped before it goes, out of the way while it changes. */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Hazard } from '../../../plan/hazards.ts'
import type { KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { indexColumns } from '../inspect/tables.ts'
import { madeAnew, mayBeGenerated } from './generated-indexes.ts'
import { asTexts } from '../text/properties.ts'
import { sameJson } from '../../../snapshot/canonical.ts'
import { foreignKeyText } from '../text/key.ts'
import type { ForeignKey, Index } from '../text/show-create-table.ts'
import { partsOf, plainFor, tableOf, type Difference } from './sides.ts'

export const foreignKeyRule: KindRule = {
  create: (key, context) => {
    const [table, name] = key.name as [string, string]
    const added = `ADD ${foreignKeyText(name, key.properties)}`
    const sql = `ALTER TABLE ${mysqlIdent(table)} ${[...kept(key, context), added].join(', ')}`
    const plain = plainFor(context, table)
    // The server checks rows only while it copies the table; the way without a copy leaves them unchecked.
    return [
      {
        sql,
        lock: 'share',
        rewrites: !plain,
        long: true,
        hazards: plain && context.isNew(objectId('table', table)) ? [] : hazards(key, plain),
      },
    ]
  },
  drop: (key) => {
    const [table, name] = key.name as [string, string]
    return [{ sql: `ALTER TABLE ${mysqlIdent(table)} DROP FOREIGN KEY ${mysqlIdent(name)}`, lock: null }]
  },
  // Only indexes that it does not need any longer, since another one serves, may go without it.
  stepAside: (_from, to, dependencies, context) => {
    const indexes = dependencies.every((id) => id.startsWith('index:'))
    if (!indexes || !isServed(to, context)) return undefined
    return { release: [], restore: [] }
  },
}

/** What keeps the index of the new key from being replaced by one with another name. */
function kept(key: SchemaObject, context: RuleContext): string[] {
  const { columns } = key.properties as unknown as ForeignKey
  const table = tableOf(key)
  return partsOf(context, table, 'after', 'index')
    .filter((index) => sameJson(indexColumns(asTexts(index.properties['columns'])), columns))
    .filter((index) => mayBeGenerated(index, context))
    .flatMap((index) => madeAnew(index))
}

function hazards(key: SchemaObject, plain: boolean): Hazard[] {
  const [table, name] = key.name as [string, string]
  const fails: Hazard = { name: 'may-fail', detail: `rows of ${table} may refer to nothing by ${name}` }
  if (plain) return [fails]
  const { references } = key.properties as unknown as ForeignKey
  const both = references === table ? 'it' : `it and ${references}`
  const detail = `${table} is copied to check ${name}; ${both} can be read but not written meanwhile`
  return [fails, { name: 'table-rewrite', detail }]
}

/** Foreign keys that stay as they are, but stand in the way of a change of this table: made anew around it. */
export function disturbedKeys(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
): string[] {
  const changed = new Set(
    differences
      .filter((one) => one.kind === 'column' && one.verb === 'alter' && isHeldBack(one))
      .map((one) => one.name),
  )
  const engine = differences.some((one) => one.kind === 'table' && changesStorage(one))
  const indexes = differences.some((one) => one.kind === 'index')
  if (changed.size === 0 && !indexes && !engine) return []
  const keys = context.source.objects.filter((object) => {
    if (object.kind !== 'foreign_key' || context.after(idOf(object)) === undefined) return false
    const mine = columnsIn(table, object)
    if (mine.length === 0) return false
    return engine || mine.some((column) => changed.has(column)) || (indexes && !isServed(object, context))
  })
  return keys.map(idOf)
}

/**
 * Foreign keys that go away, and must be gone before the table changes: a check or a computed column may not read
 * what they write; and both ends before it takes another engine or partitions.
 */
export function keysToGoFirst(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
): string[] {
  const storage = differences.some((one) => one.kind === 'table' && changesStorage(one))
  return context.source.objects
    .filter((object) => object.kind === 'foreign_key' && context.after(idOf(object)) === undefined)
    .filter((key) => tableOf(key) === table || (storage && columnsIn(table, key).length > 0))
    .map(idOf)
}

/** The columns of a table that a foreign key holds, at either end. */
function columnsIn(table: string, key: SchemaObject): string[] {
  const { columns, references, referencedColumns, database } = key.properties as unknown as ForeignKey
  const own = tableOf(key) === table ? columns : []
  const others = references === table && database === undefined ? referencedColumns : []
  return [...own, ...others]
}

/** What the server refuses while a foreign key holds the column. */
function isHeldBack({ from, to }: Difference): boolean {
  const names = ['type', 'charset', 'collation', 'nullable', 'generated', 'stored', 'autoIncrement']
  return names.some((name) => from?.properties[name] !== to?.properties[name])
}

function changesStorage({ from, to }: Difference): boolean {
  return (
    from?.properties['engine'] !== to?.properties['engine'] ||
    JSON.stringify(from?.properties['partitioning']) !== JSON.stringify(to?.properties['partitioning'])
  )
}

/** Whether on both ends an index that the key can stand on exists all the time. */
function isServed(key: SchemaObject, context: RuleContext): boolean {
  const { columns, references, referencedColumns, database } = key.properties as unknown as ForeignKey
  const stands = (table: string, wanted: readonly string[]): boolean =>
    partsOf(context, table, 'after', 'index').some((index) => {
      const { index: kind, columns: parts } = index.properties as unknown as Index
      if (!['primary', 'unique', 'plain'].includes(kind)) return false
      const own = indexColumns(parts)
      return wanted.every((column, at) => own[at]?.toLowerCase() === column.toLowerCase())
    })
  return stands(tableOf(key), columns) && (database !== undefined || stands(references, referencedColumns))
}

/** CREATE TABLE, and carrying rows over from a table that could only be made anew. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { attributes, columnExtras, columnText, notNullText } from '../columns/column-text.ts'
import { attachmentsAfter, isPartition, parentOf, sameOn } from '../partitions/family.ts'
import { settledType, settledTypes } from '../types/held-types.ts'
import { ownName, quote } from '../names.ts'
import { notNullNotValid } from '../columns/not-null-constraint.ts'
import { withNameSaid } from '../columns/not-null-names.ts'
import { constraintNameOf, has, isInherited, isOfParent } from '../columns/not-null-text.ts'
import { mergeable, overridesOf, ownOverridesOf } from '../columns/overrides.ts'
import { rowsBack } from './table-copy.ts'
import { alterRelation, brief, foreignOptions, majorOf, optionList, optionsIn, textOf } from '../tools.ts'

export function createTable(table: SchemaObject, context: RuleContext): readonly Action[] {
  const id = idOf(table)
  const columns = context
    .partsAfter(id)
    .filter(({ kind }) => kind === 'column')
    .toSorted((a, b) => Number(a.facts?.['position'] ?? 0) - Number(b.facts?.['position'] ?? 0))
  const parents = attachmentsAfter(id, context)
    .filter((attachment) => !isPartition(attachment))
    .toSorted((a, b) => Number(a.facts?.['position'] ?? 0) - Number(b.facts?.['position'] ?? 0))
  const parentIds = parents.map(parentOf)
  const madeAnew = majorOf(context) >= 18 && context.before(id) !== undefined
  const named = columns.some(isInherited) ? newParents(id, context) : []
  const modelOf = (column: SchemaObject): SchemaObject | undefined =>
    parentIds.map((parent) => sameOn(parent, column, context.after)).find((one) => one !== undefined)
  const asCreated = (column: SchemaObject): SchemaObject => {
    const model = modelOf(column)
    const merged = model === undefined ? column : mergeable(column, model)
    return madeAnew
      ? withNameOfNotNull(merged)
      : withNameSaid(named.length > 0 ? withGivenName(merged) : merged, context)
  }
  return [
    {
      sql: tableText(table, columns.map(asCreated), parents),
      lock: null,
      creates: [id, ...columns.map(idOf), ...parents.map(idOf)],
      needs: [
        ...settledType(table, context),
        ...columns.flatMap((column) => settledTypes(column, context)),
        ...parentIds,
        ...named,
        ...parentIds.flatMap((parent) =>
          context
            .partsAfter(parent)
            .filter(({ kind }) => kind === 'column')
            .map(idOf),
        ),
      ],
    },
    ...columns.flatMap((column) => {
      const model = modelOf(column)
      if (model === undefined) return columnExtras(column)
      return column.properties['inherited'] === true
        ? overridesOf(withNameSaid(column, context), model)
        : ownOverridesOf(column, model)
    }),
    ...rowsBack(table, columns, context),
    ...columns.flatMap(notNullNotValid),
    ...tableExtras(table),
  ]
}

/** The server looks for a free name in the whole schema, and partitions that stay have those of the former table. */
function withNameOfNotNull(column: SchemaObject): SchemaObject {
  if (column.properties['notNull'] !== true) return column
  return { ...column, properties: { ...column.properties, notNullName: constraintNameOf(column) } }
}

/** Those of a partition, where none was there before: the server finds them a name before another table has that. */
function newParents(id: string, context: RuleContext): string[] {
  const isUnknown = (table: string): boolean => {
    const above = attachmentsAfter(table, context).map(parentOf)
    return above.every((parent) => context.before(parent) === undefined && isUnknown(parent))
  }
  const partitions = attachmentsAfter(id, context).filter(isPartition)
  return context.before(id) === undefined && isUnknown(id) ? partitions.map(parentOf) : []
}

/** That which a parent gave a partition's: it keeps it when it is let go. */
function withGivenName(column: SchemaObject): SchemaObject {
  const name = textOf(column.facts ?? {}, 'notNullConstraint')
  if (!isInherited(column) || name === undefined || name === constraintNameOf(column)) return column
  return { ...column, properties: { ...column.properties, notNullName: name } }
}

function tableText(
  table: SchemaObject,
  columns: readonly SchemaObject[],
  parents: readonly SchemaObject[],
): string {
  const { properties } = table
  const foreign = table.kind === 'foreign_table'
  const type = textOf(properties, 'ofType')
  const key = textOf(properties, 'partitionBy')
  const method = textOf(properties, 'accessMethod')
  const tablespace = textOf(properties, 'tablespace')
  const options = optionsIn(properties)
  const from = parents.map((parent) => quote(parent.properties['of'] as string[]))
  return [
    `CREATE ${foreign ? 'FOREIGN ' : properties['persistence'] === 'unlogged' ? 'UNLOGGED ' : ''}TABLE ${quote(table.name)}`,
    type === undefined ? columnList(columns) : typedList(type, columns),
    ...(from.length === 0 ? [] : [`INHERITS (${from.join(', ')})`]),
    ...(foreign
      ? [
          `SERVER ${ident(said(properties['server']))}${foreignOptions(optionsIn(properties, 'serverOptions'))}`,
        ]
      : []),
    ...(key === undefined ? [] : [`PARTITION BY ${key}`]),
    ...(method === undefined ? [] : [`USING ${ident(method)}`]),
    ...(Object.keys(options).length === 0 || foreign ? [] : [`WITH (${optionList(options)})`]),
    ...(tablespace === undefined ? [] : [`TABLESPACE ${ident(tablespace)}`]),
  ].join(' ')
}

function columnList(columns: readonly SchemaObject[]): string {
  const isOwn = ({ properties }: SchemaObject): boolean => properties['inherited'] !== true
  const lines = [
    ...columns.filter(isOwn).map(columnText),
    // By its name: the parents' would be given to it otherwise.
    ...columns
      .filter((column) => !isOwn(column) && isInherited(column) && has(column) && !isOfParent(column))
      .map((column) => `CONSTRAINT ${ident(constraintNameOf(column))} NOT NULL ${ownName(column)}`),
  ]
  return lines.length === 0 ? '()' : `(\n  ${lines.join(',\n  ')}\n)`
}

/** A typed table's columns are its type's: only what they have beyond that is said. */
function typedList(type: string, columns: readonly SchemaObject[]): string {
  const more = columns.flatMap((column) => {
    const text = [...attributes(column), notNullText(column.properties).trim()]
      .filter((part) => part !== '')
      .join(' ')
    return text === '' ? [] : [`${ownName(column)} WITH OPTIONS ${text}`]
  })
  return `OF ${type}${more.length === 0 ? '' : ` (${more.join(', ')})`}`
}

/** What CREATE TABLE cannot say. */
function tableExtras(table: SchemaObject): Action[] {
  const { properties } = table
  const alter = alterRelation(table)
  const identity = textOf(properties, 'replicaIdentity')
  return [
    ...(properties['rowSecurity'] === true ? [brief(`${alter} ENABLE ROW LEVEL SECURITY`)] : []),
    ...(properties['forceRowSecurity'] === true ? [brief(`${alter} FORCE ROW LEVEL SECURITY`)] : []),
    ...(identity === undefined ? [] : [brief(`${alter} REPLICA IDENTITY ${identity.toUpperCase()}`)]),
  ]
}

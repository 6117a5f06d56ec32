/** What a rebuild may do to the data. */
import type { RuleContext } from '../../../plan/action.ts'
import type { Hazard } from '../../../plan/hazards.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { writtenName, textOf } from './actions.ts'
import { formLost, isStrict, mayNotFit, type ColumnIn } from './affinity.ts'
import { tableChange, type PartChange } from './table-change.ts'

export function dataLoss(detail: string): Hazard {
  return { name: 'data-loss', detail }
}

export function tableRewrite(table: string): Hazard {
  return {
    name: 'table-rewrite',
    detail: `${table} is written anew while nobody else can write to the file.`,
  }
}

export function columnDropped(table: string, column: SchemaObject): Hazard[] {
  const generated = column.properties['generated'] !== null
  return generated ? [] : [dataLoss(`${table}.${writtenName(column)} and its values are removed.`)]
}

/** @param keepsRows false when the two states of the table have nothing in common to copy */
export function rebuildHazards(context: RuleContext, id: string, keepsRows: boolean): Hazard[] {
  const [before, after] = [context.before(id) as SchemaObject, context.after(id) as SchemaObject]
  const table = writtenName(after)
  const { parts } = tableChange(context, id)
  const kept = context.partsAfter(id).flatMap((column): [ColumnIn, ColumnIn][] => {
    const source = column.kind === 'column' ? context.before(idOf(column)) : undefined
    return source === undefined
      ? []
      : [
          [
            { column: source, table: before },
            { column, table: after },
          ],
        ]
  })
  return [
    tableRewrite(table),
    ...(keepsRows ? [] : [dataLoss(`${table} keeps no column, so its rows are removed.`)]),
    ...parts.flatMap(({ from, to }) =>
      from?.kind === 'column' && to === undefined ? columnDropped(table, from) : [],
    ),
    ...kept.flatMap(([from, to]) => lossOf(table, from, to)),
    ...parts.flatMap((part) => mayFail(table, part)),
    ...kept.flatMap(([from, to]) =>
      isStrict(from) && mayNotFit(from, to)
        ? [failsWhere(`a value of ${table}.${writtenName(to.column)} is no ${typeName(to)}`)]
        : [],
    ),
  ]
}

function lossOf(table: string, from: ColumnIn, to: ColumnIn): Hazard[] {
  const name = `${table}.${writtenName(to.column)}`
  if (to.column.properties['generated'] !== null) {
    return from.column.properties['generated'] === null
      ? [dataLoss(`${name} becomes a generated column: its values are replaced.`)]
      : []
  }
  const loss = formLost(from, to)
  return loss === undefined
    ? []
    : [dataLoss(`${name} goes from ${typeName(from)} to ${typeName(to)}: ${loss}.`)]
}

function typeName(place: ColumnIn): string {
  const type = textOf(place.column, 'type') || 'no type'
  return isStrict(place) && type === 'any' ? 'any (STRICT)' : type
}

function failsWhere(what: string): Hazard {
  return { name: 'may-fail', detail: `It fails where ${what}.` }
}

function mayFail(table: string, { from, to }: PartChange): Hazard[] {
  if (to === undefined) return []
  const name = `${table}.${writtenName(to)}`
  switch (to.kind) {
    case 'table':
      return to.properties['strict'] === true && from?.properties['strict'] === false
        ? [failsWhere(`a value of ${table} does not fit its column's type`)]
        : []
    case 'column':
      return to.properties['notNull'] !== null && (from?.properties['notNull'] ?? null) === null
        ? [failsWhere(from === undefined ? `${table} has rows: ${name} has no default` : `${name} is null`)]
        : []
    case 'primary_key':
      return [failsWhere(`rows of ${table} are equal in their primary key, or it is null`)]
    case 'unique':
      return [failsWhere(`rows of ${table} are equal in their ${to.name.at(-1)}`)]
    case 'check':
      return [failsWhere(`a row of ${table} does not satisfy ${textOf(to, 'expression')}`)]
    default:
      return []
  }
}

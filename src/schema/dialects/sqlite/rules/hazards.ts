/** What a rebuild may do to the data. */
import type { RuleContext } from '../../../plan/action.ts'
import type { Hazard } from '../../../plan/hazards.ts'
import type { SchemaObject } from '../../../snapshot/snapshot.ts'
import { writtenName, textOf } from './actions.ts'
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
  const table = writtenName(context.after(id) as SchemaObject)
  const { parts } = tableChange(context, id)
  return [
    tableRewrite(table),
    ...(keepsRows ? [] : [dataLoss(`${table} keeps no column, so its rows are removed.`)]),
    ...parts.flatMap((part) => lossOf(table, part)),
    ...parts.flatMap((part) => mayFail(table, part)),
  ]
}

function lossOf(table: string, { from, to }: PartChange): Hazard[] {
  if (from?.kind !== 'column') return []
  if (to === undefined) return columnDropped(table, from)
  const name = `${table}.${writtenName(to)}`
  if (from.properties['generated'] === null && to.properties['generated'] !== null) {
    return [dataLoss(`${name} becomes a generated column: its values are replaced.`)]
  }
  const loss = formLost(affinity(from), affinity(to))
  if (loss === undefined) return []
  return [dataLoss(`${name} goes from ${typeName(from)} to ${typeName(to)}: ${loss}.`)]
}

function typeName(column: SchemaObject): string {
  return textOf(column, 'type') || 'no type'
}

type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric'

/** https://sqlite.org/datatype3.html#determination_of_column_affinity */
function affinity(column: SchemaObject): Affinity {
  const type = textOf(column, 'type')
  if (type.includes('int')) return 'integer'
  if (/char|clob|text/.test(type)) return 'text'
  if (type === '' || type.includes('blob') || type === 'any') return 'blob'
  if (/real|floa|doub/.test(type)) return 'real'
  return 'numeric'
}

/** What becomes of values that are stored in another form than they were; undefined where none is. */
function formLost(before: Affinity, after: Affinity): string | undefined {
  if (before === 'blob' && after === 'text') return 'a number becomes a text'
  if (after === 'real' && before !== 'real')
    return `a value like 9007199254740993 or '1.50' loses its last digits or its form`
  if ((before === 'text' || before === 'blob') && (after === 'integer' || after === 'numeric')) {
    return `a value like '007' or '1.50' becomes a number and loses its form`
  }
  return undefined
}

function mayFail(table: string, { from, to }: PartChange): Hazard[] {
  if (to === undefined) return []
  const says = (what: string): Hazard[] => [{ name: 'may-fail', detail: `It fails where ${what}.` }]
  const name = `${table}.${writtenName(to)}`
  switch (to.kind) {
    case 'table':
      return to.properties['strict'] === true && from?.properties['strict'] === false
        ? says(`a value of ${table} does not fit its column's type`)
        : []
    case 'column':
      return to.properties['notNull'] !== null && (from?.properties['notNull'] ?? null) === null
        ? says(from === undefined ? `${table} has rows: ${name} has no default` : `${name} is null`)
        : []
    case 'primary_key':
    case 'unique':
      return says(
        `rows of ${table} are equal in their ${to.kind === 'unique' ? to.name.at(-1) : 'primary key'}`,
      )
    case 'check':
      return says(`a row of ${table} does not satisfy ${textOf(to, 'expression')}`)
    default:
      return []
  }
}

/** System versioning: what the server changes about it only in several statements, or only by beginning anew. */
import { sameJson } from '../../../snapshot/canonical.ts'
import { idOf, objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import type { RuleContext } from '../../../plan/action.ts'
import { indexColumns } from '../inspect/tables.ts'
import { asText, asTexts } from '../text/properties.ts'
import type { Partitioning } from '../text/show-create-table.ts'

/** A table with its parts, as it is between two statements. */
interface State {
  readonly table: SchemaObject
  readonly parts: readonly SchemaObject[]
}

/**
 * The statements of one table lead through these, each from what the one before it leaves behind: mostly one, the
 * whole way.
 */
export function stagesOf(table: string, context: RuleContext): RuleContext[] {
  const id = objectId('table', table)
  const [source, target] = [context.before(id), context.after(id)]
  if (source === undefined || target === undefined) return [context]
  const from: State = { table: source, parts: context.partsBefore(id) }
  const to: State = { table: target, parts: context.partsAfter(id) }
  if (!isVersioned(from) && !isVersioned(to)) return [context]
  const begin = beginOf(from, to)
  const end = endOf(begin.at(-1) as State, to)
  const states = [...begin, ...end]
  return states.slice(1).map((state, at) => {
    const before = states[at] as State
    // What is made anew is made anew on the main way, from the last preparation on.
    const main = at === begin.length - 1
    return between(context, before, state, main)
  })
}

/** Whether rows of the past are lost on the way. */
export function losesHistory(table: string, context: RuleContext): boolean {
  return stagesOf(table, context).some((stage) => {
    const id = objectId('table', table)
    const [before, after] = [stage.before(id), stage.after(id)]
    return before?.properties['versioned'] === true && after?.properties['versioned'] !== true
  })
}

/** From the source on: its history is ended where the server cannot keep it. */
function beginOf(from: State, to: State): State[] {
  const states = [from]
  if (!isVersioned(from)) return states
  const ends = !isVersioned(to) || beginsAnew(from, to)
  if (isByTime(from) && (ends || !sameJson(rowColumns(from), rowColumns(to)))) {
    states.push(unpartitioned(from))
  }
  const changesEngine = from.table.properties['engine'] !== to.table.properties['engine']
  if (ends && (isVersioned(to) || changesEngine)) states.push(unversioned(states.at(-1) as State))
  return states
}

/** To the target: what needs a table that is versioned already comes last. */
function endOf(from: State, to: State): State[] {
  if (!isVersioned(to)) return [to]
  let main = to
  if (isByTime(to) && !sameJson(rowColumns(from), rowColumns(to))) main = unpartitioned(main)
  if (!isVersioned(from)) main = allVersioned(main)
  return main === to ? [to] : [main, to]
}

/** The columns of its period stay as they are or, being times, become hidden ones; nor does an engine take it over. */
function beginsAnew(from: State, to: State): boolean {
  if (from.table.properties['engine'] !== to.table.properties['engine']) return true
  const [before, after] = [rowColumns(from), rowColumns(to)]
  if (sameJson(before, after)) return false
  const times = before.every((column) => asText(column['type']).startsWith('timestamp'))
  return after.length > 0 || !times
}

function isVersioned({ table }: State): boolean {
  return table.properties['versioned'] === true
}

function isByTime({ table }: State): boolean {
  const partitioning = table.properties['partitioning'] as Partitioning | undefined
  return partitioning !== undefined && /^SYSTEM_TIME\b/i.test(partitioning.by)
}

function isRowColumn({ kind, properties }: SchemaObject): boolean {
  return kind === 'column' && /^ROW /i.test(asText(properties['generated']))
}

function rowColumns({ parts }: State): { readonly name: string; readonly [property: string]: string }[] {
  return parts
    .filter(isRowColumn)
    .map(({ name, properties }) => ({
      name: name[1] as string,
      type: asText(properties['type']),
      generated: asText(properties['generated']),
      hidden: properties['invisible'] === true ? 'yes' : 'no',
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function without(object: SchemaObject, ...names: readonly string[]): SchemaObject {
  const kept = Object.entries(object.properties).filter(([name]) => !names.includes(name))
  return { ...object, properties: Object.fromEntries(kept) }
}

function unpartitioned(state: State): State {
  return { ...state, table: without(state.table, 'partitioning') }
}

/** Keys that hold the end of the period lose it, as the server sees to. */
function unversioned({ table, parts }: State): State {
  const gone = new Set(parts.filter(isRowColumn).map(({ name }) => name[1]))
  const kept = parts.filter((part) => !isRowColumn(part)).map((part) => withoutColumns(part, gone))
  const periods = asTexts(table.properties['periods']).filter((period) => !/^SYSTEM_TIME\b/i.test(period))
  const plain = without(table, 'versioned', 'periods')
  const properties = { ...plain.properties, ...(periods.length === 0 ? {} : { periods }) }
  return { table: { ...plain, properties }, parts: kept }
}

function withoutColumns(part: SchemaObject, gone: ReadonlySet<string | undefined>): SchemaObject {
  if (part.kind !== 'index') return part
  const columns = asTexts(part.properties['columns'])
  const names = indexColumns(columns)
  const left = columns.filter((_, at) => !gone.has(names[at]))
  return { ...part, properties: { ...part.properties, columns: left } }
}

const UNVERSIONED = 'WITHOUT SYSTEM VERSIONING'

function allVersioned(state: State): State {
  const isLeftOut = ({ properties }: SchemaObject): boolean => properties['options'] === UNVERSIONED
  if (!state.parts.some(isLeftOut)) return state
  return { ...state, parts: state.parts.map((part) => (isLeftOut(part) ? without(part, 'options') : part)) }
}

function between(context: RuleContext, from: State, to: State, main: boolean): RuleContext {
  const id = idOf(from.table)
  const [before, after] = [from, to].map(
    ({ table, parts }) => new Map([table, ...parts].map((object) => [idOf(object), object])),
  ) as [Map<string, SchemaObject>, Map<string, SchemaObject>]
  const own = (object: SchemaObject | undefined): boolean =>
    object !== undefined && (idOf(object) === id || object.parent === id)
  const [oldBefore, oldAfter] = [context.before, context.after]
  return {
    ...context,
    before: (one) => before.get(one) ?? (own(oldBefore(one)) ? undefined : oldBefore(one)),
    after: (one) => after.get(one) ?? (own(oldAfter(one)) ? undefined : oldAfter(one)),
    partsBefore: (one) => (one === id ? from.parts : context.partsBefore(one)),
    partsAfter: (one) => (one === id ? to.parts : context.partsAfter(one)),
    isNew: (one) => (main || one === id ? context.isNew(one) : false),
    isDropped: (one) => (main || one === id ? context.isDropped(one) : false),
  }
}

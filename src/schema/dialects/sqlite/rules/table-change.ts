/** How one table gets from its state in the source to that in the target: by ALTER TABLE, or by a rebuild. */
import type { RuleContext } from '../../../plan/action.ts'
import { sameJson, type Json } from '../../../snapshot/canonical.ts'
import { byCodePoint, idOf, objectId, type SchemaObject, type Snapshot } from '../../../snapshot/snapshot.ts'
import { isSound } from '../in-memory.ts'
import { fold, tokensOf } from '../text/tokens.ts'
import { fact } from './actions.ts'

/** Kinds that stand in the CREATE TABLE statement. */
export const STRUCTURE: ReadonlySet<string> = new Set([
  'table',
  'column',
  'primary_key',
  'unique',
  'check',
  'foreign_key',
])

export interface PartChange {
  readonly id: string
  readonly from: SchemaObject | undefined
  readonly to: SchemaObject | undefined
}

export interface TableChange {
  /** `none`: nothing in the CREATE TABLE statement differs. */
  readonly way: 'none' | 'alter' | 'rebuild'
  readonly parts: readonly PartChange[]
  /** The change whose rule speaks for all of them in a rebuild. */
  readonly leader: string | null
}

const NONE: TableChange = { way: 'none', parts: [], leader: null }

/** Answers are asked for once per part of a table: remembered for as long as the plan is made. */
const remembered = new WeakMap<RuleContext, Map<string, TableChange>>()

/** @param id of a table; anything else, or a table that is new or goes away, has no change of its own */
export function tableChange(context: RuleContext, id: string): TableChange {
  const known = remembered.get(context) ?? new Map<string, TableChange>()
  remembered.set(context, known)
  const found = known.get(id) ?? changeOf(context, id)
  known.set(id, found)
  return found
}

function changeOf(context: RuleContext, id: string): TableChange {
  const [from, to] = [context.before(id), context.after(id)]
  if (from?.kind !== 'table' || to === undefined) return NONE
  const parts = changedParts(context, id, from, to)
  if (parts.length === 0) return NONE
  const way = parts.every((part) => isAlterable(context, id, parts, part)) ? 'alter' : 'rebuild'
  return { way, parts, leader: leaderOf(parts) }
}

function changedParts(context: RuleContext, id: string, from: SchemaObject, to: SchemaObject): PartChange[] {
  const before = structureOf(from, context.partsBefore(id))
  const after = structureOf(to, context.partsAfter(id))
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((part) => ({ id: part, from: before.get(part), to: after.get(part) }))
    .filter((part) => !isSame(part))
}

function structureOf(table: SchemaObject, parts: readonly SchemaObject[]): Map<string, SchemaObject> {
  const structure = [table, ...parts].filter(({ kind }) => STRUCTURE.has(kind))
  return new Map(structure.map((object) => [idOf(object), object]))
}

function isSame({ from, to }: PartChange): boolean {
  return from !== undefined && to !== undefined && sameJson(from.properties, to.properties)
}

/** An altered part rather than a new one, a new one rather than a dropped one: what only removes goes last. */
function leaderOf(parts: readonly PartChange[]): string {
  const rank = ({ from, to }: PartChange): number => (to === undefined ? 2 : from === undefined ? 1 : 0)
  const [first] = parts.toSorted((a, b) => rank(a) - rank(b) || byCodePoint(a.id, b.id))
  return (first as PartChange).id
}

function isAlterable(
  context: RuleContext,
  table: string,
  parts: readonly PartChange[],
  part: PartChange,
): boolean {
  const { from, to } = part
  if ((from ?? to)?.kind !== 'column') return comesOrGoesWithColumn(parts, part)
  if (from === undefined) return isAddable(to as SchemaObject, parts)
  if (to !== undefined) return onlyWrittenDiffers(from, to) && followsColumns(context)
  return isDroppable(context, table, from) && followsColumns(context)
}

/**
 * Dropping or renaming a column makes SQLite read all views and triggers: each must find what it names at that
 * moment. Those that are the same before and after do, whatever has been done to the tables by then.
 */
function followsColumns({ source, target }: RuleContext): boolean {
  const readers = (snapshot: Snapshot): Json =>
    snapshot.objects
      .filter(({ kind }) => kind === 'view' || kind === 'trigger')
      .map((object): Json => [idOf(object), object.properties])
  return sameJson(readers(source), readers(target)) && isSound(source) && isSound(target)
}

/** A check or foreign key that is written at a column which is added or dropped; SQLite drops no foreign key. */
function comesOrGoesWithColumn(parts: readonly PartChange[], { from, to }: PartChange): boolean {
  const object = (from ?? to) as SchemaObject
  const column = object.facts?.['column']
  if ((from !== undefined && to !== undefined) || typeof column !== 'string') return false
  const carrier = parts.find(({ id }) => id === objectId('column', object.name[0] as string, column))
  if (carrier === undefined) return false
  const added = carrier.from === undefined && from === undefined
  const dropped = carrier.to === undefined && to === undefined
  return object.kind === 'check' ? added || dropped : object.kind === 'foreign_key' && added
}

/** https://sqlite.org/lang_altertable.html#altertabaddcol */
function isAddable(column: SchemaObject, parts: readonly PartChange[]): boolean {
  const { notNull, generated, default: value } = column.properties
  if (column.facts?.['key'] === true) return false
  if (generated !== null) return !(generated as { stored: boolean }).stored && notNull === null
  if (column.facts?.['constantDefault'] !== true) return false
  const hasDefault = value !== null && value !== 'null'
  if (notNull !== null && !hasDefault) return false
  const refers = parts.some(
    ({ to }) => to?.kind === 'foreign_key' && to.facts?.['column'] === column.name.at(-1),
  )
  return !(refers && hasDefault)
}

/** https://sqlite.org/lang_altertable.html#altertabdropcol */
function isDroppable(context: RuleContext, table: string, column: SchemaObject): boolean {
  const name = column.name.at(-1) as string
  const id = idOf(column)
  for (const part of context.partsBefore(table)) {
    if (part.kind === 'index') {
      const target = context.after(idOf(part))
      if (target !== undefined && part.dependsOn.includes(id) && sameJson(part.properties, target.properties))
        return false
    } else if (STRUCTURE.has(part.kind) && idOf(part) !== id && mentions(part, name)) return false
  }
  return true
}

function mentions(part: SchemaObject, column: string): boolean {
  const { columns, terms, expression, generated } = part.properties
  if (part.kind === 'check' && part.facts?.['column'] === column) return false
  if (Array.isArray(columns) && columns.includes(column)) return true
  if (Array.isArray(terms) && terms.some((term) => (term as { column: string }).column === column))
    return true
  const text = part.kind === 'column' ? (generated as { expression: string } | null)?.expression : expression
  return typeof text === 'string' && tokensOf(text).some((token) => fold(token.text) === column)
}

function onlyWrittenDiffers(from: SchemaObject, to: SchemaObject): boolean {
  const bare = ({ properties: { written: _written, ...rest } }: SchemaObject): typeof rest => rest
  return sameJson(bare(from), bare(to)) && fact(from, 'name') !== fact(to, 'name')
}

/** What a table is made of on each side of a plan, and which of it changes. */
import { sameJson } from '../../../snapshot/canonical.ts'
import { idOf, objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import type { RuleContext } from '../../../plan/action.ts'

export type Verb = 'create' | 'drop' | 'alter'

/** One part of a table, or the table itself, that differs. */
export interface Difference {
  readonly id: string
  readonly kind: string
  /** The part's own name; the table's for itself. */
  readonly name: string
  readonly verb: Verb
  readonly from?: SchemaObject
  readonly to?: SchemaObject
}

/** Parts that ALTER TABLE changes together; foreign keys and triggers have statements of their own. */
const TOGETHER = ['table', 'column', 'index', 'check']

export function tableOf(object: SchemaObject): string {
  return object.name[0] as string
}

export function partsOf(
  context: RuleContext,
  table: string,
  side: 'before' | 'after',
  kind: string,
): SchemaObject[] {
  const id = objectId('table', table)
  const parts = side === 'before' ? context.partsBefore(id) : context.partsAfter(id)
  return parts.filter((part) => part.kind === kind).toSorted((a, b) => positionOf(a) - positionOf(b))
}

function positionOf(object: SchemaObject): number {
  const position = object.facts?.['position']
  return typeof position === 'number' ? position : 0
}

/** Empty when the table is made or dropped as a whole. */
export function differencesOf(context: RuleContext, table: string): Difference[] {
  const id = objectId('table', table)
  const [from, to] = [context.before(id), context.after(id)]
  if (from === undefined || to === undefined || context.isNew(id)) return []
  const differences = [...differenceOf(context, from, to)]
  const after = context.partsAfter(id)
  const kept = new Set(after.map(idOf))
  for (const part of context.partsBefore(id)) {
    if (!kept.has(idOf(part))) differences.push(...differenceOf(context, part, undefined))
  }
  for (const part of after) differences.push(...differenceOf(context, context.before(idOf(part)), part))
  return differences
}

function differenceOf(
  context: RuleContext,
  from: SchemaObject | undefined,
  to: SchemaObject | undefined,
): Difference[] {
  const object = (to ?? from) as SchemaObject
  if (!TOGETHER.includes(object.kind)) return []
  const id = idOf(object)
  const base = { id, kind: object.kind, name: object.name.at(-1) as string }
  if (from === undefined) return to === undefined ? [] : [{ ...base, verb: 'create', to }]
  if (to === undefined) return [{ ...base, verb: 'drop', from }]
  if (context.isDropped(id) && context.isNew(id)) {
    return [
      { ...base, verb: 'drop', from },
      { ...base, verb: 'create', to },
    ]
  }
  return sameJson(from.properties, to.properties) ? [] : [{ ...base, verb: 'alter', from, to }]
}

/**
 * The difference whose rule answers for the whole table: an altered part if there is one, since the planner orders
 * alterations most carefully, else a created, else a dropped one.
 */
export function leaderOf(differences: readonly Difference[]): Difference | undefined {
  for (const verb of ['alter', 'create', 'drop'] as const) {
    const found = differences.filter((one) => one.verb === verb)
    if (found.length > 0) return found.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0]
  }
  return undefined
}

/** InnoDB notes the size of a table later than its rows: so many bytes a row takes at least. */
const ROW_BYTES = 20

/** Whether what is done to a table may be done the short way: it is new, known to be small, or that was asked for. */
export function plainFor(context: RuleContext, table: string): boolean {
  const id = objectId('table', table)
  const { style, smallTableBytes } = context.options
  if (style === 'plain' || context.isNew(id)) return true
  const { bytes, rows } = context.before(id)?.facts ?? {}
  if (style !== 'auto' || typeof bytes !== 'number' || typeof rows !== 'number') return false
  return Math.max(bytes, rows * ROW_BYTES) <= smallTableBytes
}

export function isMariaDb(context: RuleContext): boolean {
  return context.target.serverVersion.includes('MariaDB')
}

/** Whether the column has the character set of its table because nobody gave it one of its own, which MySQL remembers. */
export function inheritsCharset(column: SchemaObject, context: RuleContext): boolean {
  return !isMariaDb(context) && inheritsFrom(context.after(objectId('table', tableOf(column))), column)
}

/** The same on MySQL, of a column and its table as they are. */
export function inheritsFrom(table: SchemaObject | undefined, column: SchemaObject): boolean {
  const { collation, explicit } = column.properties
  return explicit !== true && collation === table?.properties['collation']
}

/** Whether the server is MySQL, and older than a release of 8.0, told by its last number. */
export function isMysqlBefore(context: RuleContext, patch: number): boolean {
  const found = /^8\.0\.(\d+)/.exec(context.target.serverVersion)
  return !isMariaDb(context) && found !== null && Number(found[1]) < patch
}

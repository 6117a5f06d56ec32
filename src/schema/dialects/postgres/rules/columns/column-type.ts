/** ALTER COLUMN … TYPE, and who has to step aside for it. */
import { said } from '../../said.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, AlterAnswer, RuleContext } from '../../../../plan/action.ts'
import { hasWord } from '../../inspect/text.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { generatedOf, tableIdOf, typeText } from './column-text.ts'
import { coveredByParent, sameOn, stableChildren, stableDescendants } from '../partitions/family.ts'
import { ownName } from '../names.ts'
import { brief, briefPart, hazard, isQuiet, tableOf, textOf, unlessNew } from '../tools.ts'
import { conversion, domainNamed, isTypeId, keepsValues, sortsAlike, underlying } from '../types/types.ts'
import { isWidened } from '../types/type-loss.ts'
import { lossOfValues } from '../types/value-loss.ts'

/** Kinds whose text the server holds on to: it refuses to change a type under them. */
const HOLD_ON = new Set([
  'view',
  'materialized_view',
  'rule',
  'policy',
  'trigger',
  'function',
  'procedure',
  'publication',
  'publication_table',
])

export function typeAnswer(change: Altered, context: RuleContext): AlterAnswer {
  const { from, to } = change
  const tableId = tableIdOf(to)
  if (isInPartitionKey(from, context)) return { actions: [], rebuild: [tableId] }
  if (coveredByParent(change, 'type', context)) return { actions: [], rebuild: holders(from, context) }
  return {
    actions: typeActions(change, context),
    rebuild: [...holders(from, context), ...checkedAgain(from, to, context).map(idOf)],
  }
}

/** Whether nothing is written anew. */
function staysStored(from: SchemaObject, to: SchemaObject, context: RuleContext): boolean {
  const [before, after] = [said(from.properties['type']), said(to.properties['type'])]
  const [oldBase, newBase] = basesOf(from, to, context)
  return keepsValues(oldBase, newBase) && (before === after || !isRestricted(after, context))
}

function basesOf(from: SchemaObject, to: SchemaObject, context: RuleContext): [string, string] {
  return [
    underlying(said(from.properties['type']), context.source.objects),
    underlying(said(to.properties['type']), context.target.objects),
  ]
}

/** Whether it is a domain that does not take every value of its type: each is looked at then. */
export function isRestricted(type: string, context: RuleContext): boolean {
  const domain = domainNamed(type, context.target.objects)
  if (domain === undefined) return false
  const base = said(domain.properties['type'])
  return (
    domain.properties['notNull'] === true ||
    context.partsAfter(idOf(domain)).some(({ kind }) => kind === 'domain_constraint') ||
    (base !== type && isRestricted(base, context))
  )
}

/**
 * What the server would prove or build anew while it has the table locked although no row is written: checks, indexes
 * of expressions, with conditions, or in another order. Made anew, they are proved and built beside the running work.
 * Keys and what is unique stay: they must not be missing.
 */
function checkedAgain(from: SchemaObject, to: SchemaObject, context: RuleContext): SchemaObject[] {
  if (isQuiet(tableIdOf(to), context) || !staysStored(from, to, context)) return []
  const checks = context
    .dependentsBefore(idOf(from))
    .filter(({ kind, properties }) => kind === 'constraint' && properties['type'] === 'check')
  const indexes = reordered(from, to, context).filter(
    ({ kind, properties }) =>
      kind === 'index' && properties['unique'] !== true && properties['attachedTo'] === undefined,
  )
  return [...checks, ...indexes]
}

/** Indexes that cannot stay as they are stored. */
function reordered(from: SchemaObject, to: SchemaObject, context: RuleContext): SchemaObject[] {
  const [oldBase, newBase] = basesOf(from, to, context)
  const order = from.properties['collation'] !== to.properties['collation'] || !sortsAlike(oldBase, newBase)
  return context.dependentsBefore(idOf(from)).filter(({ kind, properties }) => {
    if (kind === 'constraint') return order && ORDERED.has(said(properties['type']))
    return kind === 'index' && (order || isComputed(said(properties['using'])))
  })
}

const ORDERED = new Set(['primary key', 'unique', 'exclusion'])

/** Of expressions, or with a condition. */
function isComputed(using: string): boolean {
  const list = using.slice(using.indexOf('(') + 1)
  return list.includes('(') || list.includes(') WHERE ')
}

/** Its type stays what it is for as long as the table is. */
export function isInPartitionKey(column: SchemaObject, context: RuleContext): boolean {
  const key = textOf(context.before(tableIdOf(column))?.properties ?? {}, 'partitionBy')
  return key !== undefined && hasWord(key, column.name.at(-1) ?? '')
}

/** Whether the values of a column are of what the id names, and wait as text while that is made anew. */
export function isOfValues({ properties }: SchemaObject, id: string): boolean {
  const kind = id.slice(0, id.indexOf(':'))
  // A type of an extension's: the server's own are written without a schema.
  return kind === 'extension' ? said(properties['type']).includes('.') : isTypeId(id)
}

/** What values of a type wait as while the type is made anew. */
export function textFor(type: string): string {
  return type.endsWith('[]') ? 'text[]' : 'text'
}

/** What makes a value of the type `to` of one that waits as text and was of the type `from`. */
export function fromText(column: string, from: string, to: string): string {
  const text = textFor(from)
  const other = text === textFor(to) ? undefined : conversion(column, text, to)
  return other ?? `${column}::${text}::${to}`
}

/** Ids of what must be dropped and made again around a change of the column's type. */
export function holders(column: SchemaObject, context: RuleContext): string[] {
  return context
    .dependentsBefore(idOf(column))
    .filter((object) => {
      if (HOLD_ON.has(object.kind) || losesTarget(object)) return true
      if (object.kind === 'column') return generatedOf(object.properties) !== undefined
      return object.kind === 'constraint' && object.properties['type'] === 'foreign key'
    })
    .map(idOf)
}

/** The server makes it anew with the type, but not how much is to be known of it. */
function losesTarget({ kind, properties }: SchemaObject): boolean {
  return properties[kind === 'statistics' ? 'target' : 'statistics'] !== undefined && TARGETED.has(kind)
}

const TARGETED = new Set(['statistics', 'index'])

function typeActions({ from, to }: Altered, context: RuleContext): Action[] {
  const tableId = tableIdOf(to)
  const children = stableDescendants(tableId, context).flatMap((child) => {
    const [before, after] = [sameOn(child, to, context.before), sameOn(child, to, context.after)]
    return before === undefined || after === undefined ? [] : [{ from: before, to: after }]
  })
  const newType = said(to.properties['type'])
  const [oldBase, newBase] = basesOf(from, to, context)
  const generated = generatedOf(to.properties) !== undefined
  const using = generated || oldBase === newBase ? undefined : conversion(ownName(to), oldBase, newType)
  const type = `ALTER COLUMN ${ownName(to)} TYPE ${typeText(to.properties)}${using === undefined ? '' : ` USING ${using}`}`
  const more = costs(from, to, oldBase, newBase, context)
  const alters = [idOf(to), ...children.map((child) => idOf(child.to))]
  if (children.length === 0 && stableChildren(tableId, context).length === 0) {
    const parts = [...dropDefault(from), type, ...setDefault(to)]
    return [briefPart(`ALTER TABLE ${tableOf(to)}`, parts.join(', '), more)]
  }
  const all = [{ from, to }, ...children]
  const only = (column: SchemaObject, what: string): Action =>
    brief(`ALTER TABLE ONLY ${tableOf(column)} ${what}`, { alters })
  return [
    ...all.flatMap((one) => dropDefault(one.from).map((what) => only(one.to, what))),
    briefPart(`ALTER TABLE ${tableOf(to)}`, type, { ...more, alters }),
    ...all.flatMap((one) => setDefault(one.to).map((what) => only(one.to, what))),
  ]
}

function dropDefault(column: SchemaObject): string[] {
  return column.properties['default'] === undefined ? [] : [`ALTER COLUMN ${ownName(column)} DROP DEFAULT`]
}

function setDefault(column: SchemaObject): string[] {
  const value = column.properties['default']
  return value === undefined ? [] : [`ALTER COLUMN ${ownName(column)} SET DEFAULT ${said(value)}`]
}

function costs(
  from: SchemaObject,
  to: SchemaObject,
  oldType: string,
  newType: string,
  context: RuleContext,
): Partial<Action> {
  const tableId = tableIdOf(to)
  const name = to.name.join('.')
  const builtAnew = isQuiet(tableId, context)
    ? []
    : reordered(from, to, context)
        .filter((part) => !context.isDropped(idOf(part)))
        .map((part) => part.name.at(-1) ?? '')
  const kept = staysStored(from, to, context)
  const rewrites = !kept && !isQuiet(tableId, context)
  const [before, after] = [said(from.properties['type']), said(to.properties['type'])]
  const loss = lossOfValues(before, after, conversion(name, oldType, after) !== undefined, context)
  return {
    rewrites,
    hazards: [
      ...(loss === undefined ? [] : unlessNew(tableId, context, 'data-loss', `${name}: ${loss}`)),
      ...(rewrites
        ? [hazard('table-rewrite', `${tableOf(to)} is written anew to change the type of ${name}.`)]
        : []),
      ...(kept && builtAnew.length > 0
        ? [hazard('long-lock', `${tableOf(to)} is locked while ${builtAnew.join(', ')} is built anew.`)]
        : []),
      ...(kept || isWidened(oldType, after)
        ? []
        : unlessNew(tableId, context, 'may-fail', `It fails when a value of ${name} is no ${newType}.`)),
    ],
  }
}

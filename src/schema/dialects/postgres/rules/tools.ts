/** What the rules of several kinds share. */
import { ident, literal } from '../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import type { Hazard, HazardName } from '../../../plan/hazards.ts'
import { type Properties, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { quote } from './names.ts'

/** Nobody waits for it: it is new, known to be empty or small, or short statements were asked for. */
export function isQuiet(tableId: string, context: RuleContext): boolean {
  return context.isNew(tableId) || isSmall(tableId, context)
}

/** The same of what is there before the plan, whatever becomes of it. */
export function isSmall(tableId: string, context: RuleContext): boolean {
  const { style, smallTableBytes } = context.options
  if (style === 'plain') return true
  if (style !== 'auto') return false
  const facts = context.before(tableId)?.facts
  const bytes = facts?.['bytes']
  return facts?.['empty'] === true || (typeof bytes === 'number' && bytes < smallTableBytes)
}

export function hazard(name: HazardName, detail: string): Hazard {
  return { name, detail }
}

/**
 * Only where there can be rows. That there were none when the schema was read is no proof: they come before the plan is
 * run, and in another tenant with the same schema they were there all along.
 */
export function unlessNew(tableId: string, context: RuleContext, name: HazardName, detail: string): Hazard[] {
  // The rows of one that is made anew come back.
  return context.before(tableId) === undefined ? [] : [hazard(name, detail)]
}

export function textOf(properties: Properties, name: string): string | undefined {
  const value = properties[name]
  return typeof value === 'string' ? value : undefined
}

/** `ALTER TABLE`, or what it is called for this kind of relation. */
export function alterRelation(object: SchemaObject): string {
  const kind = object.kind === 'foreign_table' ? 'FOREIGN TABLE' : 'TABLE'
  return `ALTER ${kind} ${quote(object.name)}`
}

export function tableOf(part: SchemaObject): string {
  return quote(part.name.slice(0, 2))
}

export type Options = Readonly<Record<string, string>>

export function optionsIn(properties: Properties, name = 'options'): Options {
  return (properties[name] ?? {}) as Options
}

/** `fillfactor='70', "user_catalog_table"='true'`: each name is a label, perhaps with `toast.` before it. */
export function optionList(options: Options): string {
  return Object.entries(options)
    .map(([name, value]) => `${optionName(name)} = ${literal(value).trim()}`)
    .join(', ')
}

function optionName(name: string): string {
  return name.split('.').map(ident).join('.')
}

/** `SET (…)` and `RESET (…)` that turn the options `from` into `to`. */
export function optionChanges(from: Options, to: Options): string[] {
  const set = Object.fromEntries(Object.entries(to).filter(([name, value]) => from[name] !== value))
  const reset = Object.keys(from).filter((name) => !(name in to))
  return [
    ...(Object.keys(set).length > 0 ? [`SET (${optionList(set)})`] : []),
    ...(reset.length > 0 ? [`RESET (${reset.map(optionName).join(', ')})`] : []),
  ]
}

/** `OPTIONS (ADD a 'x', SET b 'y', DROP c)` of foreign data, empty when nothing differs. */
export function foreignOptionChanges(from: Options, to: Options): string {
  const changes = [
    ...Object.entries(to).flatMap(([name, value]) => {
      if (from[name] === value) return []
      return [`${name in from ? 'SET' : 'ADD'} ${ident(name)} ${literal(value).trim()}`]
    }),
    ...Object.keys(from).flatMap((name) => (name in to ? [] : [`DROP ${ident(name)}`])),
  ]
  return changes.length === 0 ? '' : `OPTIONS (${changes.join(', ')})`
}

/** ` OPTIONS (a 'x')`, empty when there are none. */
export function foreignOptions(options: Options): string {
  const list = Object.entries(options).map(([name, value]) => `${ident(name)} ${literal(value).trim()}`)
  return list.length === 0 ? '' : ` OPTIONS (${list.join(', ')})`
}

/** The server's major version, e.g. 15. */
export function majorOf(context: RuleContext): number {
  return Number.parseInt(context.source.serverVersion, 10)
}

const LONGEST_NAME = 63

/** A name for what stands in for `name` for a while. */
export function standIn(name: string, end: string): string {
  let start = name
  while (Buffer.byteLength(start) + end.length > LONGEST_NAME) start = start.slice(0, -1)
  return `${start.toWellFormed().replaceAll('\uFFFD', '')}${end}`
}

/** An action that has a strong lock for a moment only. */
export function brief(sql: string, more: Partial<Action> = {}): Action {
  return { sql, lock: 'access exclusive', ...more }
}

/** Reads the rows while others work. */
export function validation(table: string, constraint: string): Action {
  return {
    sql: `${table} VALIDATE CONSTRAINT ${constraint}`,
    part: { table, does: `VALIDATE CONSTRAINT ${constraint}` },
    lock: 'share update exclusive',
    long: true,
    ownTransaction: true,
  }
}

/** The same for one part of an ALTER TABLE, which may be put together with others. */
export function briefPart(table: string, does: string, more: Partial<Action> = {}): Action {
  return brief(`${table} ${does}`, { part: { table, does }, ...more })
}

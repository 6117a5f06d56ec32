/** Columns of views and materialized views: they come with the view; what was set on one is set again. */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { idOf, type Properties, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { byPosition } from '../positions.ts'
import { ownerName, ownName } from '../names.ts'
import { brief, optionChanges, optionsIn } from '../tools.ts'
import { said } from '../../said.ts'

export const viewColumnRule: KindRule = {
  create: (object) => settings(object, {}, object.properties),
  drop: (object) => withoutDefault(object),
  alter: ({ from, to }) => ({ actions: settings(to, from.properties, to.properties) }),
  // Only its default depends on anything.
  stepAside: (from, to) => ({
    release: withoutDefault(from),
    restore: settings(to, { ...to.properties, default: null }, to.properties),
  }),
}

function withoutDefault(column: SchemaObject): Action[] {
  return column.properties['default'] === undefined ? [] : settings(column, { default: '' }, {})
}

function settings(column: SchemaObject, from: Properties, to: Properties): Action[] {
  const view = column.parent?.startsWith('view:') === true ? 'VIEW' : 'MATERIALIZED VIEW'
  const changed = (name: string): boolean => from[name] !== to[name]
  const changes = [
    ...(changed('default')
      ? [to['default'] === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${said(to['default'])}`]
      : []),
    ...(changed('storage') ? [`SET STORAGE ${said(to['storage'] ?? column.facts?.['usualStorage'])}`] : []),
    ...(changed('compression') ? [`SET COMPRESSION ${said(to['compression'] ?? 'DEFAULT')}`] : []),
    ...(changed('statistics') ? [`SET STATISTICS ${said(to['statistics'] ?? '-1')}`] : []),
    ...optionChanges(optionsIn(from), optionsIn(to)),
  ]
  return changes.map((change) =>
    brief(`ALTER ${view} ${ownerName(column)} ALTER COLUMN ${ownName(column)} ${change}`),
  )
}

export function columnsIn(parts: readonly SchemaObject[]): SchemaObject[] {
  return byPosition(parts.filter(({ kind }) => kind === 'view_column'))
}

/** ` ("id", "name")`, so that a column has its name whatever the query calls it. */
export function columnList(view: SchemaObject, context: RuleContext): string {
  const names = columnsIn(context.partsAfter(idOf(view))).map(({ name }) => ident(name.at(-1) as string))
  return names.length === 0 ? '' : ` (${names.join(', ')})`
}

const SAID_ELSEWHERE: ReadonlySet<string> = new Set(['comment', 'acl'])

/** Ids of the columns that are as they come; the others have statements of their own. */
export function plainColumns(view: SchemaObject, context: RuleContext): string[] {
  return columnsIn(context.partsAfter(idOf(view)))
    .filter(isPlain)
    .map(idOf)
}

export function isPlain({ properties }: SchemaObject): boolean {
  return Object.keys(properties).every((name) => SAID_ELSEWHERE.has(name))
}

/** One column of VALUES, with the name of its own; from 18 on without what it is a column of. */
const COLUMN = String.raw`(?:"\*VALUES\*"\.)?column(\d+)(?: AS (?:\w+|"(?:[^"]|"")*"))?,?\s+`
const COLUMNS = new RegExp(COLUMN, 'gu')
const VALUES = new RegExp(
  String.raw`^ SELECT ((?:${COLUMN.replace('(\\d', '(?:\\d')})+)FROM \((VALUES .*)\) "\*VALUES\*"$`,
  'su',
)

/** A view that is nothing but VALUES is shown as a query around them, and would be another one if made of that. */
export function queryOf({ properties }: SchemaObject): string {
  const definition = said(properties['definition'])
  const [, list = '', values] = VALUES.exec(definition) ?? []
  const numbers = [...list.matchAll(COLUMNS)].map(([, number]) => Number(number))
  const inOrder = numbers.every((number, at) => number === at + 1)
  return values === undefined || !inOrder ? definition : values
}

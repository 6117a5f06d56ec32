/** Virtual tables: full-text and spatial ones are carried over, others can only be made anew. */
import { sqliteIdent, sqliteLiteral } from '../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import type { Hazard } from '../../../plan/hazards.ts'
import { sameJson } from '../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { fold, isSymbol, tokensOf, type Token } from '../text/tokens.ts'
import { action, fact, joined, writtenName, textOf } from './actions.ts'
import { dataLoss, tableRewrite } from './hazards.ts'
import { renameActions } from './rename.ts'
import { spareName } from './spare-name.ts'

/** Modules whose tables can be renamed, and whose rows are read as they were written by those of the same word. */
const CARRIED: ReadonlyMap<string, string> = new Map([
  ['fts3', 'text'],
  ['fts4', 'text'],
  ['fts5', 'text'],
  ['rtree', 'box'],
  ['rtree_i32', 'box of integers'],
  ['geopoly', 'polygon'],
])
const FULL_TEXT = new Set(['fts4', 'fts5'])

/** Whether it is an index over an ordinary table, from which it can be filled again. */
function isFilledFromTable(object: SchemaObject): boolean {
  return object.dependsOn.length > 0 && FULL_TEXT.has(textOf(object, 'module'))
}

/** Whether nothing can be read from it: it has an index alone, or its rows stand in a table that is not there. */
function isUnreadable(object: SchemaObject): boolean {
  return typeof object.facts?.['content'] === 'string' && !isFilledFromTable(object)
}

function columnsOf(object: SchemaObject): readonly string[] {
  return (object.facts?.['columns'] as readonly string[] | undefined) ?? []
}

/** The hidden column with the language of each row. */
function languageOf(object: SchemaObject): string | null {
  return (object.facts?.['language'] as string | null | undefined) ?? null
}

function says(object: SchemaObject, option: string): boolean {
  return textOf(object, 'module') === 'fts5' && textOf(object, 'arguments').includes(`${option} = 1`)
}

export const virtualTable: KindRule = {
  create: (object, context) => [action(joined(createStatements(object, context)))],
  drop: (object) => [
    action(`DROP TABLE ${sqliteIdent(writtenName(object))}`, {
      hazards: isFilledFromTable(object)
        ? []
        : [dataLoss(`The virtual table ${writtenName(object)} and all its rows are removed.`)],
    }),
  ],
  alter: ({ from, to }, context) => {
    const kept = keptColumns(from, to)
    const family = CARRIED.get(textOf(to, 'module'))
    const isCarried = family !== undefined && family === CARRIED.get(textOf(from, 'module'))
    if (isFilledFromTable(to) || !isCarried || isUnreadable(from) || kept.length === 0) return 'replace'
    // SQLite forgets a part of such a table when it is renamed.
    if (says(to, 'contentless_unindexed')) return 'replace'
    return { actions: [carriedOver(from, to, kept, context)] }
  },
  rename: renameActions,
}

/** One over a table that has rows already is filled from it. */
function createStatements(object: SchemaObject, context: RuleContext): string[] {
  const [content] = object.dependsOn
  if (content === undefined || !isFilledFromTable(object)) return [fact(object, 'sql')]
  // A new view may well show rows.
  if (content.startsWith('table:') && context.isNew(content)) return [fact(object, 'sql')]
  return [fact(object, 'sql'), fillStatement(object)]
}

/** For indexes that stay as they are while the rows under them get other numbers. */
export function refills(context: RuleContext, table: string): Action[] {
  return context.target.objects
    .filter((object) => object.kind === 'virtual_table' && object.dependsOn.includes(table))
    .filter((object) => isFilledFromTable(object) && goesByRowid(object) && isUnchanged(context, object))
    .map((object) => action(fillStatement(object), { alters: [idOf(object)], needs: [table], long: true }))
}

function goesByRowid(object: SchemaObject): boolean {
  const column = (object.facts?.['contentRowid'] as string | null | undefined) ?? 'rowid'
  return ['rowid', '_rowid_', 'oid'].includes(fold(column))
}

function isUnchanged(context: RuleContext, object: SchemaObject): boolean {
  const before = context.before(idOf(object))
  return before !== undefined && sameJson(before.properties, object.properties)
}

function fillStatement(object: SchemaObject): string {
  const name = sqliteIdent(writtenName(object))
  return `INSERT INTO ${name} (${name}) VALUES (${sqliteLiteral('rebuild')})`
}

interface Kept {
  readonly from: string
  readonly to: string
}

/** A box's number, its bounds and what is written beside them are of different kinds, whatever their names. */
function keptColumns(from: SchemaObject, to: SchemaObject): Kept[] {
  const before = new Map(columnsOf(from).map((name, at) => [`${roleOf(from, name, at)} ${fold(name)}`, name]))
  return columnsOf(to).flatMap((name, at) => {
    const source = before.get(`${roleOf(to, name, at)} ${fold(name)}`)
    return source === undefined ? [] : [{ from: source, to: name }]
  })
}

function roleOf(object: SchemaObject, name: string, at: number): string {
  if (!isOfBoxes(object)) return ''
  if (at === 0) return 'number'
  const tokens = tokensOf(textOf(object, 'arguments'))
  const after = tokens.filter((_, index) => isSymbol(tokens[index - 1], '+'))
  return after.some(({ text }) => fold(text) === fold(name)) ? 'beside' : 'bound'
}

function isOfBoxes(object: SchemaObject): boolean {
  return textOf(object, 'module').startsWith('rtree')
}

function carriedOver(
  from: SchemaObject,
  to: SchemaObject,
  kept: readonly Kept[],
  context: RuleContext,
): Action {
  const spare = spareName(context, to.name[0] ?? '')
  const sql = fact(to, 'sql')
  const name = tokensOf(sql)[3] as Token
  const columns = [...numberOf(to), ...kept, ...languages(from, to)]
  const [targets, sources] = [columns.map((one) => one.to), columns.map((one) => one.from)]
  const [old, table] = [writtenName(from), writtenName(to)]
  return action(
    joined([
      `${sql.slice(0, name.start)}${sqliteIdent(spare)}${sql.slice(name.end)}`,
      `INSERT INTO ${sqliteIdent(spare)} (${targets.map(sqliteIdent).join(', ')}) ` +
        `SELECT ${sources.map(sqliteIdent).join(', ')} FROM ${sqliteIdent(old)}`,
      ...settings(from, to, spare),
      `DROP TABLE ${sqliteIdent(old)}`,
      `ALTER TABLE ${sqliteIdent(spare)} RENAME TO ${sqliteIdent(table)}`,
    ]),
    {
      alters: [idOf(to)],
      rewrites: true,
      long: true,
      hazards: [tableRewrite(table), ...dangers(from, to, kept)],
    },
  )
}

/** A table of boxes has its number as its first column; the others have the rowid beside their columns. */
function numberOf(to: SchemaObject): Kept[] {
  return isOfBoxes(to) ? [] : [{ from: 'rowid', to: 'rowid' }]
}

function languages(from: SchemaObject, to: SchemaObject): Kept[] {
  const [before, after] = [languageOf(from), languageOf(to)]
  return before === null || after === null ? [] : [{ from: before, to: after }]
}

/** What has been set for a full-text table stands in a table beside it. */
function settings(from: SchemaObject, to: SchemaObject, spare: string): string[] {
  if (textOf(from, 'module') !== 'fts5' || textOf(to, 'module') !== 'fts5') return []
  const name = sqliteIdent(spare)
  const kept = sqliteIdent(`${writtenName(from)}_config`)
  return [`INSERT INTO ${name} (${name}, rank) SELECT k, v FROM ${kept} WHERE k <> 'version'`]
}

function dangers(from: SchemaObject, to: SchemaObject, kept: readonly Kept[]): Hazard[] {
  const table = writtenName(to)
  const names = new Set(kept.map((one) => one.from))
  const lost = columnsOf(from).filter((column) => !names.has(column))
  return [
    ...lost.map((column) => dataLoss(`${table}.${column} and its values are removed.`)),
    ...(languageOf(from) !== null && languageOf(to) === null
      ? [dataLoss(`The languages of the rows of ${table} are removed.`)]
      : []),
    ...(isUnreadable(to) && !isFilledFromTable(from)
      ? [dataLoss(`${table} keeps an index of its texts, but not the texts.`)]
      : []),
    ...(isOfBoxes(to)
      ? [{ name: 'may-fail' as const, detail: `It fails where the bounds of a row of ${table} make no box.` }]
      : []),
    ...(says(from, 'locale') ? [dataLoss(`The locales of the texts of ${table} are removed.`)] : []),
  ]
}

/**
 * The procedure of https://sqlite.org/lang_altertable.html#otheralter as one step: a new table, the rows copied by
 * column name, the old table dropped, the new one under its name, what stood on it made again. It counts on
 * `foreign_keys = OFF` (set outside of the transaction) and `legacy_alter_table = ON`, see `preamble`.
 */
import { sqliteIdent, sqliteLiteral } from '../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { fold, isSymbol, tokensOf, type Token } from '../text/tokens.ts'
import { action, fact, joined, writtenName } from './actions.ts'
import { carried } from './affinity.ts'
import { failsWhere } from './fails-where.ts'
import { foreignKeyChecks } from './foreign-key-check.ts'
import { rebuildHazards } from './hazards.ts'
import { spareName } from './spare-name.ts'
import { STRUCTURE } from './table-change.ts'
import { refills } from './virtual-tables.ts'

/** The rebuild of a table, and the checks of foreign keys that it may have broken. */
export function rebuild(context: RuleContext, id: string): readonly Action[] {
  const [from, to] = [context.before(id) as SchemaObject, context.after(id) as SchemaObject]
  const copied = columnsToCopy(context, id)
  const standing = context.partsAfter(id).filter(({ kind }) => !STRUCTURE.has(kind))
  const statements = [
    ...refuseNullKeys(context, id, copied),
    ...tableStatements(context, from, to, copied),
    ...byPosition(standing).map((part) => fact(part, 'sql')),
  ]
  const step = action(joined(statements), {
    ...idsOf(context, id),
    rewrites: true,
    long: true,
    hazards: rebuildHazards(context, id, copied.length > 0),
  })
  return [step, ...foreignKeyChecks(context, id), ...(isRenumbered(context, id) ? refills(context, id) : [])]
}

function byPosition(objects: readonly SchemaObject[]): SchemaObject[] {
  return objects.toSorted((a, b) => Number(a.facts?.['position']) - Number(b.facts?.['position']))
}

/** All parts of the table, so that whatever needs one of them waits for the rebuild. */
function idsOf(context: RuleContext, id: string): Pick<Action, 'creates' | 'drops' | 'alters'> {
  const before = new Map(context.partsBefore(id).map((part) => [idOf(part), part]))
  const after = new Map(context.partsAfter(id).map((part) => [idOf(part), part]))
  return {
    creates: [...after.keys()].filter((part) => !before.has(part)),
    drops: [...before.keys()].filter((part) => !after.has(part)),
    alters: [id, ...[...after.keys()].filter((part) => before.has(part))],
  }
}

interface Copied {
  readonly to: string
  readonly from: string
  /** What the target takes of it, where it stands under that name. */
  readonly value: (name: string) => string
}

/** Target columns with where their values come from; the rowid among them where it is no column. */
function columnsToCopy(context: RuleContext, id: string): Copied[] {
  const isColumn = ({ kind }: SchemaObject): boolean => kind === 'column'
  const before = new Map(
    context
      .partsBefore(id)
      .filter(isColumn)
      .map((column) => [idOf(column), column]),
  )
  const after = byPosition(context.partsAfter(id).filter(isColumn))
  const [from, to] = [context.before(id) as SchemaObject, context.after(id) as SchemaObject]
  const copied = after.flatMap((column): Copied[] => {
    const source = before.get(idOf(column))
    if (source === undefined || column.properties['generated'] !== null) return []
    const value = (name: string): string =>
      carried({ column: source, table: from }, { column, table: to }, name)
    return [{ to: writtenName(column), from: writtenName(source), value }]
  })
  const rowid = rowidName([...before.values(), ...after])
  if (rowid === undefined || from.properties['withoutRowid'] === true) return copied
  if (to.properties['withoutRowid'] === true) return copied
  const alias = rowidAlias(context.partsAfter(id))
  if (alias === undefined) return [{ to: rowid, from: rowid, value: sqliteIdent }, ...copied]
  const known = copied.some((pair) => fold(pair.to) === alias)
  return known ? copied : [{ to: alias, from: rowid, value: sqliteIdent }, ...copied]
}

function rowidName(columns: readonly SchemaObject[]): string | undefined {
  const names = new Set(columns.map((column) => column.name.at(-1)))
  return ['rowid', '_rowid_', 'oid'].find((name) => !names.has(name))
}

/** The column that is the rowid: an INTEGER PRIMARY KEY without an index of its own. */
function rowidAlias(parts: readonly SchemaObject[]): string | undefined {
  const key = parts.find(({ kind }) => kind === 'primary_key')
  if (key === undefined || key.properties['index'] !== null) return undefined
  return (key.properties['columns'] as readonly string[])[0]
}

/** Whether rows get other numbers: those of a column that was there before, and was not their number. */
function isRenumbered(context: RuleContext, id: string): boolean {
  const alias = rowidAlias(context.partsAfter(id))
  if (alias === undefined || alias === rowidAlias(context.partsBefore(id))) return false
  return context.partsBefore(id).some(({ kind, name }) => kind === 'column' && name.at(-1) === alias)
}

/** SQLite would give numbers to rows whose INTEGER PRIMARY KEY is null. */
function refuseNullKeys(context: RuleContext, id: string, copied: readonly Copied[]): string[] {
  const alias = rowidAlias(context.partsAfter(id))
  const key = copied.find(({ to }) => fold(to) === alias)
  const source = context.partsBefore(id).find(({ kind, name }) => kind === 'column' && name.at(-1) === alias)
  if (key === undefined || source === undefined || source.properties['notNull'] !== null) return []
  if (rowidAlias(context.partsBefore(id)) === alias) return []
  const table = writtenName(context.before(id) as SchemaObject)
  return failsWhere(
    `${table}.${key.from} is null`,
    `SELECT count(*) FROM ${sqliteIdent(table)} WHERE ${sqliteIdent(key.from)} IS NULL`,
  )
}

function tableStatements(
  context: RuleContext,
  from: SchemaObject,
  to: SchemaObject,
  copied: readonly Copied[],
): string[] {
  const [oldName, newName] = [writtenName(from), writtenName(to)]
  const spare = spareName(context, newName)
  const tokens = tokensOf(fact(to, 'sql'))
  const aborts = isLenient(context.partsAfter(idOf(to)))
  const keepsSequence =
    hasSequence(context.partsBefore(idOf(from))) && hasSequence(context.partsAfter(idOf(to)))
  const sequence = (source: string, target: string): string[] =>
    keepsSequence ? sequenceStatements(source, target) : []
  if (namesItself(tokens, newName)) {
    // Its own name stands in an expression, so it can only be made under that name: the rows wait in a plain table.
    const waiting = copied.map((column, at) => ({ ...column, from: `c${at}`, source: column.from }))
    return [
      ...setAside(oldName, spare, waiting),
      ...sequence(oldName, spare),
      `DROP TABLE ${sqliteIdent(oldName)}`,
      fact(to, 'sql'),
      ...copy(spare, newName, waiting, aborts),
      ...sequence(spare, newName),
      ...(keepsSequence ? [`DELETE FROM sqlite_sequence WHERE name = ${sqliteLiteral(spare)}`] : []),
      ...(copied.length === 0 ? [] : [`DROP TABLE ${sqliteIdent(spare)}`]),
    ]
  }
  const name = tokens[2] as Token
  const sql = fact(to, 'sql')
  return [
    `${sql.slice(0, name.start)}${sqliteIdent(spare)}${sql.slice(name.end)}`,
    ...copy(oldName, spare, copied, aborts),
    ...sequence(oldName, spare),
    `DROP TABLE ${sqliteIdent(oldName)}`,
    `ALTER TABLE ${sqliteIdent(spare)} RENAME TO ${sqliteIdent(newName)}`,
  ]
}

/**
 * Whether the table's own conflict clauses drop rows in silence, or put defaults in the place of nulls: the copy
 * overrides them and fails instead.
 */
function isLenient(parts: readonly SchemaObject[]): boolean {
  return parts.some(({ kind, properties }) => {
    const clause = kind === 'column' ? properties['notNull'] : properties['conflict']
    const counts = kind === 'column' || kind === 'primary_key' || kind === 'unique'
    return counts && (clause === 'ignore' || clause === 'replace')
  })
}

function copy(from: string, to: string, columns: readonly Copied[], aborts: boolean): string[] {
  if (columns.length === 0) return []
  const targets = columns.map((column) => sqliteIdent(column.to)).join(', ')
  const sources = columns.map((column) => column.value(column.from)).join(', ')
  const verb = aborts ? 'INSERT OR ABORT' : 'INSERT'
  return [`${verb} INTO ${sqliteIdent(to)} (${targets}) SELECT ${sources} FROM ${sqliteIdent(from)}`]
}

function setAside(
  from: string,
  to: string,
  columns: readonly { readonly from: string; readonly source: string }[],
): string[] {
  if (columns.length === 0) return []
  const list = columns.map(({ source, from: name }) => `${sqliteIdent(source)} AS ${name}`).join(', ')
  return [`CREATE TABLE ${sqliteIdent(to)} AS SELECT ${list} FROM ${sqliteIdent(from)}`]
}

function hasSequence(parts: readonly SchemaObject[]): boolean {
  return parts.some(({ kind, properties }) => kind === 'primary_key' && properties['autoincrement'] === true)
}

/** The numbers already given out stay given out, also those of rows that are gone. */
function sequenceStatements(from: string, to: string): string[] {
  return [
    `DELETE FROM sqlite_sequence WHERE name = ${sqliteLiteral(to)}`,
    `INSERT INTO sqlite_sequence (name, seq) SELECT ${sqliteLiteral(to)}, seq FROM sqlite_sequence ` +
      `WHERE name = ${sqliteLiteral(from)}`,
  ]
}

/** Whether an expression of the table says `name.column`. */
function namesItself(tokens: readonly Token[], name: string): boolean {
  const folded = fold(name)
  return tokens.some(
    (token, at) =>
      at > 2 &&
      (token.kind === 'word' || token.kind === 'quoted') &&
      fold(token.text) === folded &&
      isSymbol(tokens[at + 1], '.'),
  )
}

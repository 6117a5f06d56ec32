/** Virtual tables: full-text and spatial ones are carried over, others can only be made anew. */
import { sqliteIdent, sqliteLiteral } from '../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { tokensOf, type Token } from '../text/tokens.ts'
import { action, fact, joined, writtenName, textOf } from './actions.ts'
import { dataLoss, tableRewrite } from './hazards.ts'
import { renameActions } from './rename.ts'

/** Modules whose rows can be read back as they were written, and whose tables can be renamed. */
const CARRIED = new Set(['fts3', 'fts4', 'fts5', 'rtree', 'rtree_i32', 'geopoly'])
const FULL_TEXT = new Set(['fts4', 'fts5'])

/** Whether it is an index over an ordinary table, from which it can be filled again. */
function isFilledFromTable(object: SchemaObject): boolean {
  return object.dependsOn.length > 0 && FULL_TEXT.has(textOf(object, 'module'))
}

function columnsOf(object: SchemaObject): readonly string[] {
  return (object.facts?.['columns'] as readonly string[] | undefined) ?? []
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
    const kept = columnsOf(to).filter((name) => columnsOf(from).includes(name))
    const carried = CARRIED.has(textOf(to, 'module')) && CARRIED.has(textOf(from, 'module'))
    const contentless = from.facts?.['content'] === ''
    if (isFilledFromTable(to) || !carried || contentless || kept.length === 0) return 'replace'
    return { actions: [carriedOver(from, to, kept, context)] }
  },
  rename: renameActions,
}

/** One over a table that has rows already is filled from it. */
function createStatements(object: SchemaObject, context: RuleContext): string[] {
  const [content] = object.dependsOn
  const name = writtenName(object)
  if (content === undefined || !isFilledFromTable(object) || context.isNew(content))
    return [fact(object, 'sql')]
  return [
    fact(object, 'sql'),
    `INSERT INTO ${sqliteIdent(name)} (${sqliteIdent(name)}) VALUES (${sqliteLiteral('rebuild')})`,
  ]
}

function carriedOver(
  from: SchemaObject,
  to: SchemaObject,
  kept: readonly string[],
  context: RuleContext,
): Action {
  const taken = new Set([...context.source.objects, ...context.target.objects].map(({ name }) => name[0]))
  let spare = `new_${to.name[0]}`
  for (let count = 2; taken.has(spare); count++) spare = `new_${count}_${to.name[0]}`
  const sql = fact(to, 'sql')
  const name = tokensOf(sql)[3] as Token
  // A spatial table has its number as its first column; a full-text one has the rowid beside its columns.
  const columns = (textOf(to, 'module').startsWith('fts') ? ['rowid', ...kept] : kept)
    .map(sqliteIdent)
    .join(', ')
  const lost = columnsOf(from).filter((column) => !kept.includes(column))
  const table = writtenName(to)
  return action(
    joined([
      `${sql.slice(0, name.start)}${sqliteIdent(spare)}${sql.slice(name.end)}`,
      `INSERT INTO ${sqliteIdent(spare)} (${columns}) SELECT ${columns} FROM ${sqliteIdent(writtenName(from))}`,
      `DROP TABLE ${sqliteIdent(writtenName(from))}`,
      `ALTER TABLE ${sqliteIdent(spare)} RENAME TO ${sqliteIdent(table)}`,
    ]),
    {
      alters: [idOf(to)],
      rewrites: true,
      long: true,
      hazards: [
        tableRewrite(table),
        ...lost.map((column) => dataLoss(`${table}.${column} and its values are removed.`)),
      ],
    },
  )
}

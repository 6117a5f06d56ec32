/** Tables and the parts that ALTER TABLE changes together. */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { columnText, hasNoDefault } from '../text/column.ts'
import { checkText, foreignKeyText, indexText } from '../text/key.ts'
import type { ForeignKey, Partitioning } from '../text/show-create-table.ts'
import { disturbedKeys } from './foreign-keys.ts'
import { leftBehindStatements } from './left-behind.ts'
import { partitioningText } from './partitions.ts'
import { differencesOf, inheritsCharset, isMariaDb, leaderOf, partsOf, tableOf } from './sides.ts'
import { renameColumn } from './rename-column.ts'
import { tableChange } from './table-change.ts'
import { optionsText } from './table-options.ts'

export const tableRule: KindRule = {
  create: createTable,
  drop: (table) => [
    {
      sql: `DROP TABLE ${mysqlIdent(tableOf(table))}`,
      drops: [idOf(table)],
      lock: 'access exclusive',
      hazards: [{ name: 'data-loss', detail: `the table ${tableOf(table)} with its rows is removed` }],
    },
  ],
  alter: (change, context) => answer(change.to, change.id, context),
  rename: ({ from, to }) => [
    {
      sql: `RENAME TABLE ${mysqlIdent(tableOf(from))} TO ${mysqlIdent(tableOf(to))}`,
      lock: 'access exclusive',
    },
  ],
}

function partRule(keyword: 'COLUMN' | 'KEY' | undefined): KindRule {
  const led = (object: SchemaObject, context: RuleContext): readonly Action[] => {
    const table = tableOf(object)
    return leaderOf(differencesOf(context, table))?.id === idOf(object) ? tableChange(table, context) : []
  }
  const rule: KindRule = {
    create: led,
    drop: led,
    alter: (change, context) => answer(change.to, change.id, context),
  }
  if (keyword === undefined) return rule
  return {
    ...rule,
    rename: (change, context) => {
      if (keyword === 'COLUMN') return renameColumn(change, context())
      const { from, to } = change
      const [table, old, now] = [from.name[0], from.name[1], to.name[1]] as [string, string, string]
      const sql = `ALTER TABLE ${mysqlIdent(table)} RENAME ${keyword} ${mysqlIdent(old)} TO ${mysqlIdent(now)}`
      return [{ sql, lock: 'access exclusive' }]
    },
  }
}

export const columnRule = partRule('COLUMN')
export const indexRule = partRule('KEY')
export const checkRule = partRule(undefined)

function answer(
  object: SchemaObject,
  id: string,
  context: RuleContext,
): { actions: readonly Action[]; rebuild: readonly string[] } {
  const table = tableOf(object)
  const differences = differencesOf(context, table)
  return {
    actions: leaderOf(differences)?.id === id ? tableChange(table, context) : [],
    rebuild: disturbedKeys(table, context, differences),
  }
}

function createTable(table: SchemaObject, context: RuleContext): readonly Action[] {
  const name = tableOf(table)
  const [columns, indexes, checks] = ['column', 'index', 'check'].map((kind) =>
    partsOf(context, name, 'after', kind),
  ) as [SchemaObject[], SchemaObject[], SchemaObject[]]
  const keys = partsOf(context, name, 'after', 'foreign_key').filter((key) => fitsInline(key, context))
  const { periods = [], partitioning } = table.properties
  const lines = [
    ...columns.map((column) =>
      columnText(column.name[1] as string, column.properties, inheritsCharset(column, context)),
    ),
    ...(periods as readonly string[]).map((period) => `PERIOD FOR ${period}`),
    ...indexes.map((index) => indexText(index.name[1] as string, index.properties)),
    ...keys.map((key) => foreignKeyText(key.name[1] as string, key.properties)),
    ...checks.map((check) => checkText(check.name[1] as string, check.properties)),
  ]
  const parts = [
    `CREATE TABLE ${mysqlIdent(name)} (\n  ${lines.join(',\n  ')}\n)`,
    optionsText(table.properties),
    partitioning === undefined ? '' : partitioningText(partitioning as unknown as Partitioning),
  ]
  const undefaulted = columns.filter((column) => hasNoDefault(column.properties, isMariaDb(context)))
  const made = [table, ...columns, ...indexes, ...keys, ...checks].map(idOf)
  const create: Action = { sql: parts.filter(Boolean).join(' '), creates: made, lock: null }
  const late = [...leftBehindStatements(name, columns, context)]
  if (undefaulted.length > 0) {
    const drops = undefaulted.map(
      (column) => `ALTER COLUMN ${mysqlIdent(column.name[1] as string)} DROP DEFAULT`,
    )
    late.push(`ALTER TABLE ${mysqlIdent(name)} ${drops.join(', ')}`)
  }
  return [create, ...late.map((sql): Action => ({ sql, alters: [idOf(table)], lock: null }))]
}

/** A foreign key to the table itself, or to one that is there already, needs no statement of its own. */
function fitsInline(key: SchemaObject, context: RuleContext): boolean {
  const { references, database } = key.properties as unknown as ForeignKey
  if (database !== undefined || references === tableOf(key)) return true
  const id = objectId('table', references)
  return context.before(id) !== undefined && context.after(id) !== undefined && !context.isNew(id)
}

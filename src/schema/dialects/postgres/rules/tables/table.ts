/** Tables, plain and foreign. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, AlterAnswer, KindRule, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { detachConcurrently, leavesQuietly } from '../partitions/detach.ts'
import { attachmentsBefore, goneId } from '../partitions/family.ts'
import { byPosition } from '../positions.ts'
import { quote } from '../names.ts'
import { persistenceKept, sequencesGoneWith } from '../sequence.ts'
import { goneWith, rowsAside } from './table-copy.ts'
import { createTable } from './table-create.ts'
import {
  alterRelation,
  brief,
  foreignOptionChanges,
  hazard,
  isQuiet,
  optionChanges,
  optionsIn,
  textOf,
} from '../tools.ts'

function drop(table: SchemaObject, context: RuleContext): readonly Action[] {
  const id = idOf(table)
  const aside = rowsAside(table, context)
  const columns = context
    .partsBefore(id)
    .filter(({ kind }) => kind === 'column')
    .map(idOf)
  const foreign = table.kind === 'foreign_table'
  // A partitioned table has no rows itself.
  const kept = aside.length > 0 || foreign || table.properties['partitionBy'] !== undefined
  // Its parent is not locked for that, where it need not be.
  const leaving = attachmentsBefore(id, context).filter((attachment) => leavesQuietly(attachment, context))
  return [
    ...leaving.flatMap((attachment) => detachConcurrently(attachment, context)),
    ...aside,
    brief(`DROP ${foreign ? 'FOREIGN TABLE' : 'TABLE'} ${quote(table.name)}`, {
      drops: [id, ...goneWith(id, context), ...sequencesGoneWith(columns, context)],
      creates: [goneId(id)],
      hazards: kept
        ? []
        : [hazard('data-loss', `The table ${table.name.join('.')} is removed with all its rows.`)],
    }),
  ]
}

function alter(change: Altered, context: RuleContext): AlterAnswer | 'replace' {
  const { from, to, properties } = change
  if (properties.some((name) => name === 'partitionBy' || name === 'server')) return 'replace'
  const table = alterRelation(to)
  const actions: Action[] = []
  for (const property of properties) actions.push(...(CHANGES[property]?.(from, to, table, context) ?? []))
  return { actions }
}

type Change = (from: SchemaObject, to: SchemaObject, table: string, context: RuleContext) => readonly Action[]

/** Written anew under a lock, unless that is nothing to wait for. */
function rewrite(sql: string, to: SchemaObject, context: RuleContext): Action[] {
  const rewrites = !isQuiet(idOf(to), context)
  const hazards = rewrites ? [hazard('table-rewrite', `${quote(to.name)} is written anew: ${sql}`)] : []
  return [brief(sql, { rewrites, hazards })]
}

/** What is logged refers to nothing unlogged: who refers to a table goes, or becomes unlogged, before it. */
function beforeUnlogged(table: string, context: RuleContext): string[] {
  const columns = context.partsBefore(table).map(idOf)
  const referring = columns
    .flatMap((id) => context.dependentsBefore(id))
    .filter((one) => one.facts?.['references'] === table && one.parent !== table)
  return referring.flatMap((one) => [one.parent ?? '', ...goneIds(one, context)])
}

function beforeLogged(table: string, context: RuleContext): string[] {
  const references = context
    .partsBefore(table)
    .filter(({ properties }) => properties['type'] === 'foreign key')
    .filter(({ facts }) => facts?.['references'] !== table)
  return references.flatMap((one) => [said(one.facts?.['references']), ...goneIds(one, context)])
}

function goneIds(foreignKey: SchemaObject, context: RuleContext): string[] {
  return [idOf(foreignKey), foreignKey.parent ?? ''].filter((id) => context.isDropped(id)).map(goneId)
}

const CHANGES: Readonly<Record<string, Change>> = {
  persistence: (_, to, table, context) => {
    const unlogged = to.properties['persistence'] === 'unlogged'
    const needs = unlogged ? beforeUnlogged(idOf(to), context) : beforeLogged(idOf(to), context)
    const set = rewrite(`${table} SET ${unlogged ? 'UNLOGGED' : 'LOGGED'}`, to, context)
    const forgets = `${quote(to.name)} loses its rows whenever the server crashes, and has none on replicas.`
    const loss = unlogged ? [hazard('data-loss', forgets)] : []
    return [
      ...set.map((action) => ({ ...action, needs, hazards: [...loss, ...(action.hazards ?? [])] })),
      ...persistenceKept(to, context),
    ]
  },
  accessMethod: (_, to, table, context) =>
    rewrite(
      `${table} SET ACCESS METHOD ${ident(textOf(to.properties, 'accessMethod') ?? 'heap')}`,
      to,
      context,
    ),
  tablespace: (_, to, table, context) =>
    rewrite(
      `${table} SET TABLESPACE ${ident(textOf(to.properties, 'tablespace') ?? 'pg_default')}`,
      to,
      context,
    ),
  options: (from, to, table) =>
    optionChanges(optionsIn(from.properties), optionsIn(to.properties)).map((set) =>
      brief(`${table} ${set}`, { lock: 'share update exclusive' }),
    ),
  serverOptions: (from, to, table) => [
    brief(
      `${table} ${foreignOptionChanges(optionsIn(from.properties, 'serverOptions'), optionsIn(to.properties, 'serverOptions'))}`,
    ),
  ],
  replicaIdentity: (_, to, table, context) => {
    const identity = textOf(to.properties, 'replicaIdentity')
    const byIndex = context
      .partsAfter(idOf(to))
      .some(({ properties }) => properties['replicaIdentity'] === true)
    return identity === undefined && byIndex
      ? []
      : [brief(`${table} REPLICA IDENTITY ${(identity ?? 'default').toUpperCase()}`)]
  },
  rowSecurity: (_, to, table) => {
    const on = to.properties['rowSecurity'] === true
    const detail = `Policies ${on ? 'begin' : 'cease'} to decide which rows of ${to.name.join('.')} roles see.`
    return [
      brief(`${table} ${on ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`, {
        hazards: [hazard('access-change', detail)],
      }),
    ]
  },
  forceRowSecurity: (_, to, table) => {
    const on = to.properties['forceRowSecurity'] === true
    const detail = `Policies ${on ? 'begin' : 'cease'} to hold for the owner of ${to.name.join('.')}.`
    return [
      brief(`${table} ${on ? '' : 'NO '}FORCE ROW LEVEL SECURITY`, {
        hazards: [hazard('access-change', detail)],
      }),
    ]
  },
  ofType: (_, to, table) => {
    const type = textOf(to.properties, 'ofType')
    return [brief(type === undefined ? `${table} NOT OF` : `${table} OF ${type}`)]
  },
}

/** Whether its columns, dropped and added one by one, come to stand as those of the type that it is made of. */
function staysInOrder(id: string, context: RuleContext): boolean {
  const columns = (parts: readonly SchemaObject[]): string[] =>
    byPosition(parts.filter(({ kind }) => kind === 'column')).map(idOf)
  const [before, after] = [columns(context.partsBefore(id)), columns(context.partsAfter(id))]
  const kept = before.filter((column) => after.includes(column))
  const order = [...kept, ...after.filter((column) => !kept.includes(column))]
  return order.every((column, at) => column === after[at])
}

export const tableRule: KindRule = {
  create: createTable,
  drop,
  alter,
  // Rows are kept whatever the table depends on.
  stepAside: (from, to, dependencies, context) => {
    const type = textOf(to.properties, 'ofType')
    if (dependencies.some((id) => id.startsWith('schema:') || id.startsWith('foreign_server:')))
      return undefined
    // What its partition key is made of.
    if (from.properties['partitionBy'] !== undefined && from.properties['ofType'] === undefined)
      return undefined
    if (textOf(from.properties, 'ofType') === undefined) return { release: [], restore: [] }
    if (type !== undefined && !staysInOrder(idOf(to), context)) return undefined
    const columns = [...context.partsBefore(idOf(to)), ...context.partsAfter(idOf(to))]
    return {
      release: [
        brief(`${alterRelation(from)} NOT OF`, {
          alters: [idOf(from)],
          creates: [goneId(`of:${idOf(from)}`)],
        }),
      ],
      restore:
        type === undefined ? [] : [brief(`${alterRelation(to)} OF ${type}`, { needs: columns.map(idOf) })],
    }
  },
  rename: ({ from, to }) => [brief(`${alterRelation(from)} RENAME TO ${quote(to.name.slice(-1))}`)],
}

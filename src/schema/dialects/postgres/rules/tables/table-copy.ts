/**
 * A table that becomes partitioned, ceases to be, or is partitioned otherwise can only be made anew. Its rows are kept
 * in a copy meanwhile, and what is done to it is one transaction.
 */
import { said } from '../../said.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import { idOf, objectId, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { leftBehind } from '../partitions/attachment.ts'
import { countOn } from '../columns/column-identity.ts'
import { generatedOf, identityOf, identitySequence } from '../columns/column-text.ts'
import { type Counter, counterOf, successionOf } from '../columns/counters.ts'
import { fromText, isOfValues, textFor } from '../columns/column-type.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  childrenAfter,
  childrenBefore,
  goneId,
  isMadeAnew,
  isPartition,
  parentOf,
} from '../partitions/family.ts'
import { ownName, quote } from '../names.ts'
import { countLost, goesOn } from '../sequence.ts'
import { brief, hazard, standIn } from '../tools.ts'
import { conversion, underlying } from '../types/types.ts'
import { lossOfValues } from '../types/value-loss.ts'
import { rowsId, unseen } from './unseen-moves.ts'

/** Whether a table's rows are kept in a copy while it is made anew. */
function isCopied(id: string, context: RuleContext): boolean {
  const [before, after] = [context.before(id), context.after(id)]
  if (before === undefined || after === undefined || before.kind !== 'table') return false
  if (!context.isNew(id)) return false
  // Rows of a partition that stays are in that partition.
  return before.properties['partitionBy'] === undefined || lostChildren(id, context).length > 0
}

/** Partitions, and theirs, that go with the table; one that stays, or is made anew, looks after those of its own. */
function lostChildren(id: string, context: RuleContext): string[] {
  return childrenBefore(id, context)
    .filter((child) => context.after(child) === undefined)
    .flatMap((child) => [child, ...lostChildren(child, context)])
}

function copyName(table: SchemaObject): string {
  return quote([table.name[0] ?? '', standIn(table.name[1] ?? '', '_tenantry_rows')])
}

/** Before the table goes. Partitions that stay are let go first: their rows stay where they are. */
export function rowsAside(table: SchemaObject, context: RuleContext): Action[] {
  const id = idOf(table)
  if (!isMadeAnew(id, context)) return []
  const only = table.properties['partitionBy'] === undefined ? 'ONLY ' : ''
  // What others write until it goes would be in neither.
  const locked = brief(`LOCK TABLE ${only}${quote(table.name)} IN ACCESS EXCLUSIVE MODE`, {
    drops: [],
    onlyLocks: true,
  })
  const counts = countsAside(table, context)
  if (!isCopied(id, context)) return counts.length === 0 ? [] : [locked, ...counts]
  const detached = [id, ...lostChildren(id, context)]
    .flatMap((parent) => childrenBefore(parent, context))
    .filter((child) => context.after(child) !== undefined)
    .flatMap((child) => attachmentsBefore(child, context).filter(isPartition))
    .flatMap((attachment): Action[] => {
      const parent = quote(attachment.properties['of'] as string[])
      return [
        {
          sql: `ALTER TABLE ${parent} DETACH PARTITION ${quote(attachment.name.slice(0, 2))}`,
          drops: [idOf(attachment)],
          creates: [goneId(idOf(attachment))],
          lock: 'access exclusive',
        },
        ...leftBehind(attachment, context),
      ]
    })
  const forced = table.properties['forceRowSecurity'] === true
  return [
    ...detached,
    locked,
    // Its policies would hide rows from its owner.
    ...(forced ? [brief(`ALTER TABLE ${quote(table.name)} NO FORCE ROW LEVEL SECURITY`, { drops: [] })] : []),
    ...counts,
    {
      sql: `CREATE TABLE ${copyName(table)} AS ${ownRows(table, context)}`,
      drops: [],
      lock: 'access exclusive',
      rewrites: true,
      hazards: [
        hazard('table-rewrite', `${quote(table.name)} has to be made anew: its rows are copied.`),
        ...lost(table, context),
      ],
    },
  ]
}

/** Of a partitioned table those of its partitions, of one that others inherit from only its own. */
function ownRows(table: SchemaObject, context: RuleContext): string {
  const { name, properties } = table
  const only = properties['partitionBy'] === undefined ? 'ONLY ' : ''
  const columns = context.partsBefore(idOf(table)).filter(({ kind }) => kind === 'column')
  const values = columns
    .filter((column) => {
      const after = context.after(idOf(column))
      // What goes is not carried, nor what is computed again.
      if (after === undefined) return false
      return generatedOf(column.properties) === undefined || generatedOf(after.properties) === undefined
    })
    .map((column) => copied(column, context))
  return `SELECT ${values.join(', ')} FROM ${only}${quote(name)}`
}

/** Its type or collation goes, or is made anew, while the rows are in the copy. */
function waitsAsText(column: SchemaObject, context: RuleContext): boolean {
  return column.dependsOn.some((id) => isOfValues(column, id) && context.isDropped(id))
}

function copied(column: SchemaObject, context: RuleContext): string {
  const name = ownName(column)
  if (!waitsAsText(column, context)) return name
  return `${name}::${textFor(said(column.properties['type']))} COLLATE pg_catalog."default" AS ${name}`
}

function lost(table: SchemaObject, context: RuleContext): Hazard[] {
  const columns = context
    .partsBefore(idOf(table))
    .filter(({ kind, properties }) => kind === 'column' && generatedOf(properties) === undefined)
  return columns.flatMap((column) => {
    const [after, name] = [context.after(idOf(column)), column.name.join('.')]
    if (after === undefined) return [hazard('data-loss', `The values of ${name} are removed.`)]
    if (generatedOf(after.properties) !== undefined)
      return [hazard('data-loss', `The values of ${name} are replaced by what is computed.`)]
    const succession = successionOf(column, after, true, context)
    return succession !== undefined && succession.next === undefined
      ? [countLost(succession.former.name)]
      : []
  })
}

interface Count {
  /** Where the position waits, quoted. */
  readonly aside: string
  readonly former: Counter
  readonly next: Counter
}

/** How far columns have counted whose sequences go with the table. */
function countsOf(table: SchemaObject, context: RuleContext): Count[] {
  if (table.kind !== 'table') return []
  const counts = context
    .partsBefore(idOf(table))
    .filter(({ kind }) => kind === 'column')
    .flatMap((column) => {
      const after = context.after(idOf(column))
      const succession = after === undefined ? undefined : successionOf(column, after, true, context)
      return succession?.next === undefined ? [] : [{ former: succession.former, next: succession.next }]
    })
  return counts.map((count, at) => {
    const name = standIn(table.name[1] ?? '', `_tenantry_count${at === 0 ? '' : at + 1}`)
    return { ...count, aside: quote([table.name[0] ?? '', name]) }
  })
}

function countsAside(table: SchemaObject, context: RuleContext): Action[] {
  return countsOf(table, context).map(({ aside, former }) => ({
    sql: `CREATE TABLE ${aside} AS SELECT last_value, is_called FROM ${quote(former.name)}`,
    drops: [],
    lock: null,
  }))
}

function countsBack(table: SchemaObject, context: RuleContext): Action[] {
  return countsOf(table, context).flatMap(({ aside, former, next }) => [
    ...goesOn(quote(next.name), aside, former.options, next.options),
    { sql: `DROP TABLE ${aside}`, lock: null, creates: [] },
  ])
}

/** Ids that go when a partitioned table goes, beside itself. */
export function goneWith(id: string, context: RuleContext): string[] {
  if (context.before(id)?.properties['partitionBy'] === undefined) return []
  return isCopied(id, context) ? lostChildren(id, context) : []
}

/** After the table, its partitions and their attachments are there. */
export function rowsBack(
  table: SchemaObject,
  columns: readonly SchemaObject[],
  context: RuleContext,
): Action[] {
  const id = idOf(table)
  const source = context.before(id)
  if (source === undefined || !isMadeAnew(id, context)) return []
  if (!isCopied(id, context)) return countsBack(source, context)
  const carried = columns.flatMap((column) => {
    const before = context.before(idOf(column))
    return before === undefined || generatedOf(column.properties) !== undefined ? [] : [{ before, column }]
  })
  const identities = carried.filter(({ column }) => identityOf(column.properties) !== undefined)
  const overriding = identities.length > 0 ? ' OVERRIDING SYSTEM VALUE' : ''
  const names = carried.map(({ column }) => ownName(column)).join(', ')
  const values = carried.map(({ before, column }) => valueOf(before, column, context)).join(', ')
  const insert: Action = {
    sql: `INSERT INTO ${quote(table.name)} (${names})${overriding} SELECT ${values} FROM ${copyName(table)}`,
    lock: 'row exclusive',
    long: true,
    creates: [rowsId(id)],
    needs: allBelow(id, context),
    hazards: [
      hazard('may-fail', `It fails when a row does not fit into the new ${quote(table.name)}.`),
      ...carried.flatMap(({ before, column }) => lossOnTheWay(before, column, context)),
    ],
  }
  const silent = staying(id, context).map((child) => unseen(child, 'INSERT', context))
  return [
    ...silent.flatMap(({ before }) => before),
    insert,
    ...silent.flatMap(({ after }) => after),
    ...(checksLater(id, context) ? [CHECKED_NOW] : []),
    ...countsBack(source, context),
    ...identities
      .filter(({ before }) => counterOf(before, context.before) === undefined)
      .map(({ column }) => {
        const identity = identityOf(column.properties) ?? {}
        return countOn(column, identitySequence(column, identity), identity, context)
      }),
    { sql: `DROP TABLE ${copyName(table)}`, lock: null, creates: [] },
  ]
}

/** Nothing can be done to a table while something is left to be checked. */
const CHECKED_NOW: Action = { sql: 'SET CONSTRAINTS ALL IMMEDIATE', lock: null, creates: [] }

/** Whether a constraint of the table, or of what it is a partition of, looks at rows at the end only. */
function checksLater(id: string, context: RuleContext): boolean {
  return (
    context.partsAfter(id).some(({ properties }) => properties['deferred'] === true) ||
    attachmentsAfter(id, context).some((one) => checksLater(parentOf(one), context))
  )
}

/** Partitions on all levels that have been there before: they have triggers. */
function staying(id: string, context: RuleContext): string[] {
  return childrenAfter(id, context).flatMap((child) => [
    ...(context.before(child) === undefined || context.isNew(child) ? [] : [child]),
    ...staying(child, context),
  ])
}

/** Attachments in the target, so that every row finds its partition. */
function allBelow(id: string, context: RuleContext): string[] {
  return childrenAfter(id, context).flatMap((child) => {
    const name = context.after(child)?.name ?? []
    return [objectId('attachment', ...name), ...allBelow(child, context)]
  })
}

function valueOf(before: SchemaObject, after: SchemaObject, context: RuleContext): string {
  const [from, to] = [said(before.properties['type']), said(after.properties['type'])]
  if (waitsAsText(before, context)) return fromText(ownName(before), from, to)
  if (from === to) return ownName(after)
  const base = underlying(from, context.source.objects)
  return conversion(ownName(before), base, to) ?? `${ownName(before)}::${to}`
}

function lossOnTheWay(before: SchemaObject, after: SchemaObject, context: RuleContext): Hazard[] {
  const [from, to] = [said(before.properties['type']), said(after.properties['type'])]
  const loss = lossOfValues(from, to, true, context)
  return loss === undefined ? [] : [hazard('data-loss', `${after.name.join('.')}: ${loss}`)]
}

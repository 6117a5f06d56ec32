/** A column becomes an identity, ceases to be one, or counts otherwise. */
import { said } from '../../said.ts'
import { literal } from '../../../../../engine/sql.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, objectId, type Properties, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { identityClause, identityOf, identitySequence } from './column-text.ts'
import { ownName, quote } from '../names.ts'
import {
  changedSequenceOptions,
  countLost,
  createSequence,
  goesOn,
  intoBounds,
  restarted,
} from '../sequence.ts'
import { successionOf } from './counters.ts'
import { brief, hazard, isQuiet, standIn, tableOf, textOf } from '../tools.ts'

interface IdentityActions {
  /** Before the type and the default change. */
  readonly before: readonly Action[]
  /** After the column is NOT NULL. */
  readonly after: readonly Action[]
  /** The default is dropped or set by these as well. */
  readonly coversDefault: boolean
}

export const NO_IDENTITY_CHANGE: IdentityActions = { before: [], after: [], coversDefault: false }

export function identityActions({ from, to }: Altered, context: RuleContext): IdentityActions {
  const before = identityOf(from.properties)
  const after = identityOf(to.properties)
  const alter = `ALTER TABLE ${tableOf(to)} ALTER COLUMN ${ownName(to)}`
  if (before === undefined && after !== undefined) return added(from, to, after, alter, context)
  if (before !== undefined && after === undefined) return removed(from, to, before, alter, context)
  if (before === undefined || after === undefined) return NO_IDENTITY_CHANGE
  return { before: [], after: changed(from, to, before, after, alter), coversDefault: false }
}

/**
 * A default has to go first, and the sequence of a serial column with it, whose name the identity's may have: how far
 * that has counted is taken along.
 */
function added(
  from: SchemaObject,
  to: SchemaObject,
  identity: Properties,
  alter: string,
  context: RuleContext,
): IdentityActions {
  const name = identitySequence(to, identity)
  const former = successionOf(from, to, false, context)?.former
  const inTheWay = former?.id !== undefined && former.name.join('.') === name.join('.')
  const aside = inTheWay ? asideName(name) : (former?.name ?? [])
  const position =
    former === undefined
      ? [countOn(to, name, identity, context)]
      : goesOn(quote(name), quote(aside), former.options, identity)
  return {
    before: [
      ...(from.properties['default'] === undefined ? [] : [brief(`${alter} DROP DEFAULT`)]),
      ...(inTheWay ? [renamed(name, aside)] : []),
    ],
    after: [
      brief(`${alter} ADD ${identityClause(to, identity)}`),
      ...position,
      ...(inTheWay
        ? [brief(`DROP SEQUENCE ${quote(aside)}`, { alters: [idOf(to)], drops: [former.id] })]
        : []),
    ],
    coversDefault: true,
  }
}

function asideName(name: readonly string[]): string[] {
  return [...name.slice(0, -1), standIn(name.at(-1) ?? '', '_tenantry_old')]
}

function renamed(name: readonly string[], other: readonly string[]): Action {
  return brief(`ALTER SEQUENCE ${quote(name)} RENAME TO ${quote(other.slice(-1))}`)
}

/** A serial's sequence may take the name, and goes on where the identity's stands. */
function removed(
  from: SchemaObject,
  to: SchemaObject,
  identity: Properties,
  alter: string,
  context: RuleContext,
): IdentityActions {
  const name = identitySequence(from, identity)
  const sequence = context.after(objectId('sequence', ...name))
  const value = to.properties['default']
  const takesOver = sequence !== undefined && context.before(idOf(sequence)) === undefined
  const next = successionOf(from, to, false, context)?.next
  const old = takesOver ? asideName(name) : name
  const lost = next === undefined ? [countLost(name)] : []
  return {
    before: [
      ...(takesOver ? [renamed(name, old), { ...createSequence(sequence), alters: [idOf(to)] }] : []),
      ...(next === undefined ? [] : goesOn(quote(next.name), quote(old), identity, next.options)),
      brief(`${alter} DROP IDENTITY`, { hazards: lost }),
    ],
    after: value === undefined ? [] : [brief(`${alter} SET DEFAULT ${said(value)}`)],
    coversDefault: true,
  }
}

/** The new sequence goes on after the greatest value there is. */
export function countOn(
  column: SchemaObject,
  sequence: readonly string[],
  options: Properties,
  context: RuleContext,
): Action {
  const tableId = column.parent ?? ''
  const reads = !isQuiet(tableId, context) && !isFoundByIndex(column, context)
  const detail = `${tableOf(column)} is locked while it is read for the greatest ${ownName(column)}: no index begins with that.`
  const greatest = `pg_catalog.max(${ownName(column)})`
  const down = said(options['increment']).startsWith('-')
  const [edge, than] = down ? [`pg_catalog.min(${ownName(column)})`, '<='] : [greatest, '>=']
  return {
    sql: `SELECT pg_catalog.setval(${literal(quote(sequence)).trim()}, ${edge}) FROM ${tableOf(column)} HAVING ${edge} ${than} ${said(options['start'])}`,
    lock: 'row exclusive',
    long: reads,
    hazards: reads ? [hazard('long-lock', detail)] : [],
  }
}

/** Whether the greatest value is at an end of an index that is there by now. */
function isFoundByIndex(column: SchemaObject, context: RuleContext): boolean {
  const begins = [`(${ownName(column)}`, `(${column.name.at(-1) ?? ''}`]
  return context.partsBefore(column.parent ?? '').some(({ kind, properties }) => {
    const text = said(properties[kind === 'index' ? 'using' : 'definition'])
    const ordered = kind === 'index' ? text.startsWith('btree ') : /^(?:PRIMARY KEY|UNIQUE) /.test(text)
    const list = text.slice(text.indexOf('('))
    return (
      ordered &&
      !list.includes(') WHERE ') &&
      begins.some((start) => /^[,) ]/.test(list.slice(start.length)) && list.startsWith(start))
    )
  })
}

function changed(
  from: SchemaObject,
  to: SchemaObject,
  before: Properties,
  after: Properties,
  alter: string,
): Action[] {
  const actions: Action[] = []
  const [oldName, newName] = [identitySequence(from, before), identitySequence(to, after)]
  if (oldName.join('.') !== newName.join('.')) {
    actions.push(brief(`ALTER SEQUENCE ${quote(oldName)} RENAME TO ${quote(newName.slice(-1))}`))
  }
  actions.push(...intoBounds(quote(newName), before, after))
  const sets = [
    ...(before['generation'] === after['generation']
      ? []
      : [`SET GENERATED ${said(after['generation']).toUpperCase()}`]),
    ...changedSequenceOptions(before, after).map((option) => `SET ${option}`),
    ...restarted(before, after),
  ]
  if (sets.length > 0) actions.push(brief(`${alter} ${sets.join(' ')}`))
  if (before['persistence'] !== after['persistence']) {
    const persistence =
      textOf(after, 'persistence') ?? (textOf(before, 'persistence') === 'logged' ? 'unlogged' : 'logged')
    actions.push(brief(`ALTER SEQUENCE ${quote(newName)} SET ${persistence.toUpperCase()}`))
  }
  return actions
}

/** A column becomes an identity, ceases to be one, or counts otherwise. */
import { said } from '../../said.ts'
import { literal } from '../../../../../engine/sql.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, objectId, type Properties, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { identityClause, identityOf, identitySequence } from './column-text.ts'
import { ownName, quote } from '../names.ts'
import { changedSequenceOptions, createSequence, intoBounds, restarted } from '../sequence.ts'
import { brief, hazard, isQuiet, tableOf, textOf } from '../tools.ts'

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
  if (before !== undefined && after === undefined) return removed(to, before, alter, context)
  if (before === undefined || after === undefined) return NO_IDENTITY_CHANGE
  return { before: [], after: changed(from, to, before, after, alter), coversDefault: false }
}

/** A default has to go first, and the sequence of a serial column with it, whose name the identity's may have. */
function added(
  from: SchemaObject,
  to: SchemaObject,
  identity: Properties,
  alter: string,
  context: RuleContext,
): IdentityActions {
  const name = identitySequence(to, identity)
  const sequenceId = objectId('sequence', ...name)
  const inTheWay = from.dependsOn.includes(sequenceId) && context.isDropped(sequenceId)
  return {
    before: [
      ...(from.properties['default'] === undefined ? [] : [brief(`${alter} DROP DEFAULT`)]),
      ...(inTheWay
        ? [brief(`DROP SEQUENCE ${quote(name)}`, { alters: [idOf(to)], drops: [sequenceId] })]
        : []),
    ],
    after: [brief(`${alter} ADD ${identityClause(to, identity)}`), countOn(to, name, identity, context)],
    coversDefault: true,
  }
}

/** A serial's sequence may take the name: it is made where the identity's has gone. */
function removed(
  to: SchemaObject,
  identity: Properties,
  alter: string,
  context: RuleContext,
): IdentityActions {
  const name = identitySequence(to, identity)
  const sequence = context.after(objectId('sequence', ...name))
  const value = to.properties['default']
  const takesOver = sequence !== undefined && context.before(idOf(sequence)) === undefined
  const made = takesOver
    ? [{ ...createSequence(sequence), alters: [idOf(to)] }, countOn(to, name, sequence.properties, context)]
    : []
  return {
    before: [brief(`${alter} DROP IDENTITY`), ...made],
    after: value === undefined ? [] : [brief(`${alter} SET DEFAULT ${said(value)}`)],
    coversDefault: true,
  }
}

/** The new sequence goes on after the greatest value there is. */
function countOn(
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

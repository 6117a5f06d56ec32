/** A column altered in place: type, default, NOT NULL, identity, and the rest, in the order that the server allows. */
import { said } from '../said.ts'
import type { Altered } from '../../../diff/diff.ts'
import type { Action, AlterAnswer, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { generatedOf, parenthesised, tableIdOf } from './column-text.ts'
import { identityActions, NO_IDENTITY_CHANGE } from './column-identity.ts'
import { notNullActions } from './column-not-null.ts'
import { typeAnswer } from './column-type.ts'
import { attachmentsAfter, coveredByParent, sameOn, stableChildren, stableParents } from './family.ts'
import { ownName } from './names.ts'
import {
  brief,
  foreignOptionChanges,
  hazard,
  isQuiet,
  majorOf,
  optionChanges,
  optionsIn,
  tableOf,
  textOf,
} from './tools.ts'

export function alterColumn(change: Altered, context: RuleContext): AlterAnswer | 'replace' {
  const generation = generatedChange(change, context)
  if (generation === 'replace') return 'replace'
  const { to, properties } = change
  const inheritance = inheritanceAnswer(change, context)
  if (inheritance !== undefined) return inheritance
  const type = changesType(change) ? typeAnswer(change, context) : { actions: [] }
  if (type.rebuild?.includes(tableIdOf(to)) === true) return type
  const handled = type.actions.length > 0
  const identity = properties.includes('identity') ? identityActions(change, context) : NO_IDENTITY_CHANGE
  const withDefault = properties.includes('default') && !handled
  const actions = [
    ...identity.before,
    ...generation,
    ...type.actions,
    ...(withDefault && !identity.coversDefault ? defaultActions(to, context) : []),
    ...(properties.some((name) => name.startsWith('notNull')) ? notNullActions(change, context) : []),
    ...identity.after,
    ...settings(change),
  ]
  return { ...type, actions: actions.map((action) => ({ alters: [idOf(to)], ...action })) }
}

/**
 * Whether a column is the table's own or only its parents' is decided when the parent gives it, or lets go: all else
 * needs another table. Undefined when nothing has to be done for it.
 */
function inheritanceAnswer({ id, from, to }: Altered, context: RuleContext): AlterAnswer | undefined {
  const [before, after] = [from.properties['inherited'] === true, to.properties['inherited'] === true]
  const tableId = tableIdOf(to)
  if (before === after) return undefined
  const givers = stableParents(tableId, context).filter((parent) => sameOn(parent, to, context.after))
  if (after) {
    const given = givers.some((parent) => sameOn(parent, to, context.before) === undefined)
    return { actions: [], rebuild: given ? holding(id, context) : [tableId] }
  }
  if (to.facts?.['fromParent'] !== true || givers.length === 0) return undefined
  // Let go of and attached again, all its columns are its own.
  const allOwn = context.partsAfter(tableId).every(({ properties }) => properties['inherited'] !== true)
  return { actions: [], rebuild: allOwn ? attachmentsAfter(tableId, context).map(idOf) : [tableId] }
}

/** A table made OF a type follows its type. */
function changesType({ from, to, properties }: Altered): boolean {
  const follows = from.facts?.['typed'] === true && to.facts?.['typed'] === true
  return !follows && (properties.includes('type') || properties.includes('collation'))
}

function holding(id: string, context: RuleContext): string[] {
  return context
    .dependentsBefore(id)
    .filter(({ kind }) => kind !== 'attachment')
    .map(idOf)
}

/** Children have defaults of their own: each table's is set alone. */
function defaultActions(to: SchemaObject, context: RuleContext): Action[] {
  const only = stableChildren(tableIdOf(to), context).length > 0 ? 'ONLY ' : ''
  const value = to.properties['default']
  const what = value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${said(value)}`
  return [brief(`ALTER TABLE ${only}${tableOf(to)} ALTER COLUMN ${ownName(to)} ${what}`)]
}

function generatedChange(change: Altered, context: RuleContext): Action[] | 'replace' {
  if (!change.properties.includes('generated')) return []
  const before = generatedOf(change.from.properties)
  const after = generatedOf(change.to.properties)
  const tableId = tableIdOf(change.to)
  const covered = coveredByParent(change, 'generated', context)
  if (after === undefined && before?.kind === 'stored') {
    return covered
      ? []
      : [brief(`ALTER TABLE ${tableOf(change.to)} ALTER COLUMN ${ownName(change.to)} DROP EXPRESSION`)]
  }
  const settable = majorOf(context) >= 17 && before !== undefined && before.kind === after?.kind
  if (!settable || change.properties.includes('type')) return 'replace'
  if (covered) return []
  const rewrites = after.kind === 'stored' && !isQuiet(tableId, context)
  const name = change.to.name.join('.')
  return [
    brief(
      `ALTER TABLE ${tableOf(change.to)} ALTER COLUMN ${ownName(change.to)} SET EXPRESSION AS ${parenthesised(after.expression)}`,
      {
        rewrites,
        hazards: rewrites ? [hazard('table-rewrite', `Every row is written anew to compute ${name}.`)] : [],
      },
    ),
  ]
}

function settings({ from, to, properties }: Altered): Action[] {
  const alter = `ALTER TABLE ONLY ${tableOf(to)} ALTER COLUMN ${ownName(to)}`
  const sets: string[] = []
  if (properties.includes('storage')) {
    const storage = textOf(to.properties, 'storage') ?? to.facts?.['usualStorage']
    sets.push(`SET STORAGE ${said(storage).toUpperCase()}`)
  }
  if (properties.includes('compression'))
    sets.push(`SET COMPRESSION ${textOf(to.properties, 'compression') ?? 'default'}`)
  if (properties.includes('statistics'))
    sets.push(`SET STATISTICS ${textOf(to.properties, 'statistics') ?? '-1'}`)
  if (properties.includes('options'))
    sets.push(...optionChanges(optionsIn(from.properties), optionsIn(to.properties)))
  if (properties.includes('serverOptions')) {
    sets.push(
      foreignOptionChanges(
        optionsIn(from.properties, 'serverOptions'),
        optionsIn(to.properties, 'serverOptions'),
      ),
    )
  }
  return sets.filter((set) => set !== '').map((set) => brief(`${alter} ${set}`))
}

/** A column altered in place: type, default, NOT NULL, identity, and the rest, in the order that the server allows. */
import { said } from '../../said.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, AlterAnswer, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { type Generated, generatedOf, parenthesised, tableIdOf } from './column-text.ts'
import { identityActions, NO_IDENTITY_CHANGE } from './column-identity.ts'
import { notNullAnswer } from './column-not-null.ts'
import { isInPartitionKey, isOfValues, typeAnswer } from './column-type.ts'
import { goesWithExtension } from '../types/moved-types.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  coveredByParent,
  descendantsBefore,
  goneId,
  parentOf,
  sameOn,
  stableChildren,
  stableParents,
} from '../partitions/family.ts'
import { ownName } from '../names.ts'
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
} from '../tools.ts'

export function alterColumn(change: Altered, context: RuleContext): AlterAnswer | 'replace' {
  const generation = generatedChange(change, context)
  const { to, properties } = change
  if (generation === 'replace') return generatedAnew(change, context)
  const inheritance = inheritanceAnswer(change, context)
  if (inheritance !== undefined) return inheritance
  const carried = isCarriedAside(change, context)
  const type = changesType(change, context, carried) ? typeAnswer(change, context) : { actions: [] }
  if (type.rebuild?.includes(tableIdOf(to)) === true) return type
  const handled = carried || type.actions.length > 0
  const identity = properties.includes('identity') ? identityActions(change, context) : NO_IDENTITY_CHANGE
  const withDefault = properties.includes('default') && !handled
  const notNull = properties.some((name) => name.startsWith('notNull'))
    ? notNullAnswer(change, context)
    : { actions: [] }
  const actions = [
    ...identity.before,
    ...generation,
    ...type.actions,
    ...(withDefault && !identity.coversDefault ? defaultActions(change, context) : []),
    ...notNull.actions,
    ...identity.after,
    ...settings(change),
  ]
  const needs = neededBy(change, context)
  return {
    rebuild: [
      ...(type.rebuild ?? []),
      ...(notNull.rebuild ?? []),
      ...inTheWayOfNoExpression(change, context),
    ],
    actions: actions.map((action) => ({ alters: [idOf(to)], needs, ...action })),
  }
}

function neededBy(change: Altered, context: RuleContext): string[] {
  const { to, properties } = change
  const follows = properties.includes('type') && coveredByParent(change, 'type', context)
  return [
    ...(isTypeAnew(to, context) ? [goneId(`of:${tableIdOf(to)}`)] : []),
    // Storage is the type's usual one again after that.
    ...(follows ? sameAbove(to, context) : []),
  ]
}

/** Ids of the column on all tables above. */
function sameAbove(column: SchemaObject, context: RuleContext): string[] {
  return stableParents(tableIdOf(column), context).flatMap((parent) => {
    const same = sameOn(parent, column, context.after)
    return same === undefined ? [] : [idOf(same), ...sameAbove(same, context)]
  })
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

/** One that a parent has otherwise can only be made anew while the table is let go. */
function generatedAnew(change: Altered, context: RuleContext): AlterAnswer | 'replace' {
  const tableId = tableIdOf(change.to)
  const ofParent = stableParents(tableId, context).length > 0
  return ofParent && !coveredByParent(change, 'generated', context)
    ? { actions: [], rebuild: attachmentsAfter(tableId, context).map(idOf) }
    : 'replace'
}

/** Its values wait as text: with the type, it gets its new default when it takes hold again. */
function isCarriedAside({ id, from, to }: Altered, context: RuleContext): boolean {
  return (
    context.letsGoOf(id).some((other) => isOfValues(from, other)) &&
    generatedOf(from.properties) === undefined &&
    !isInPartitionKey(from, context) &&
    !coveredByParent({ from, to }, 'type', context)
  )
}

/** The type that the table is made OF: the table does without it meanwhile. */
function isTypeAnew(column: SchemaObject, context: RuleContext): boolean {
  const needed = context.before(tableIdOf(column))?.dependsOn ?? []
  return needed.some((id) => id.startsWith('composite_type:') && context.isDropped(id))
}

/** A table made OF a type follows its type. */
function changesType({ from, to, properties }: Altered, context: RuleContext, carried: boolean): boolean {
  const retyped = properties.includes('type') && !goesWithExtension(from, to, context)
  const typed = from.facts?.['typed'] === true && to.facts?.['typed'] === true
  const follows = typed && !isTypeAnew(to, context)
  return !carried && !follows && (retyped || properties.includes('collation'))
}

function holding(id: string, context: RuleContext): string[] {
  return context
    .dependentsBefore(id)
    .filter(({ kind }) => kind !== 'attachment')
    .map(idOf)
}

/** Children have defaults of their own: each table's is set alone, but for those that a parent's new type gives back. */
function defaultActions(change: Altered, context: RuleContext): Action[] {
  const { to } = change
  if (changesType(change, context, false) && coveredByParent(change, 'type', context)) return []
  const only = stableChildren(tableIdOf(to), context).length > 0 ? 'ONLY ' : ''
  const value = to.properties['default']
  const what = value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${said(value)}`
  return [brief(`ALTER TABLE ${only}${tableOf(to)} ALTER COLUMN ${ownName(to)} ${what}`)]
}

function generatedChange(change: Altered, context: RuleContext): Action[] | 'replace' {
  if (!change.properties.includes('generated')) return []
  const before = generatedOf(change.from.properties)
  const after = generatedOf(change.to.properties)
  const covered = coveredByParent(change, 'generated', context)
  if (after === undefined && before?.kind === 'stored') {
    return covered ? [] : [dropExpression(change.to, context)]
  }
  if (!canBeSet(change, context)) return 'replace'
  if (covered) return isParentsMadeAnew(change.to, context) ? 'replace' : []
  return setExpression(change.to, after as Generated, context)
}

function dropExpression(column: SchemaObject, context: RuleContext): Action {
  const below = descendantsBefore(tableIdOf(column), context)
    .flatMap((child) => sameOn(child, column, context.before) ?? [])
    .filter((one) => !context.isDropped(idOf(one)))
  return brief(`ALTER TABLE ${tableOf(column)} ALTER COLUMN ${ownName(column)} DROP EXPRESSION`, {
    alters: [column, ...below].map(idOf),
  })
}

/** Ids of attachments: the server drops no expression where a child of the table has children itself. */
function inTheWayOfNoExpression({ from, to }: Altered, context: RuleContext): string[] {
  if (generatedOf(from.properties) === undefined || generatedOf(to.properties) !== undefined) return []
  return stableChildren(tableIdOf(to), context).flatMap((child) =>
    stableChildren(child, context).flatMap((one) =>
      attachmentsBefore(one, context)
        .filter((attachment) => parentOf(attachment) === child)
        .map(idOf),
    ),
  )
}

/** From 17 on; the server changes no virtual value that a check or a publication looks at, and there are none to lose. */
function canBeSet({ from, to, properties }: Altered, context: RuleContext): boolean {
  const [before, after] = [generatedOf(from.properties), generatedOf(to.properties)]
  if (majorOf(context) < 17 || before === undefined || before.kind !== after?.kind) return false
  return !properties.includes('type') && (after.kind === 'stored' || !isLookedAt(tableIdOf(to), context))
}

function setExpression(
  column: SchemaObject,
  { kind, expression }: Generated,
  context: RuleContext,
): Action[] {
  const rewrites = kind === 'stored' && !isQuiet(tableIdOf(column), context)
  const why = `Every row is written anew to compute ${column.name.join('.')}.`
  return [
    brief(
      `ALTER TABLE ${tableOf(column)} ALTER COLUMN ${ownName(column)} SET EXPRESSION AS ${parenthesised(expression)}`,
      { rewrites, hazards: rewrites ? [hazard('table-rewrite', why)] : [] },
    ),
  ]
}

function isParentsMadeAnew(column: SchemaObject, context: RuleContext): boolean {
  return stableParents(tableIdOf(column), context).some((parent) => {
    const same = sameOn(parent, column, context.before)
    return same !== undefined && context.isDropped(idOf(same))
  })
}

function isLookedAt(tableId: string, context: RuleContext): boolean {
  const above = (table: string): string[] =>
    attachmentsBefore(table, context).flatMap((one) => [parentOf(one), ...above(parentOf(one))])
  // A check that is only the parent's is told of the parent alone.
  return [tableId, ...above(tableId), ...descendantsBefore(tableId, context)].some(
    (table) =>
      context.partsBefore(table).some((part) => part.properties['type'] === 'check') ||
      context.dependentsBefore(table).some(({ kind }) => kind.startsWith('publication')),
  )
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

/**
 * Checks that a child should have only from its parents, and holds itself as well: those of the parents are taken away
 * and given again, in one transaction for new rows, and in between the child's own is dropped.
 */
import { ident, literal } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, objectId, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { said } from '../../said.ts'
import {
  ancestorsBefore,
  attachmentsAfter,
  childrenAfter,
  isPartition,
  parentOf,
} from '../partitions/family.ts'
import { quote } from '../names.ts'
import { brief, isQuiet, standIn, tableOf, textOf, validation } from '../tools.ts'

/** The check of this name that a table holds itself in the target, and gives to its children. */
function ownOn(table: string, name: string, context: RuleContext): SchemaObject | undefined {
  const path = context.after(table)?.name
  const check = path === undefined ? undefined : context.after(objectId('constraint', ...path, name))
  return check?.properties['type'] === 'check' && isGiven(check) ? check : undefined
}

function isGiven(check: SchemaObject): boolean {
  return !said(check.properties['definition']).endsWith(' NO INHERIT')
}

function parentsOf(table: string, context: RuleContext): string[] {
  return attachmentsAfter(table, context)
    .filter((attachment) => !isPartition(attachment))
    .map(parentOf)
}

/** Tables above that hold the check, the furthest first. */
function holdersAbove(table: string, name: string, context: RuleContext): string[] {
  const above = parentsOf(table, context).flatMap((parent) => [
    ...holdersAbove(parent, name, context),
    ...(ownOn(parent, name, context) === undefined ? [] : [parent]),
  ])
  return [...new Set(above)]
}

function below(table: string, context: RuleContext): string[] {
  return childrenAfter(table, context).flatMap((child) => [child, ...below(child, context)])
}

interface Kin {
  /** Those that give it to others, the furthest above first. */
  readonly holders: readonly string[]
  /** Those that have it only from above. */
  readonly others: readonly string[]
}

/** All that are in it when those above a table give up the check for a moment. */
function kinOf(table: string, name: string, context: RuleContext): Kin {
  const holders = new Set(holdersAbove(table, name, context))
  const others = new Set<string>()
  for (const holder of holders) {
    for (const child of below(holder, context)) {
      const own = ownOn(child, name, context) !== undefined
      if (!own) others.add(child)
      if (!own || childrenAfter(child, context).length > 0)
        for (const more of holdersAbove(child, name, context)) holders.add(more)
    }
  }
  const sorted = [...holders].toSorted(
    (a, b) =>
      holdersAbove(a, name, context).length - holdersAbove(b, name, context).length || (a < b ? -1 : 1),
  )
  return { holders: sorted, others: [...others].toSorted() }
}

/** Of a child's own check that goes while its parents' stays; undefined when no parent's does. */
export function heldNoMore(check: SchemaObject, context: RuleContext): readonly Action[] | undefined {
  const table = check.parent ?? ''
  const name = check.name.at(-1) ?? ''
  if (check.properties['type'] !== 'check' || context.isNew(table)) return undefined
  const kin = kinOf(table, name, context)
  if (kin.holders.length === 0) return undefined
  const going = kin.others
    .map((other) => objectId('constraint', ...(context.after(other)?.name ?? []), name))
    .filter((id) => context.before(id) !== undefined && context.isDropped(id))
  if (going[0] !== idOf(check)) return []
  return settled(kin, name, context).map((action) => ({ ...action, drops: going }))
}

function settled({ holders, others }: Kin, name: string, context: RuleContext): Action[] {
  const checks = holders.flatMap((table) => ownOn(table, name, context) ?? [])
  const constraint = quote([name])
  const quiet = [...holders, ...others].every((table) => isQuiet(table, context))
  return [
    ...checks.map((check) => brief(`ALTER TABLE ${tableOf(check)} DROP CONSTRAINT ${constraint}`)),
    ...others.map((table) =>
      brief(`ALTER TABLE ${quote(context.after(table)?.name ?? [])} DROP CONSTRAINT IF EXISTS ${constraint}`),
    ),
    ...checks.flatMap((check) => again(check, constraint, quiet)),
    ...checks.flatMap((check) =>
      isProved(check) && !quiet ? [validation(`ALTER TABLE ${tableOf(check)}`, constraint)] : [],
    ),
  ]
}

function isProved({ properties }: SchemaObject): boolean {
  return properties['notValid'] !== true && !said(properties['definition']).endsWith(' NOT ENFORCED')
}

function again(check: SchemaObject, constraint: string, quiet: boolean): Action[] {
  const comment = textOf(check.properties, 'comment')
  const notValid = check.properties['notValid'] === true || (isProved(check) && !quiet)
  return [
    brief(
      `ALTER TABLE ${tableOf(check)} ADD CONSTRAINT ${constraint} ${said(check.properties['definition'])}${notValid ? ' NOT VALID' : ''}`,
    ),
    ...(comment === undefined
      ? []
      : [brief(`COMMENT ON CONSTRAINT ${constraint} ON ${tableOf(check)} IS ${literal(comment).trim()}`)]),
  ]
}

/**
 * NO INHERIT takes a check that the parent keeps to itself for one that it gave, where the child has one of that name:
 * the server fails, or forgets who gave it (seen from 14 to 18). It has another name meanwhile.
 */
export function mistaken(attachment: SchemaObject, context: RuleContext): { aside: Action; back: Action }[] {
  const parent = parentOf(attachment)
  const others = [attachment.parent ?? '', ...ancestorsBefore(attachment.parent ?? '', context)]
  const names = new Set(
    others
      .filter((table) => table !== parent)
      .flatMap((table) => context.partsBefore(table))
      .filter(({ kind }) => kind === 'constraint')
      .map(({ name }) => name.at(-1)),
  )
  return context
    .partsBefore(parent)
    .filter(isForItself)
    .filter(({ name }) => names.has(name.at(-1)))
    .map((check) => {
      const table = `ALTER TABLE ${quote(check.name.slice(0, 2))}`
      const [name, other] = [
        quote(check.name.slice(-1)),
        ident(standIn(check.name.at(-1) ?? '', '_tenantry_own')),
      ]
      return {
        aside: brief(`${table} RENAME CONSTRAINT ${name} TO ${other}`, { drops: [] }),
        back: brief(`${table} RENAME CONSTRAINT ${other} TO ${name}`, { drops: [idOf(attachment)] }),
      }
    })
}

/** A check that children are not given. */
export function isForItself({ properties }: SchemaObject): boolean {
  return properties['type'] === 'check' && said(properties['definition']).endsWith(' NO INHERIT')
}

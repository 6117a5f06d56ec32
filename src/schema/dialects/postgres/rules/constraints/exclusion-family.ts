/**
 * Exclusions of partitioned tables, keys WITHOUT OVERLAPS among them: the server attaches no such index that is there
 * already. It makes those of the partitions itself, with the parent's constraint or when a partition is attached.
 */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { usualName } from '../../usual-names.ts'
import { childrenAfter, stableChildren } from '../partitions/family.ts'
import { attachedParts } from '../indexes/index-family.ts'
import { brief, tableOf } from '../tools.ts'

export function isExclusion({ kind, properties }: SchemaObject): boolean {
  if (kind !== 'constraint') return false
  return properties['type'] === 'exclusion' || said(properties['definition']).includes(' WITHOUT OVERLAPS)')
}

/** Whether another statement brings it. */
export function comesWithParent(constraint: SchemaObject): boolean {
  return isExclusion(constraint) && constraint.properties['attachedTo'] !== undefined
}

/** Those of partitions that a constraint brings along when it is made. */
export function broughtBelow(constraint: SchemaObject, context: RuleContext): SchemaObject[] {
  if (!isExclusion(constraint)) return []
  const children = stableChildren(constraint.parent ?? '', context)
  return attachedParts(constraint, children, context.partsAfter).flatMap((part) => [
    part,
    ...broughtBelow(part, context),
  ])
}

/** Those that a table, and its partitions, are given when it is attached. */
export function broughtByAttaching(table: string, context: RuleContext): SchemaObject[] {
  const own = context.partsAfter(table).filter((part) => comesWithParent(part) && context.isNew(idOf(part)))
  const below = childrenAfter(table, context)
  return own.length === 0 ? [] : [...own, ...below.flatMap((child) => broughtByAttaching(child, context))]
}

/** From the names that the server chooses to those that are wanted. */
export function renamed(constraints: readonly SchemaObject[]): Action[] {
  return constraints.flatMap((constraint): Action[] => {
    const [usual, wanted] = [usualIndexName(constraint), constraint.name.at(-1) ?? '']
    // A number is added to a name that is taken.
    if (wanted === usual || (wanted.startsWith(usual) && /^\d+$/.test(wanted.slice(usual.length)))) return []
    return [brief(`ALTER TABLE ${tableOf(constraint)} RENAME CONSTRAINT ${ident(usual)} TO ${ident(wanted)}`)]
  })
}

function usualIndexName({ name: [, table = ''], properties, facts }: SchemaObject): string {
  if (properties['type'] === 'primary key') return usualName('_pkey', table)
  const columns = (facts?.['indexColumns'] ?? []) as readonly string[]
  return usualName('_excl', table, columns.join('_'))
}

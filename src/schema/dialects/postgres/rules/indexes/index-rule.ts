/** Indexes that no constraint has made. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { goneId, stableParents } from '../partitions/family.ts'
import {
  build,
  changeInPlace,
  indexExtras,
  indexName,
  keepsUnique,
  noReplicaIdentity,
  type IndexText,
} from './index-build.ts'
import { becomes, formerOf, goesWith, goneAs, passingName, unsettledBy } from './index-family.ts'
import { brief, isQuiet, standIn } from '../tools.ts'

export function textOfIndex({ properties }: SchemaObject): IndexText {
  return { unique: properties['unique'] === true, using: said(properties['using']) }
}

function renamed(index: SchemaObject, from: string, to: string): Action {
  return brief(`ALTER INDEX ${indexName(index, from)} RENAME TO ${ident(to)}`, {
    lock: 'share update exclusive',
  })
}

function create(index: SchemaObject, context: RuleContext): readonly Action[] {
  const former = formerOf(index, context)
  if (former !== undefined)
    return [{ ...renamed(index, passingName(index), index.name.at(-1) ?? ''), needs: [goneId(idOf(former))] }]
  const [last, ...rest] = build(index, textOfIndex(index), context).toReversed()
  const made = last === undefined ? [] : [{ ...last, creates: [idOf(index)] }]
  return [...rest.toReversed(), ...made, ...indexExtras(index, context)]
}

/** With a partitioned table's index go those of its partitions, which cannot go alone. */
function drop(index: SchemaObject, context: RuleContext): readonly Action[] {
  const other = becomes(index, context)
  if (other !== undefined)
    return [{ ...renamed(index, index.name.at(-1) ?? '', passingName(other)), ...goneAs(index) }]
  const tableId = index.parent ?? ''
  const ids = [idOf(index), ...goesWith(index, context).map(idOf)]
  const partitioned = context.before(tableId)?.properties['partitionBy'] !== undefined
  const attached = index.properties['attachedTo'] !== undefined && stableParents(tableId, context).length > 0
  if (partitioned || attached || isQuiet(tableId, context) || keepsUnique(index, context)) {
    return [
      ...noReplicaIdentity(index, context),
      brief(`DROP INDEX ${indexName(index)}`, { drops: ids, creates: [goneId(idOf(index))] }),
    ]
  }
  return [
    ...noReplicaIdentity(index, context),
    {
      sql: `DROP INDEX CONCURRENTLY ${indexName(index)}`,
      drops: ids,
      creates: [goneId(idOf(index))],
      transactional: false,
      long: true,
      lock: 'share update exclusive',
    },
  ]
}

export const indexRule: KindRule = {
  create,
  drop,
  alter: (change, context) => {
    const { from, to } = change
    const inPlace = changeInPlace(change, context)
    if (inPlace !== undefined) return { actions: inPlace }
    const tableId = to.parent ?? ''
    const lonely =
      from.properties['attachedTo'] === undefined &&
      to.properties['attachedTo'] === undefined &&
      context.before(tableId)?.properties['partitionBy'] === undefined
    const followed = context.dependentsBefore(idOf(from)).length > 0
    if (!lonely || followed || isQuiet(tableId, context) || typesChange(from, context)) return 'replace'
    // The new one is there before the old one goes.
    const name = standIn(to.name.at(-1) ?? '', '_tenantry_new')
    return {
      actions: [
        ...build(to, textOfIndex(to), context, name),
        {
          sql: `DROP INDEX CONCURRENTLY ${indexName(from)}`,
          transactional: false,
          long: true,
          lock: 'share update exclusive' as const,
        },
        renamed(to, name, to.name.at(-1) ?? ''),
        ...indexExtras(to, context),
      ].map((action: Action) => ({ alters: [idOf(to)], ...action })),
    }
  },
  unsettles: unsettledBy,
  rename: ({ from, to }) => [renamed(from, from.name.at(-1) ?? '', to.name.at(-1) ?? '')],
}

/** Whether a column that it stands on gets another type: then it may only be built after that, and must go before. */
export function typesChange(part: SchemaObject, context: RuleContext): boolean {
  return part.dependsOn.some((id) => {
    const before = context.before(id)
    if (before?.kind !== 'column') return false
    const after = context.after(id)
    return (
      after !== undefined && (before.properties['type'] !== after.properties['type'] || context.isDropped(id))
    )
  })
}

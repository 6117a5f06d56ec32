/** Indexes that no constraint has made. */
import { said } from '../said.ts'
import { ident } from '../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { goneId, stableChildren, stableParents } from './family.ts'
import {
  attachedParts,
  build,
  changeInPlace,
  goesAlong,
  indexExtras,
  indexName,
  type IndexText,
} from './index-build.ts'
import { brief, isQuiet, standIn } from './tools.ts'

function textOfIndex({ properties }: SchemaObject): IndexText {
  return { unique: properties['unique'] === true, using: said(properties['using']) }
}

function create(index: SchemaObject, context: RuleContext): readonly Action[] {
  const [last, ...rest] = build(index, textOfIndex(index), context).toReversed()
  const made = last === undefined ? [] : [{ ...last, creates: [idOf(index)] }]
  return [...rest.toReversed(), ...made, ...indexExtras(index, context)]
}

/** With a partitioned table's index go those of its partitions, which cannot go alone. */
function drop(index: SchemaObject, context: RuleContext): readonly Action[] {
  const tableId = index.parent ?? ''
  const ids = [idOf(index), ...attachedBelow(index, context).map(idOf)]
  const partitioned = context.before(tableId)?.properties['partitionBy'] !== undefined
  const attached = index.properties['attachedTo'] !== undefined && stableParents(tableId, context).length > 0
  if (partitioned || attached || isQuiet(tableId, context)) {
    return [brief(`DROP INDEX ${indexName(index)}`, { drops: ids, creates: [goneId(idOf(index))] })]
  }
  return [
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

function attachedBelow(index: SchemaObject, context: RuleContext): SchemaObject[] {
  const parts = attachedParts(index, stableChildren(index.parent ?? '', context), context.partsBefore)
  return parts
    .flatMap((part) => [part, ...attachedBelow(part, context)])
    .filter((part) => context.isDropped(idOf(part)))
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
        brief(`ALTER INDEX ${indexName(to, name)} RENAME TO ${ident(to.name.at(-1) ?? '')}`, {
          lock: 'share update exclusive',
        }),
        ...indexExtras(to, context),
      ].map((action: Action) => ({ alters: [idOf(to)], ...action })),
    }
  },
  unsettles: goesAlong,
  rename: ({ from, to }) => [
    brief(`ALTER INDEX ${indexName(from)} RENAME TO ${ident(to.name.at(-1) ?? '')}`, {
      lock: 'share update exclusive',
    }),
  ],
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

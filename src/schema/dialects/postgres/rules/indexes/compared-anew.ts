/**
 * Whether a partition's index is like its parent's, the server tells by what it made of their expressions when it first
 * looked at them in this session: calls of SQL functions are written out there, as those were then.
 */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { sameJson } from '../../../../snapshot/canonical.ts'
import { idOf, type SchemaObject, type Snapshot } from '../../../../snapshot/snapshot.ts'
import { said } from '../../said.ts'
import { quote } from '../names.ts'
import { brief } from '../tools.ts'
import { passingName } from './index-family.ts'

const changedIn = new WeakMap<Snapshot, WeakMap<Snapshot, readonly string[]>>()

/** Ids of SQL functions that this plan changes in place: who calls which is not known. */
function changedFunctions({ source, target, before }: RuleContext): readonly string[] {
  const bySource = changedIn.get(source) ?? new WeakMap<Snapshot, readonly string[]>()
  changedIn.set(source, bySource)
  const known = bySource.get(target)
  if (known !== undefined) return known
  const isSql = ({ properties }: SchemaObject): boolean =>
    /\bLANGUAGE sql\b/.test(said(properties['definition']))
  const found = target.objects.flatMap((to) => {
    const from = to.kind === 'function' ? before(idOf(to)) : undefined
    const changed = from !== undefined && !sameJson(from.properties, to.properties)
    return changed && (isSql(from) || isSql(to)) ? [idOf(to)] : []
  })
  bySource.set(target, found)
  return found
}

/**
 * Statements that make the server forget what it made of the expressions of these indexes: it does so when one takes
 * another name, and its own again.
 */
export function comparedAnew(indexes: readonly SchemaObject[], context: RuleContext): Action[] {
  const functions = changedFunctions(context)
  if (functions.length === 0) return []
  const isCalling = ({ dependsOn }: SchemaObject): boolean =>
    dependsOn.some((id) => id.startsWith('function:'))
  return indexes
    .filter((index) => isCalling(index) && !context.isNew(idOf(index)))
    .flatMap((index) => {
      const names = [index.name.at(-1) ?? '', passingName(index)] as const
      return [names, names.toReversed()].map(([from = '', to = '']) =>
        brief(`ALTER INDEX ${quote([index.name[0] ?? '', from])} RENAME TO ${ident(to)}`, {
          creates: [],
          alters: [],
          needs: [idOf(index), ...functions],
          lock: 'share update exclusive',
        }),
      )
    })
}

/** What a column is numbered by: its identity's sequence, or the one that its default asks. */
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, type Properties, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { identityOf, identitySequence } from './column-text.ts'

export interface Counter {
  readonly name: readonly string[]
  readonly options: Properties
  /** Of the sequence; an identity's has none of its own. */
  readonly id?: string
}

/** Undefined also where a default asks several. */
export function counterOf(column: SchemaObject, lookUp: RuleContext['before']): Counter | undefined {
  const identity = identityOf(column.properties)
  if (identity !== undefined) return { name: identitySequence(column, identity), options: identity }
  const [sequence, another] = column.dependsOn.flatMap((id) =>
    id.startsWith('sequence:') ? (lookUp(id) ?? []) : [],
  )
  return sequence === undefined || another !== undefined
    ? undefined
    : { name: sequence.name, options: sequence.properties, id: idOf(sequence) }
}

/** How far a column has counted goes with this one, and the other one, which is new, goes on from there. */
export interface Succession {
  readonly former: Counter
  readonly next?: Counter
}

/** Undefined where nothing goes that has counted. @param replaced whether the column's table is made anew */
export function successionOf(
  from: SchemaObject,
  to: SchemaObject,
  replaced: boolean,
  context: RuleContext,
): Succession | undefined {
  const [former, next] = [counterOf(from, context.before), counterOf(to, context.after)]
  if (former === undefined) return undefined
  const stays =
    former.id === undefined
      ? !replaced && next !== undefined && next.id === undefined
      : !context.isDropped(former.id)
  if (stays) return undefined
  const isNew = next !== undefined && (next.id === undefined || context.isNew(next.id))
  return isNew ? { former, next } : { former }
}

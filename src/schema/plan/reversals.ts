/** What undoes a plan, told step by step. */
import type { Dialect } from '../dialects/dialect.ts'
import type { Side } from '../snapshot/side.ts'
import { idOf, withoutMeasures, type SchemaObject, type Snapshot } from '../snapshot/snapshot.ts'
import type { Comparison } from './context.ts'
import { goneAfter, type Node } from './nodes.ts'

/**
 * Shares the statements of the way back among the nodes that lead forward: each goes to the node that did what it
 * undoes, or to an earlier one, so that they keep their order when the nodes are undone from the last to the first.
 * @param back of the way back
 */
export function reversalsOf(
  back: Comparison,
  forward: readonly Node[],
  wayBack: readonly Node[],
): string[][] {
  const result: string[][] = forward.map(() => [])
  const lastOn = new Map<string, number>()
  for (const [at, node] of forward.entries()) for (const id of touched(node)) lastOn.set(id, at)
  let at = forward.length - 1
  for (const node of wayBack) {
    const ids = [...touched(node), ...goneAfter(back, node)]
    const found = ids.flatMap((id) => lastOn.get(id) ?? [])
    at = Math.min(at, ...(found.length === 0 ? [] : [Math.max(...found)]))
    if (node.action.onlyLocks !== true) result[at]?.push(node.action.sql)
  }
  return result
}

function touched({ id, creates, drops, alters }: Node): string[] {
  return [id, ...creates, ...drops, ...alters]
}

/**
 * The target as it will be in the source's database, where other things hold than where it was looked at. Facts are no
 * part of the fingerprint, nor of the order.
 */
export function reached({ factsReached }: Dialect, source: Side, target: Snapshot): Snapshot {
  if (factsReached === undefined) return withoutMeasures(target)
  const objects = target.objects.map((object): SchemaObject => ({
    ...object,
    facts: factsReached(object, source.objects.get(idOf(object))),
  }))
  return withoutMeasures({ ...target, objects })
}

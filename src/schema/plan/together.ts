/** What must not be parted by the end of a transaction: nobody is to see what is in between. */
import { listAt } from '../snapshot/side.ts'
import type { Node } from './nodes.ts'
import type { Edge } from './order.ts'

/** Numbers of the nodes that are to share a transaction, by what their actions say. */
export function togetherOnes(nodes: readonly Node[]): number[][] {
  const groups = new Map<string, number[]>()
  for (const [number, { action }] of nodes.entries()) {
    if (action.together !== undefined) listAt(groups, action.together).push(number)
  }
  return [...groups.values()].filter((members) => members.length > 1)
}

/** The same, and what makes one object anew, or lets it go of something for a while: it is not to be missing. */
function inseparable(nodes: readonly Node[]): number[][] {
  const made = new Map<string, number[]>()
  for (const [number, { verb, id }] of nodes.entries()) if (verb !== 'alter') listAt(made, id).push(number)
  const anew = [...made.values()].filter((members) => {
    const verbs = new Set(members.map((member) => nodes[member]?.verb))
    return verbs.size > 1
  })
  return [...togetherOnes(nodes), ...anew]
}

/** Whether a transaction ends before it, or after. */
function endsTransaction({ action }: Node): boolean {
  return action.transactional === false || action.ownTransaction === true
}

/**
 * What ends a transaction and must come before one of them comes before all of them, unless it must come after another.
 */
export function togetherEdges(nodes: readonly Node[], edges: readonly Edge[]): Edge[] {
  if (!nodes.some(endsTransaction)) return []
  const [before, after] = [new Map<number, number[]>(), new Map<number, number[]>()]
  for (const { from, to } of edges) {
    listAt(before, to).push(from)
    listAt(after, from).push(to)
  }
  return inseparable(nodes).flatMap((members) => {
    const ends = [...reach(members, before)].filter((number) => endsTransaction(nodes[number] as Node))
    // One that ends it itself parts them anyway.
    if (ends.length === 0 || ends.some((number) => members.includes(number))) return []
    const following = reach(members, after)
    return ends
      .filter((number) => !following.has(number))
      .flatMap((from) => members.map((to): Edge => ({ from, to, weak: true })))
  })
}

function reach(start: readonly number[], before: ReadonlyMap<number, readonly number[]>): Set<number> {
  const found = new Set<number>()
  const open = [...start]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const other of before.get(node) ?? []) {
      if (found.has(other)) continue
      found.add(other)
      open.push(other)
    }
  }
  return found
}

/** The order of a plan's actions: one graph, sorted the same way every time. */
import { byCodePoint } from '../snapshot/snapshot.ts'
import { Heap } from './heap.ts'

export interface Edge {
  readonly from: number
  readonly to: number
  /** Given up when it is part of a circle. */
  readonly weak: boolean
}

export type Ordered =
  | { readonly order: readonly number[] }
  /** Nodes that wait for each other. */
  | { readonly circle: readonly number[] }

/**
 * Sorts nodes so that every edge points forward; among those that are free, the smaller rank goes first, then the
 * smaller key. Weak edges inside a circle are given up.
 */
export function order(ranks: readonly number[], keys: readonly string[], edges: readonly Edge[]): Ordered {
  const strong = circleIn(
    ranks.length,
    edges.filter((edge) => !edge.weak),
  )
  if (strong.length > 0) return { circle: strong }
  let kept = edges
  for (;;) {
    const circle = new Set(circleIn(ranks.length, kept))
    if (circle.size === 0) break
    kept = kept.filter((edge) => !(edge.weak && circle.has(edge.from) && circle.has(edge.to)))
  }
  return { order: sorted(effectiveRanks(ranks, kept), keys, kept) }
}

/** What only makes room goes as early as what it makes room for. */
export const LATE_RANK = 2

function effectiveRanks(ranks: readonly number[], edges: readonly Edge[]): number[] {
  const result = [...ranks]
  const next = successors(ranks.length, edges)
  const any = sorted(result, ranks.map(String), edges)
  for (const node of any.toReversed()) {
    if (result[node] !== LATE_RANK) continue
    result[node] = Math.min(LATE_RANK, ...(next[node] ?? []).map((other) => result[other] as number))
  }
  return result
}

function successors(size: number, edges: readonly Edge[]): number[][] {
  const next: number[][] = Array.from({ length: size }, () => [])
  for (const edge of edges) next[edge.from]?.push(edge.to)
  return next
}

/** Kahn's algorithm with a heap of the nodes that wait for nothing. */
function sorted(ranks: readonly number[], keys: readonly string[], edges: readonly Edge[]): number[] {
  const next = successors(ranks.length, edges)
  const waitsFor = ranks.map(() => 0)
  for (const edge of edges) waitsFor[edge.to] = (waitsFor[edge.to] ?? 0) + 1
  const before = (a: number, b: number): boolean => {
    const byRank = (ranks[a] as number) - (ranks[b] as number)
    return (byRank || byCodePoint(keys[a] as string, keys[b] as string) || a - b) < 0
  }
  const free = new Heap(before)
  for (const [node, count] of waitsFor.entries()) if (count === 0) free.push(node)
  const result: number[] = []
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    result.push(node)
    for (const other of next[node] ?? []) {
      waitsFor[other] = (waitsFor[other] as number) - 1
      if (waitsFor[other] === 0) free.push(other)
    }
  }
  return result
}

/** The nodes of one circle of edges, empty when there is none: what is left after taking away all loose ends. */
function circleIn(size: number, edges: readonly Edge[]): number[] {
  const next = successors(size, edges)
  const state = new Uint8Array(size)
  for (let start = 0; start < size; start++) {
    const found = state[start] === 0 ? circleFrom(start, next, state) : undefined
    if (found !== undefined) return found
  }
  return []
}

const OPEN = 1
const CLOSED = 2

/** Depth-first with a path of its own, so that a chain of 100,000 needs no deep call stack. */
function circleFrom(start: number, next: readonly number[][], state: Uint8Array): number[] | undefined {
  const path = [{ node: start, at: 0 }]
  state[start] = OPEN
  while (path.length > 0) {
    const top = path.at(-1) as { node: number; at: number }
    const other = next[top.node]?.[top.at++]
    if (other === undefined) {
      state[top.node] = CLOSED
      path.pop()
    } else if (state[other] === OPEN) {
      return path.slice(path.findIndex(({ node }) => node === other)).map(({ node }) => node)
    } else if (state[other] !== CLOSED) {
      state[other] = OPEN
      path.push({ node: other, at: 0 })
    }
  }
  return undefined
}

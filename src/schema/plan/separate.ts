/**
 * What works for as long as a table is large gets a transaction of its own: nothing else is locked meanwhile but what
 * cannot go without it.
 */
import type { Dialect } from '../dialects/dialect.ts'
import { listAt } from '../snapshot/side.ts'
import type { SchemaObject } from '../snapshot/snapshot.ts'
import type { Hazard } from './hazards.ts'
import { circlesOf } from './circles.ts'
import type { Comparison } from './context.ts'
import { Heap } from './heap.ts'
import { goneAfter, type Node } from './nodes.ts'
import type { Edge } from './order.ts'
import { togetherOnes } from './together.ts'

/**
 * Puts the nodes that share a transaction into units that must stay together, in an order that every edge allows.
 * @param ordered all nodes in their order
 * @param edges by places in that order; those that point backwards were given up
 */
export function separate(
  dialect: Dialect,
  comparison: Comparison,
  ordered: readonly Node[],
  edges: readonly Edge[],
): Node[] {
  const next = new Map<number, number[]>()
  for (const { from, to } of edges) if (from < to) listAt(next, from).push(to)
  const result: Node[] = []
  for (let at = 0; at < ordered.length;) {
    const end = endOfRun(ordered, at)
    const run = ordered.slice(at, end)
    if (run.length > 1 && run.some(worksLong)) {
      const within = [...edgesWithin(next, at, end), ...customary(comparison, run)]
      result.push(...separated(dialect, comparison, run, within))
    } else result.push(...run)
    at = end
  }
  return result
}

/** After the last of those that would share one transaction. */
function endOfRun(nodes: readonly Node[], begin: number): number {
  let end = begin
  while (end < nodes.length && isShared(nodes[end] as Node)) end++
  return Math.max(end, begin + 1)
}

function isShared({ action }: Node): boolean {
  return action.transactional !== false && action.ownTransaction !== true
}

/** Whether it works for as long as a table is large. */
function worksLong({ action }: Node): boolean {
  const { rewrites, long, hazards = [] } = action
  return (
    rewrites === true ||
    long === true ||
    hazards.some(({ name }) => name === 'long-lock' || name === 'table-rewrite')
  )
}

function edgesWithin(
  next: ReadonlyMap<number, readonly number[]>,
  begin: number,
  end: number,
): (readonly [number, number])[] {
  return Array.from({ length: end - begin }, (_, at) =>
    (next.get(begin + at) ?? []).filter((to) => to < end).map((to) => [at, to - begin] as const),
  ).flat()
}

/**
 * What is done to an object keeps its place among what is done to its parts and to what needs it, also where nothing
 * but the order of the kinds has put it there.
 */
function customary(comparison: Comparison, run: readonly Node[]): (readonly [number, number])[] {
  const edges: (readonly [number, number])[] = []
  const last = new Map<string, number>()
  const since = new Map<string, number[]>()
  for (const [at, node] of run.entries()) {
    const { changed, used } = subjectsOf(comparison, node)
    for (const id of changed) {
      const former = last.get(id)
      for (const other of [...(former === undefined ? [] : [former]), ...(since.get(id) ?? [])])
        edges.push([other, at])
      last.set(id, at)
      since.delete(id)
    }
    for (const id of used) {
      const former = last.get(id)
      if (former !== undefined) edges.push([former, at])
      listAt(since, id).push(at)
    }
  }
  return edges.filter(([from, to]) => from !== to)
}

/** What holds parts that can be changed each for itself. */
const RELATION = /^(?:table|foreign_table|view|materialized_view):/

function subjectsOf(
  { before, after }: Comparison,
  { id, creates, drops, alters }: Node,
): { readonly changed: ReadonlySet<string>; readonly used: ReadonlySet<string> } {
  const own = [id, ...creates, ...drops, ...alters]
  const changed = new Set(own)
  const used = new Set<string>()
  for (const one of own) {
    for (const object of [before.objects.get(one), after.objects.get(one)]) {
      const { parent = null, dependsOn = [] } = object ?? {}
      if (parent !== null && !RELATION.test(parent)) changed.add(parent)
      for (const needed of parent === null ? dependsOn : [...dependsOn, parent]) used.add(needed)
    }
  }
  for (const one of used) if (changed.has(one) || one.startsWith('schema:')) used.delete(one)
  return { changed, used }
}

function separated(
  dialect: Dialect,
  comparison: Comparison,
  run: readonly Node[],
  edges: readonly (readonly [number, number])[],
): Node[] {
  const next: number[][] = run.map(() => [])
  for (const [from, to] of edges) next[from]?.push(to)
  const units = inOrder(unitsOf(togetherness(dialect, comparison, run, next), next), next)
  let unit = 0
  let shared = false
  return units.flatMap((members) => {
    const nodes = members.map((at) => run[at] as Node)
    const long = nodes.some(worksLong)
    if (long || !shared) unit++
    shared = !long
    return (long ? named(nodes) : nodes).map((node): Node => ({ ...node, unit }))
  })
}

/** Nodes that cannot be parted: what is made anew is never missing in between, and no table is written anew twice. */
function togetherness(
  dialect: Dialect,
  comparison: Comparison,
  run: readonly Node[],
  next: readonly (readonly number[])[],
): number[][] {
  const { before, after } = comparison
  const same = new Map<string, number[]>()
  const leaving = new Map<string, number[]>()
  const coming = new Map<string, number[]>()
  for (const [at, node] of run.entries()) {
    listAt(same, node.id).push(at)
    // It goes for the sake of what follows, and comes back.
    if (node.verb === 'drop' && after.objects.has(node.id)) same.set(`for ${at}`, [at, ...(next[at] ?? [])])
    const { part } = node.action
    if (part !== undefined && worksLong(node)) listAt(same, part.table).push(at)
    for (const id of goneAfter(comparison, node))
      for (const held of heldBy(dialect, id, before.objects.get(id))) listAt(leaving, held).push(at)
    for (const id of node.creates)
      for (const held of heldBy(dialect, id, after.objects.get(id))) listAt(coming, held).push(at)
  }
  const taken = [...coming].flatMap(([held, members]) => {
    const former = leaving.get(held)
    return former === undefined ? [] : [[...former, ...members]]
  })
  return [...same.values(), ...taken, ...togetherOnes(run)].filter((members) => members.length > 1)
}

/** Its id, and the names that it holds. */
function heldBy(dialect: Dialect, id: string, object: SchemaObject | undefined): string[] {
  return [`object ${id}`, ...(object === undefined ? [] : (dialect.claims?.(object) ?? []))]
}

/** Nodes that are to stay together, and all that has to happen between them. */
function unitsOf(groups: readonly (readonly number[])[], next: readonly (readonly number[])[]): number[][] {
  // In one circle with each other are those that must be together, and what lies between.
  const graph = next.map((to) => [...to])
  for (const members of groups) {
    for (const [at, member] of members.entries()) {
      const following = members[(at + 1) % members.length] as number
      graph[member]?.push(following)
    }
  }
  return circlesOf(graph).map((members) => members.toSorted((a, b) => a - b))
}

/** Among the units that wait for nothing, the one that came first goes first. */
function inOrder(units: readonly number[][], next: readonly (readonly number[])[]): number[][] {
  const unitOf = new Map(units.flatMap((members, unit) => members.map((node) => [node, unit])))
  const after: Set<number>[] = units.map(() => new Set())
  const waits = units.map(() => 0)
  for (const [from, targets] of next.entries()) {
    for (const to of targets) {
      const [a, b] = [unitOf.get(from) as number, unitOf.get(to) as number]
      if (a === b || after[a]?.has(b) === true) continue
      after[a]?.add(b)
      waits[b] = (waits[b] as number) + 1
    }
  }
  const byFirst = [...units.keys()].toSorted((a, b) => (units[a]?.[0] ?? 0) - (units[b]?.[0] ?? 0))
  const place = new Map(byFirst.map((unit, at) => [unit, at]))
  const free = new Heap((a, b) => (place.get(a) as number) < (place.get(b) as number))
  for (const unit of byFirst) if (waits[unit] === 0) free.push(unit)
  const result: number[][] = []
  for (let unit = free.pop(); unit !== undefined; unit = free.pop()) {
    result.push(units[unit] as number[])
    for (const other of after[unit] ?? []) {
      waits[other] = (waits[other] as number) - 1
      if (waits[other] === 0) free.push(other)
    }
  }
  return result
}

/** Says so where several tables have to be written anew in one transaction. */
function named(nodes: readonly Node[]): Node[] {
  const tables = new Set(
    nodes.flatMap(({ action: { rewrites, part } }) =>
      rewrites === true && part !== undefined ? [part.table.replace(/^ALTER TABLE /, '')] : [],
    ),
  )
  if (tables.size < 2) return [...nodes]
  const detail = `${[...tables].join(', ')} stay locked until all of them are written anew: what stands on several is made anew with them.`
  const hazard: Hazard = { name: 'long-lock', detail }
  const first = nodes.findIndex(({ action }) => action.rewrites === true)
  return nodes.map((node, at) =>
    at === first
      ? { ...node, action: { ...node.action, hazards: [...(node.action.hazards ?? []), hazard] } }
      : node,
  )
}

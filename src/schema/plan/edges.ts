/** Which action must come before which, told from the objects that they make, remove and change. */
import type { Dialect } from '../dialects/dialect.ts'
import { idOf } from '../snapshot/snapshot.ts'
import { listAt } from '../snapshot/side.ts'
import type { Comparison } from './context.ts'
import { goneAfter, type Node } from './nodes.ts'
import type { Edge } from './order.ts'

interface Registers {
  readonly comparison: Comparison
  readonly nodes: readonly Node[]
  readonly aside: ReadonlyMap<string, { readonly from: readonly string[] }>
  /** Node numbers by the id that they create, drop (parts included), alter, let go of. */
  readonly creators: Map<string, number[]>
  readonly droppers: Map<string, number[]>
  readonly alterers: Map<string, number[]>
  readonly releasers: Map<string, number[]>
  readonly edges: Edge[]
}

/** @param aside what lets go of which ids: those need not wait for its other changes */
export function edgesFor(
  dialect: Dialect,
  comparison: Comparison,
  nodes: readonly Node[],
  aside: ReadonlyMap<string, { readonly from: readonly string[] }>,
): Edge[] {
  const registers: Registers = {
    comparison,
    nodes,
    aside,
    creators: new Map(),
    droppers: new Map(),
    alterers: new Map(),
    releasers: new Map(),
    edges: [],
  }
  for (const [number, node] of nodes.entries()) register(registers, number, node)
  registerParts(registers)
  for (const [number, node] of nodes.entries()) {
    afterWhatItNeeds(registers, number, node)
    afterWhatMustBeGone(registers, number, node)
    beforeWhatItKeeps(registers, number, node)
    afterWhatNeedsIt(registers, number, node)
    if (node.at > 0) link(registers, number - 1, number)
    for (const id of node.creates) {
      for (const dropper of registers.droppers.get(id) ?? []) link(registers, dropper, number)
    }
  }
  claimEdges(dialect, registers)
  return registers.edges
}

function register(registers: Registers, number: number, node: Node): void {
  for (const id of node.creates) listAt(registers.creators, id).push(number)
  for (const id of node.drops) listAt(registers.droppers, id).push(number)
  for (const id of node.alters) {
    listAt(node.verb === 'release' ? registers.releasers : registers.alterers, id).push(number)
  }
}

/** A part goes with its parent, unless it has a statement of its own. */
function registerParts(registers: Registers): void {
  const own = new Set(registers.droppers.keys())
  for (const [number, node] of registers.nodes.entries()) {
    for (const id of goneAfter(registers.comparison, node)) {
      if (!own.has(id)) listAt(registers.droppers, id).push(number)
    }
  }
}

function link({ edges, nodes }: Registers, from: number, to: number, weak = false): void {
  // The actions of one answer keep their order whatever their objects say.
  const [a, b] = [nodes[from] as Node, nodes[to] as Node]
  const sameAnswer = a.id === b.id && a.verb === b.verb
  if (from !== to && (!sameAnswer || from === to - 1)) edges.push({ from, to, weak })
}

function linkFrom(registers: Registers, from: readonly number[] | undefined, to: number, weak = false): void {
  for (const number of from ?? []) link(registers, number, to, weak)
}

/** After the creation of what the object depends on in the target. */
function afterWhatItNeeds(registers: Registers, number: number, node: Node): void {
  if (node.verb === 'alter') linkFrom(registers, registers.releasers.get(node.id), number)
  if (node.verb === 'restore') {
    linkFrom(registers, alterersOf(registers, node.id), number)
    linkFrom(registers, registers.releasers.get(node.id), number)
  }
  if (node.verb === 'drop' || node.verb === 'release') return
  const needed = new Set(node.action.needs)
  const parents = new Set<string>()
  for (const id of [...node.creates, ...node.alters]) {
    const object = registers.comparison.after.objects.get(id)
    for (const dependency of object?.dependsOn ?? []) needed.add(dependency)
    if (object !== undefined && object.parent !== null) parents.add(object.parent)
  }
  for (const id of node.creates) parents.delete(id)
  const made = new Set(node.creates)
  for (const id of needed) if (isInside(registers.comparison, id, made)) needed.delete(id)
  for (const id of needed) {
    linkFrom(registers, registers.creators.get(id), number)
    linkFrom(registers, registers.alterers.get(id), number, true)
  }
  for (const id of parents) linkFrom(registers, registers.creators.get(id), number)
}

function afterWhatMustBeGone(registers: Registers, number: number, node: Node): void {
  const { action } = node
  for (const id of action.needs ?? []) {
    if (registers.comparison.after.objects.has(id)) continue
    linkFrom(registers, registers.droppers.get(id), number)
    // What only tells that something has gone.
    if (node.verb === 'drop') linkFrom(registers, registers.creators.get(id), number)
  }
}

function beforeWhatItKeeps(registers: Registers, number: number, { action }: Node): void {
  for (const id of action.keeps ?? []) {
    for (const dropper of registers.droppers.get(id) ?? []) link(registers, number, dropper, true)
  }
}

/** Whether the object, or what it is a part of, is among `made`: it cannot come before what brings it. */
function isInside({ after }: Comparison, id: string, made: ReadonlySet<string>): boolean {
  for (let up: string | null | undefined = id; typeof up === 'string'; up = after.objects.get(up)?.parent) {
    if (made.has(up)) return true
  }
  return false
}

/** Those that alter the object in place, not those that let it go or take hold again. */
function alterersOf({ alterers, nodes }: Registers, id: string): number[] {
  return (alterers.get(id) ?? []).filter((number) => nodes[number]?.verb === 'alter')
}

/** After what depended on the object in the source has gone, has let go, or has been changed to do without. */
function afterWhatNeedsIt(registers: Registers, number: number, node: Node): void {
  const { before } = registers.comparison
  const gone = new Set(goneAfter(registers.comparison, node))
  for (const id of gone) {
    const dependents = (before.dependents.get(id) ?? []).map(idOf).filter((other) => !gone.has(other))
    const parent = before.objects.get(id)?.parent ?? ''
    for (const dependent of dependents) {
      const droppers = registers.droppers.get(dependent) ?? []
      // A part that has a statement of its own cannot wait for what goes with all that it is a part of.
      const apart = droppers.filter((other) => registers.nodes[other]?.drops.includes(parent) !== true)
      linkFrom(registers, gone.has(parent) ? droppers : apart, number)
      linkFrom(registers, registers.releasers.get(dependent), number)
      if (registers.aside.get(dependent)?.from.includes(id) !== true)
        linkFrom(registers, alterersOf(registers, dependent), number)
    }
    // A part with a statement of its own goes before its parent.
    if (!node.drops.includes(id)) linkFrom(registers, registers.droppers.get(id), number)
  }
  if (node.verb === 'alter' || node.verb === 'release') afterDroppedDependents(registers, number, node)
}

/** What goes away goes before the things that it depended on are changed. */
function afterDroppedDependents(registers: Registers, number: number, node: Node): void {
  if (node.action.onlyAdds === true) return
  for (const id of node.alters) {
    const { objects, dependents } = registers.comparison.before
    for (const dependent of dependents.get(id) ?? []) {
      // Part of what the object itself lets go of: a sequence that belongs to the column whose default it is.
      if (dependent.parent !== null && objects.get(id)?.dependsOn.includes(dependent.parent) === true)
        continue
      linkFrom(registers, registers.droppers.get(idOf(dependent)), number)
    }
  }
}

/** Who is dropped makes room for who is created, or altered, with a name or place that only one can hold. */
function claimEdges(dialect: Dialect, registers: Registers): void {
  if (dialect.claims === undefined) return
  const droppers = new Map<string, number[]>()
  for (const [number, node] of registers.nodes.entries()) {
    for (const id of goneAfter(registers.comparison, node)) {
      const object = registers.comparison.before.objects.get(id)
      for (const claim of object === undefined ? [] : dialect.claims(object))
        listAt(droppers, claim).push(number)
    }
  }
  for (const [number, node] of registers.nodes.entries()) {
    for (const id of [...node.creates, ...(node.verb === 'alter' ? node.alters : [])]) {
      const object = registers.comparison.after.objects.get(id)
      for (const claim of object === undefined ? [] : dialect.claims(object)) {
        for (const dropper of droppers.get(claim) ?? [])
          link(registers, dropper, number, claim.startsWith('~'))
      }
    }
  }
}

/** From two snapshots to a plan: `diff`, the rules of the dialect, one order, transactions. */
import { TenantryError } from '../../lib/errors.ts'
import { diff, type Renamed } from '../diff/diff.ts'
import { applyRenames, type RenameHint } from '../diff/renames.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { idOf, type SchemaObject, type Snapshot, type Unmodelled } from '../snapshot/snapshot.ts'
import type { PlanOptions, RuleContext } from './action.ts'
import { sideOf } from '../snapshot/side.ts'
import { ruleContext, type Comparison } from './context.ts'
import { edgesFor } from './edges.ts'
import { goneAfter, nodesFor, type Node } from './nodes.ts'
import { type Edge, LATE_RANK, order } from './order.ts'
import type { Plan } from './plan.ts'
import { reached, reversalsOf } from './reversals.ts'
import { separate } from './separate.ts'
import { stepsOf } from './steps.ts'
import { togetherEdges, togetherOnes } from './together.ts'
import { ruleOf, workFor } from './work.ts'

const DEFAULT_PLAN_OPTIONS: PlanOptions = {
  style: 'auto',
  smallTableBytes: 1024 * 1024,
  lockTimeoutMs: 2000,
  statementTimeoutMs: 30_000,
  longStatementTimeoutMs: 20 * 60_000,
}

/**
 * The steps that turn a database with the schema `source` into one with the schema `target`; none when they are equal.
 * @param renames objects that keep their contents under another name; see `detectRenames`
 * @throws TenantryError `invalid_input` for snapshots of different dialects or an unknown kind; `internal` when no
 * order of the steps exists
 */
export function makePlan(
  dialect: Dialect,
  source: Snapshot,
  target: Snapshot,
  options: Partial<PlanOptions> = {},
  renames: readonly RenameHint[] = [],
): Plan {
  for (const { dialect: other } of [source, target]) {
    if (other !== dialect.name) {
      throw new TenantryError('invalid_input', `A ${other} schema cannot be planned for as ${dialect.name}.`)
    }
  }
  const all = { ...DEFAULT_PLAN_OPTIONS, ...options }
  const { snapshot, changes, states } = applyRenames(dialect, source, target, renames)
  const comparison = compare(snapshot, target)
  const nodes = [
    ...renameNodes(dialect, target, changes, states, all),
    ...orderedNodes(dialect, comparison, diff(snapshot, target), all),
  ]
  return {
    format: 1,
    dialect: dialect.name,
    source: source.fingerprint,
    target: target.fingerprint,
    steps: stepsOf(dialect, nodes, all, reversals(dialect, compare(source, target), changes, nodes, all)),
    unmodelled: onceEach([...source.unmodelled, ...target.unmodelled]),
  }
}

function onceEach(found: readonly Unmodelled[]): Unmodelled[] {
  return [...new Map(found.map((one) => [`${one.kind} ${one.name}`, one])).values()]
}

function compare(source: Snapshot, target: Snapshot): Comparison {
  return { source, target, before: sideOf(source), after: sideOf(target) }
}

function renameNodes(
  dialect: Dialect,
  target: Snapshot,
  changes: readonly Renamed[],
  states: readonly Snapshot[],
  options: PlanOptions,
): Node[] {
  const none = { created: new Set<string>(), dropped: new Set<string>() }
  return changes.flatMap((change, number) => {
    const context = (): RuleContext => ruleContext(compare(states[number] as Snapshot, target), none, options)
    const actions = ruleOf(dialect.rules, change.to).rename?.(change, context) ?? []
    return actions.map((action, at): Node => ({
      action,
      verb: 'alter',
      object: change.to,
      id: change.id,
      creates: [],
      drops: [],
      alters: [idOf(change.from), change.id],
      at,
      last: at === actions.length - 1,
    }))
  })
}

/** A circle is opened step by step: parts get statements of their own, then alterations become replacements. */
function orderedNodes(
  dialect: Dialect,
  comparison: Comparison,
  changes: ReturnType<typeof diff>,
  options: PlanOptions,
): Node[] {
  const explicit = new Set<string>()
  const replaced = new Set<string>()
  const asides = new Set<string>()
  for (;;) {
    const work = workFor(dialect, comparison, changes, options, replaced, asides)
    const nodes = nodesFor(dialect, comparison, work, explicit)
    const needed = edgesFor(dialect, comparison, nodes, work.aside)
    const edges = [...needed, ...togetherEdges(nodes, needed)]
    const result = order(
      ranksOf(nodes),
      nodes.map((node) => keyOf(dialect, node)),
      edges,
    )
    if ('order' in result) {
      const ordered = result.order.map((number) => nodes[number] as Node)
      if (!dialect.transactionalDdl || !dialect.locksTables || options.style === 'plain') return ordered
      return separate(dialect, comparison, ordered, edgesInOrder(edges, result.order))
    }
    const circle = result.circle.map((number) => nodes[number] as Node)
    if (openAside(dialect, comparison, circle, asides)) continue
    if (!openCircle(comparison, circle, explicit, replaced)) throw noOrder(circle)
  }
}

/** By the places that the nodes have come to. */
function edgesInOrder(edges: readonly Edge[], numbers: readonly number[]): Edge[] {
  const place = new Map(numbers.map((number, at) => [number, at]))
  return edges.map(({ from, to, weak }) => ({
    from: place.get(from) as number,
    to: place.get(to) as number,
    weak,
  }))
}

/** What holds data and is altered lets go of what is dropped, before anything in the circle is made anew. */
function openAside(
  dialect: Dialect,
  comparison: Comparison,
  circle: readonly Node[],
  asides: Set<string>,
): boolean {
  const size = asides.size
  const gone = new Set(circle.flatMap((node) => goneAfter(comparison, node)))
  for (const { verb, id, object } of circle) {
    if (verb !== 'alter' || ruleOf(dialect.rules, object).stepAside === undefined) continue
    if (comparison.before.objects.get(id)?.dependsOn.some((other) => gone.has(other)) === true) asides.add(id)
  }
  return asides.size > size
}

/** @returns false when nothing is left to try */
function openCircle(
  comparison: Comparison,
  circle: readonly Node[],
  explicit: Set<string>,
  replaced: Set<string>,
): boolean {
  const [taken, remade] = [explicit.size, replaced.size]
  const parts = partsInTheWay(comparison, circle)
  const altered = circle
    .filter((node) => node.verb === 'alter' && !replaced.has(node.id))
    .toSorted((one, other) => keeps(one.object) - keeps(other.object))
  // A column takes its values along, and what else stands on it: only when nothing less helps.
  for (const most of [0, 1]) {
    for (const part of parts) if (keeps(part) <= most) explicit.add(idOf(part))
    const [least] = altered
    if (explicit.size === taken && least !== undefined && keeps(least.object) <= most) replaced.add(least.id)
    if (explicit.size > taken || replaced.size > remade) return true
  }
  return false
}

/** How much is lost with what is made anew: a column loses its values. */
function keeps({ kind }: SchemaObject): number {
  return kind === 'column' || kind === 'table' ? 1 : 0
}

/** Parts of what is dropped that need something which another one in the circle drops. */
function partsInTheWay(comparison: Comparison, circle: readonly Node[]): SchemaObject[] {
  const drops = circle.filter(({ verb }) => verb === 'drop')
  const goneWith = new Map(drops.map((node) => [node, new Set(goneAfter(comparison, node))]))
  const goneSomewhere = new Set([...goneWith.values()].flatMap((gone) => [...gone]))
  return drops.flatMap((node) =>
    node.drops
      .flatMap((id) => comparison.before.parts.get(id) ?? [])
      .filter((part) =>
        part.dependsOn.some((id) => goneSomewhere.has(id) && goneWith.get(node)?.has(id) !== true),
      ),
  )
}

function noOrder(circle: readonly Node[]): TenantryError {
  const names = [...new Set(circle.map((node) => `${node.verb} ${node.id}`))]
  return new TenantryError(
    'internal',
    `No order of the steps exists: ${names.join(' → ')} wait for each other.`,
    {
      nextSteps: [
        'Change one of them by hand first, then plan again.',
        'Please report it with both schemas.',
      ],
    },
  )
}

/** Those that are to share a transaction go when the first of them would. */
function ranksOf(nodes: readonly Node[]): number[] {
  const ranks = nodes.map((node, at) => rankOf(node, nodes[at - 1]))
  for (const members of togetherOnes(nodes)) {
    const first = Math.min(...members.map((member) => ranks[member] as number))
    for (const member of members) if (ranks[member] === LATE_RANK) ranks[member] = first
  }
  return ranks
}

/**
 * 0: together in transactions; 1: in a transaction of its own or in none; 1.5: what follows when a constraint is proved,
 * so that those of a table are proved together; `LATE_RANK`: what only removes.
 */
function rankOf(node: Node, previous: Node | undefined): number {
  const { action } = node
  if (action.place !== undefined) return action.place === 'first' ? -1 : LATE_RANK + 1
  if (action.transactional === false || action.ownTransaction === true) return 1
  if (node.at > 0 && previous?.action.ownTransaction === true && previous.action.part !== undefined)
    return 1.5
  return node.verb === 'drop' ? LATE_RANK : 0
}

function keyOf(dialect: Dialect, node: Node): string {
  const priority = dialect.priority[node.object.kind] ?? 500
  const position = node.object.facts?.['position']
  const place = typeof position === 'number' ? position : 0
  const first = node.verb === 'drop' ? 1000 - priority : priority
  return `${padded(first)} ${node.object.parent ?? ''} ${padded(place)} ${node.id} ${padded(node.at)}`
}

function padded(value: number): string {
  return String(value).padStart(6, '0')
}

/**
 * For each node what it takes to undo it, in such a way that the way back as a whole is the plan that leads back.
 * @returns null when there is none
 */
function reversals(
  dialect: Dialect,
  { source, target, before }: Comparison,
  renames: readonly Renamed[],
  nodes: readonly Node[],
  options: PlanOptions,
): string[][] | null {
  // Statements that can be run as they come, each for itself.
  const plain: PlanOptions = { ...options, style: 'plain' }
  const hints = renames.toReversed().map(({ id, from }) => ({ from: id, to: from.name.at(-1) ?? '' }))
  if (isTaken(dialect, renames, target)) return null
  try {
    const { snapshot, changes, states } = applyRenames(
      dialect,
      reached(dialect, before, target),
      source,
      hints,
    )
    const back = compare(snapshot, source)
    return reversalsOf(back, nodes, [
      ...renameNodes(dialect, source, changes, states, plain),
      ...orderedNodes(dialect, back, diff(snapshot, source), plain),
    ])
  } catch (thrown) {
    if (thrown instanceof TenantryError) return null
    throw thrown
  }
}

/** Whether something else has a name by now that a renamed object would have to take back. */
function isTaken({ claims }: Dialect, renames: readonly Renamed[], target: Snapshot): boolean {
  if (claims === undefined || renames.length === 0) return false
  const renamed = new Set(renames.map(({ id }) => id))
  const held = new Set(target.objects.filter((one) => !renamed.has(idOf(one))).flatMap((one) => claims(one)))
  return renames.some(({ from }) => claims(from).some((claim) => held.has(claim)))
}

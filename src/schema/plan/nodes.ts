/** The actions of a plan, gathered from the rules: one node each, with what it makes, removes and changes. */
import type { Dialect } from '../dialects/dialect.ts'
import { idOf, type SchemaObject } from '../snapshot/snapshot.ts'
import type { Action } from './action.ts'
import { wholeOf } from '../snapshot/side.ts'
import type { Comparison } from './context.ts'
import { ruleOf, type Work } from './work.ts'

export type Verb = 'create' | 'drop' | 'alter' | 'release' | 'restore'

export interface Node {
  readonly action: Action
  readonly verb: Verb
  /** The object whose rule gave it. */
  readonly object: SchemaObject
  readonly id: string
  readonly creates: readonly string[]
  readonly drops: readonly string[]
  readonly alters: readonly string[]
  /** Which of the object's actions it is, and whether it is the last of them. */
  readonly at: number
  readonly last: boolean
  /** Of the nodes in a row that could share a transaction, those with the same number do. */
  readonly unit?: number
}

interface Task {
  readonly verb: Verb
  readonly object: SchemaObject
  readonly id: string
  readonly actions: readonly Action[]
}

/** @param explicit ids of parts to drop by statements of their own although their parent is dropped */
export function nodesFor(
  dialect: Dialect,
  comparison: Comparison,
  work: Work,
  explicit: ReadonlySet<string>,
): Node[] {
  const tasks = [
    ...dropTasks(dialect, comparison, work, explicit),
    ...createTasks(dialect, comparison, work),
    ...changeTasks(comparison, work),
  ]
  const covered = coverage(tasks)
  return tasks.filter((task) => !covered(task)).flatMap(nodesOf)
}

function dropTasks(
  dialect: Dialect,
  { before }: Comparison,
  work: Work,
  explicit: ReadonlySet<string>,
): Task[] {
  const tasks: Task[] = []
  for (const id of work.dropped) {
    const object = before.objects.get(id) as SchemaObject
    const withParent = object.parent !== null && work.dropped.has(object.parent)
    if (withParent && !explicit.has(id)) continue
    tasks.push({
      verb: 'drop',
      object,
      id,
      actions: ruleOf(dialect.rules, object).drop(object, work.context),
    })
  }
  return tasks
}

/** Parents first: what a parent's statement brings along needs no statement of its own. */
function createTasks(dialect: Dialect, { after }: Comparison, work: Work): Task[] {
  const tasks: Task[] = []
  const brought = new Set<string>()
  const visit = (id: string): void => {
    const object = after.objects.get(id) as SchemaObject
    if (!brought.has(id)) {
      const actions = ruleOf(dialect.rules, object).create(object, work.context)
      tasks.push({ verb: 'create', object, id, actions })
      for (const action of actions) for (const made of action.creates ?? []) brought.add(made)
    }
    for (const part of after.parts.get(id) ?? []) if (work.created.has(idOf(part))) visit(idOf(part))
  }
  for (const id of work.created) {
    const { parent } = after.objects.get(id) as SchemaObject
    if (parent === null || !work.created.has(parent)) visit(id)
  }
  return tasks
}

function changeTasks({ before, after }: Comparison, work: Work): Task[] {
  const tasks: Task[] = []
  for (const [id, answer] of work.altered) {
    tasks.push({ verb: 'alter', object: after.objects.get(id) as SchemaObject, id, actions: answer.actions })
  }
  for (const [id, aside] of work.aside) {
    const source = before.objects.get(id) as SchemaObject
    tasks.push({ verb: 'release', object: source, id, actions: aside.release })
    tasks.push({ verb: 'restore', object: after.objects.get(id) as SchemaObject, id, actions: aside.restore })
  }
  return tasks
}

/** Whether another object's actions already drop or create a task's object. */
function coverage(tasks: readonly Task[]): (task: Task) => boolean {
  const dropped = new Map<string, string>()
  const created = new Map<string, string>()
  for (const task of tasks) {
    for (const action of task.actions) {
      for (const id of action.drops ?? []) if (id !== task.id) dropped.set(id, task.id)
      for (const id of action.creates ?? []) if (id !== task.id) created.set(id, task.id)
    }
  }
  return (task) =>
    (task.verb === 'drop' && dropped.has(task.id)) || (task.verb === 'create' && created.has(task.id))
}

function nodesOf(task: Task): Node[] {
  const { verb, object, id, actions } = task
  const says = (list: 'creates' | 'drops'): boolean =>
    actions.some((action) => action[list]?.includes(id) === true)
  const ownAtEnd = verb === 'create' ? !says('creates') : verb === 'drop' && !says('drops')
  return actions.map((action, at) => {
    const last = at === actions.length - 1
    const own = ownAtEnd && last ? [id] : []
    const { creates = [], drops = [], alters } = action
    const silent = creates.length === 0 && drops.length === 0
    return {
      action,
      verb,
      object,
      id,
      at,
      last,
      creates: verb === 'create' ? [...creates, ...own] : creates,
      drops: verb === 'drop' ? [...drops, ...own] : drops,
      alters: alters ?? (verb !== 'create' && verb !== 'drop' && silent ? [id] : []),
    }
  })
}

/** Ids that are gone after a node's statement: what it names, and all parts of that. */
export function goneAfter(comparison: Comparison, node: Node): string[] {
  return node.drops.flatMap((id) => wholeOf(comparison.before, id))
}

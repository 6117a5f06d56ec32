/**
 * What has to be done to which object: the changes, and what they entail. An object that cannot be altered in place
 * is dropped and created again, and so is all that depends on it, unless it can step aside.
 */
import type { Altered, Change } from '../diff/diff.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { TenantryError } from '../../lib/errors.ts'
import { idOf, type SchemaObject } from '../snapshot/snapshot.ts'
import type { AlterAnswer, KindRule, PlanOptions, RuleContext, StepAside } from './action.ts'
import { listAt } from '../snapshot/side.ts'
import { ruleContext, type Comparison } from './context.ts'

export interface Work {
  /** Ids that are dropped, also when they are created again; parts of a dropped object among them. */
  readonly dropped: ReadonlySet<string>
  readonly created: ReadonlySet<string>
  readonly altered: ReadonlyMap<string, AlterAnswer>
  readonly aside: ReadonlyMap<string, StepAside & { readonly from: readonly string[] }>
  readonly context: RuleContext
}

interface Draft {
  readonly comparison: Comparison
  readonly rules: Dialect['rules']
  readonly dropped: Set<string>
  readonly created: Set<string>
  readonly altered: Map<string, Altered>
  readonly answers: Map<string, AlterAnswer>
  /** What each object has to let go of. */
  readonly letGo: Map<string, string[]>
  readonly asides: ReadonlySet<string>
  readonly context: RuleContext
}

/**
 * @param replaced ids that must be dropped and created again whatever their rule says
 * @param asides ids that let go of what is dropped although they are altered to do without it
 * @throws TenantryError `invalid_input` for a kind without a rule
 */
export function workFor(
  dialect: Dialect,
  comparison: Comparison,
  changes: readonly Change[],
  options: PlanOptions,
  replaced: ReadonlySet<string>,
  asides: ReadonlySet<string>,
): Work {
  const dropped = new Set<string>()
  const created = new Set<string>()
  const letGo = new Map<string, string[]>()
  const draft: Draft = {
    comparison,
    rules: dialect.rules,
    dropped,
    created,
    altered: new Map(),
    answers: new Map(),
    letGo,
    asides,
    context: ruleContext(comparison, { created, dropped, letGo }, options),
  }
  for (const change of changes) {
    if (change.type === 'drop') dropped.add(change.id)
    else if (change.type === 'create') created.add(change.id)
    else if (change.type === 'alter') draft.altered.set(change.id, change)
  }
  for (const id of dropped) followDrop(draft, id)
  for (const id of replaced) replace(draft, id)
  // A part stays behind when what it is a part of becomes another kind of thing under the same name.
  for (const [id, { from, to }] of draft.altered) {
    if (from.parent !== to.parent && from.parent !== null && dropped.has(from.parent)) replace(draft, id)
  }
  answerUntilSettled(draft)
  return { dropped, created, altered: draft.answers, aside: stepsAside(draft), context: draft.context }
}

/** Answers depend on what is new, and what is new on the answers: asked again until nothing more is replaced. */
function answerUntilSettled(draft: Draft): void {
  for (;;) {
    const known = draft.dropped.size
    draft.answers.clear()
    for (const [id, change] of draft.altered) {
      const answer = ruleOf(draft.rules, change.to).alter?.(change, draft.context) ?? 'replace'
      if (answer === 'replace') replace(draft, id)
      else {
        draft.answers.set(id, answer)
        for (const rebuilt of answer.rebuild ?? []) replace(draft, rebuilt)
      }
    }
    for (const id of draft.created) {
      const object = draft.comparison.after.objects.get(id) as SchemaObject
      const unsettled = draft.rules[object.kind]?.unsettles?.(object, draft.context)
      for (const rebuilt of unsettled ?? []) replace(draft, rebuilt)
    }
    if (draft.dropped.size === known) return
  }
}

function replace(draft: Draft, id: string): void {
  if (draft.dropped.has(id)) return
  const { before, after } = draft.comparison
  if (before.objects.has(id)) draft.dropped.add(id)
  if (after.objects.has(id)) draft.created.add(id)
  draft.altered.delete(id)
  draft.answers.delete(id)
  for (const part of before.parts.get(id) ?? []) replace(draft, idOf(part))
  for (const part of after.parts.get(id) ?? []) draft.created.add(idOf(part))
  followDrop(draft, id)
}

/** What depended on a dropped object and still exists in the target lets go of it, or is made anew too. */
function followDrop(draft: Draft, id: string): void {
  for (const dependent of draft.comparison.before.dependents.get(id) ?? []) {
    const dependentId = idOf(dependent)
    const target = draft.comparison.after.objects.get(dependentId)
    if (target === undefined || draft.dropped.has(dependentId)) continue
    const doesWithout = draft.altered.has(dependentId) && !target.dependsOn.includes(id)
    if (doesWithout && !draft.asides.has(dependentId)) continue
    const aside = ruleOf(draft.rules, target).stepAside?.(dependent, target, [id], draft.context)
    if (aside === undefined) replace(draft, dependentId)
    else {
      listAt(draft.letGo, dependentId).push(id)
      for (const rebuilt of aside.rebuild ?? []) replace(draft, rebuilt)
    }
  }
}

function stepsAside(draft: Draft): Work['aside'] {
  const aside = new Map<string, StepAside & { from: readonly string[] }>()
  for (const [id, from] of draft.letGo) {
    if (draft.dropped.has(id)) continue
    const [source, target] = [draft.comparison.before.objects.get(id), draft.comparison.after.objects.get(id)]
    if (source === undefined || target === undefined) continue
    const answer = ruleOf(draft.rules, target).stepAside?.(source, target, from, draft.context)
    if (answer !== undefined) aside.set(id, { ...answer, from })
  }
  return aside
}

export function ruleOf(rules: Dialect['rules'], object: SchemaObject): KindRule {
  const rule = rules[object.kind]
  if (rule !== undefined) return rule
  throw new TenantryError(
    'invalid_input',
    `The snapshot holds ${idOf(object)}: objects of the kind ${object.kind} are not known to this version of Tenantry.`,
    { nextSteps: ['Inspect the database again with this version, or use the newer one.'] },
  )
}

/** Comments and grants: the same statements whatever the object is, after it is made or changed. */
import { sameJson } from '../../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { ANNOTATIONS } from './annotation-list.ts'

const PROPERTIES = new Set(ANNOTATIONS.map(({ property }) => property))

/** A rule that knows nothing of comments and grants becomes one that does. */
export function annotating(rule: KindRule): KindRule {
  const create: KindRule['create'] = (object, context) => {
    const actions = rule.create(object, context)
    const made = new Set([idOf(object), ...actions.flatMap(({ creates = [] }) => creates)])
    const own = actions.some(({ creates = [] }) => creates.includes(idOf(object)))
    const main = own
      ? actions
      : actions.map((action, at) =>
          at === actions.length - 1
            ? { ...action, creates: [...(action.creates ?? []), idOf(object)] }
            : action,
        )
    return [...main, ...[...made].flatMap((id) => annotated(id, context))]
  }
  const alter: NonNullable<KindRule['alter']> = rule.alter ?? (() => 'replace')
  return {
    ...rule,
    create,
    alter: (change, context) => {
      const properties = change.properties.filter((name) => !PROPERTIES.has(name))
      const answer = properties.length === 0 ? { actions: [] } : alter({ ...change, properties }, context)
      if (answer === 'replace') return answer
      const brought = new Set(answer.actions.flatMap(({ creates = [] }) => creates))
      brought.delete(change.id)
      return {
        ...answer,
        actions: [
          ...answer.actions,
          ...changed(change.from, change.to, context),
          ...[...brought].flatMap((id) => annotated(id, context)),
        ],
      }
    },
  }
}

function annotated(id: string, context: RuleContext): Action[] {
  const object = context.after(id)
  if (object === undefined) return []
  return ANNOTATIONS.flatMap(({ property, change }) =>
    change(object, undefined, object.properties[property], context, true),
  )
}

function changed(from: SchemaObject, to: SchemaObject, context: RuleContext): Action[] {
  return ANNOTATIONS.flatMap(({ property, change }) => {
    const [before, after] = [from.properties[property], to.properties[property]]
    if (before === undefined ? after === undefined : after !== undefined && sameJson(before, after)) return []
    return change(to, before, after, context, false)
  })
}

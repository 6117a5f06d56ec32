/** Rows that only move from one place to another are no news: triggers, rules and policies of the tenant have no say. */
import { said } from '../../said.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { brief } from '../tools.ts'
import { stateAction } from './on-relations.ts'

/** In `needs`, tells that the rows of a table must be back first: a trigger must not see them come. */
export function rowsId(table: string): string {
  return table.replace(/^[a-z_]+:/, 'rows:')
}

interface Around {
  readonly before: readonly Action[]
  readonly after: readonly Action[]
}

/** Around statements that write to a table that stays; all in one transaction. */
export function unseen(tableId: string, event: 'INSERT' | 'UPDATE', context: RuleContext): Around {
  const table = context.before(tableId)
  if (table === undefined) return { before: [], after: [] }
  const triggers = partsOf(tableId, 'trigger', context)
  const rules = partsOf(tableId, 'rule', context).filter(
    ({ properties }) => properties['event'] === `ON ${event}`,
  )
  const start = `ALTER TABLE ${quote(table.name)}`
  const isForced = table.properties['forceRowSecurity'] === true
  const staysForced = context.after(tableId)?.properties['forceRowSecurity'] === true
  const own = { creates: [] }
  return {
    before: [
      ...(triggers.length === 0
        ? []
        : [
            brief(`ALTER TABLE ONLY ${quote(table.name)} DISABLE TRIGGER USER`, {
              ...own,
              keeps: triggers.map(idOf),
            }),
          ]),
      ...rules.map((rule) => ({
        ...stateAction({ ...rule, properties: {} }, 'RULE', 'disabled'),
        ...own,
        keeps: [idOf(rule)],
      })),
      ...(isForced ? [brief(`${start} NO FORCE ROW LEVEL SECURITY`, own)] : []),
    ],
    after: [
      ...triggers.flatMap((trigger) => again(trigger, 'TRIGGER', context)),
      ...rules.flatMap((rule) => again(rule, 'RULE', context)),
      ...(isForced && staysForced ? [brief(`${start} FORCE ROW LEVEL SECURITY`, own)] : []),
    ],
  }
}

function partsOf(tableId: string, kind: string, context: RuleContext): SchemaObject[] {
  return context.partsBefore(tableId).filter((part) => part.kind === kind)
}

/** As it is to be in the end, or as it was when it goes. */
function again(object: SchemaObject, what: 'TRIGGER' | 'RULE', context: RuleContext): Action[] {
  const id = idOf(object)
  const stays = !context.isDropped(id)
  const state = (stays ? context.after(id) : object)?.properties['enabled']
  if (said(state) === 'disabled') return []
  return [{ ...stateAction(object, what, state), creates: [], keeps: stays ? [] : [id] }]
}

/**
 * What roles may do with a table, and which of its rows they see, changes at one moment: between two transactions nobody
 * has a right that is neither one of before nor one of after. A table that is made anew is never seen without its rows.
 */
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { isMadeAnew, isPartition, parentOf } from './partitions/family.ts'

/** In `together`. */
function atOnce(table: string, actions: readonly Action[]): Action[] {
  return actions.map((action) =>
    action.transactional === false || action.ownTransaction === true
      ? action
      : { ...action, together: `at once:${table}` },
  )
}

function accessAtOnce(table: string, actions: readonly Action[]): Action[] {
  return actions.flatMap((action) => (changesAccess(action) ? atOnce(table, [action]) : action))
}

function changesAccess({ sql, hazards = [] }: Action): boolean {
  return hazards.some(({ name }) => name === 'access-change') || /^(?:GRANT|REVOKE|SET LOCAL ROLE) /.test(sql)
}

type Marks = (object: SchemaObject, actions: readonly Action[], context: RuleContext) => readonly Action[]

interface MarksOf {
  readonly create: Marks
  readonly drop: Marks
  readonly alter: Marks
}

const ofTable: MarksOf = {
  create: (table, actions) => atOnce(idOf(table), actions),
  drop: (table, actions, context) =>
    isMadeAnew(idOf(table), context) ? atOnce(idOf(table), actions) : actions,
  alter: (table, actions) => accessAtOnce(idOf(table), actions),
}

const access: Marks = ({ parent }, actions) => accessAtOnce(parent ?? '', actions)
const all: Marks = ({ parent }, actions) => atOnce(parent ?? '', actions)
const as: Marks = (_, actions) => actions

const MARKS: Readonly<Record<string, MarksOf>> = {
  table: ofTable,
  foreign_table: ofTable,
  column: { create: access, drop: as, alter: access },
  policy: { create: all, drop: all, alter: all },
  attachment: {
    create: (attachment, actions, context) => {
      if (!isPartition(attachment) || !isMadeAnew(parentOf(attachment), context)) return actions
      const at = actions.findIndex(({ creates = [] }) => creates.includes(idOf(attachment)))
      return [...actions.slice(0, at), ...atOnce(parentOf(attachment), actions.slice(at))]
    },
    drop: (attachment, actions, context) =>
      isMadeAnew(parentOf(attachment), context) ? atOnce(parentOf(attachment), actions) : actions,
    alter: as,
  },
}

/** The rule of a kind, with what must not be parted marked. */
export function seenAtOnce(kind: string, rule: KindRule): KindRule {
  const marks = MARKS[kind]
  if (marks === undefined) return rule
  const { alter } = rule
  return {
    ...rule,
    create: (object, context) => marks.create(object, rule.create(object, context), context),
    drop: (object, context) => marks.drop(object, rule.drop(object, context), context),
    ...(alter === undefined
      ? {}
      : {
          alter: (change, context) => {
            const answer = alter(change, context)
            if (answer === 'replace') return answer
            return { ...answer, actions: marks.alter(change.to, answer.actions, context) }
          },
        }),
  }
}

/** What is done for each kind of object: one file each. Comments and grants are the same for all kinds. */
import type { KindRule } from '../../../plan/action.ts'
import { annotating } from './annotations/annotations.ts'
import { OTHER_RULES } from './other-rules.ts'
import { RELATION_RULES } from './relations.ts'
import { seenAtOnce } from './at-once.ts'
import { ancestorsAfter } from './partitions/family.ts'
import { rowsId } from './tables/unseen-moves.ts'

const OWN_RULES: Readonly<Record<string, KindRule>> = {
  ...RELATION_RULES,
  ...OTHER_RULES,
}

/** A trigger or a rule that is there too soon would see rows come that only move. */
function afterRows(rule: KindRule): KindRule {
  return {
    ...rule,
    create: (object, context) => {
      const table = object.parent ?? ''
      const rows = [table, ...ancestorsAfter(table, context)].map(rowsId)
      return rule
        .create(object, context)
        .map((action) => ({ ...action, needs: [...(action.needs ?? []), ...rows] }))
    },
  }
}

export const rules: Readonly<Record<string, KindRule>> = Object.fromEntries(
  Object.entries(OWN_RULES).map(([kind, rule]) => [
    kind,
    seenAtOnce(kind, annotating(kind === 'trigger' || kind === 'rule' ? afterRows(rule) : rule)),
  ]),
)

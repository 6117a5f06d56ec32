/** Indexes, views and triggers: made by the statement that SQLite keeps of them. */
import { sqliteIdent } from '../../../../engine/sql.ts'
import type { KindRule } from '../../../plan/action.ts'
import { idOf } from '../../../snapshot/snapshot.ts'
import { action, fact, writtenName } from './actions.ts'
import { tableChange } from './table-change.ts'

export const view: KindRule = {
  create: (object) => [action(fact(object, 'sql'))],
  drop: (object) => [action(`DROP VIEW ${sqliteIdent(writtenName(object))}`)],
}

/** A rebuild drops all that stands on its table and makes what belongs on it in the target. */
function standsOn(type: 'INDEX' | 'TRIGGER', hazardous: boolean): KindRule {
  return {
    create: (object, context) =>
      tableChange(context, object.parent ?? '').way === 'rebuild'
        ? []
        : [
            action(fact(object, 'sql'), {
              creates: [idOf(object)],
              ...(hazardous && object.properties['unique'] === true && !context.isNew(object.parent ?? '')
                ? {
                    hazards: [
                      {
                        name: 'may-fail',
                        detail: `It fails where rows are equal in ${writtenName(object)}.`,
                      },
                    ],
                  }
                : {}),
            }),
          ],
    drop: (object, context) =>
      tableChange(context, object.parent ?? '').way === 'rebuild'
        ? []
        : [action(`DROP ${type} IF EXISTS ${sqliteIdent(writtenName(object))}`, { drops: [idOf(object)] })],
    alter: ({ from, to }, context) =>
      from.parent === to.parent && tableChange(context, to.parent ?? '').way === 'rebuild'
        ? { actions: [] }
        : 'replace',
  }
}

export const index: KindRule = standsOn('INDEX', true)
export const trigger: KindRule = standsOn('TRIGGER', false)

/** Checks of MySQL whose names another table takes: they are the database's, so each goes before the next one comes. */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import { idOf } from '../../../snapshot/snapshot.ts'
import { tableOf, type Difference } from './sides.ts'

/** Whether the check goes by a statement of its own, before all else that changes about its table. */
export function makesRoom(one: Difference, context: RuleContext): boolean {
  if (one.kind !== 'check' || one.verb !== 'drop' || one.from?.facts?.['ofDatabase'] !== true) return false
  const [table, name] = [tableOf(one.from), one.name.toLowerCase()]
  return context.target.objects.some(
    (other) =>
      other.kind === 'check' &&
      other.name[1]?.toLowerCase() === name &&
      tableOf(other) !== table &&
      context.before(idOf(other)) === undefined,
  )
}

export function roomActions(
  table: string,
  differences: readonly Difference[],
  context: RuleContext,
): Action[] {
  return differences
    .filter((one) => makesRoom(one, context))
    .map((one) => ({
      sql: `ALTER TABLE ${mysqlIdent(table)} DROP CONSTRAINT ${mysqlIdent(one.name)}`,
      drops: [one.id],
      lock: null,
    }))
}

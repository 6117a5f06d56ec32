/** SQLite has no statement that fails when a query finds something: a CHECK with a name that says it does. */
import { sqliteIdent } from '../../../../engine/sql.ts'

/**
 * @param message what the failure says
 * @param count a query for one number, which is to be 0
 */
export function failsWhere(message: string, count: string): string[] {
  const guard = 'tenantry_check'
  return [
    `CREATE TEMP TABLE ${guard} (broken CONSTRAINT ${sqliteIdent(message)} CHECK (broken = 0))`,
    `INSERT INTO temp.${guard} ${count}`,
    `DROP TABLE temp.${guard}`,
  ]
}

/**
 * Columns of MySQL that kept the character set which their table had once. Nobody gave it to them, and the server
 * remembers that: such a column can only be made in a table that has this character set for the moment.
 */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { RuleContext } from '../../../plan/action.ts'
import { objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { columnText } from '../text/column.ts'
import { asText } from '../text/properties.ts'
import type { Clause } from './clause.ts'
import { charsetClause } from './table-options.ts'

/** @param columns those that were made or changed @returns the clauses of each statement that follows */
export function leftBehindClauses(
  table: string,
  columns: readonly SchemaObject[],
  context: RuleContext,
): Clause[][] {
  const groups = new Map<string, SchemaObject[]>()
  for (const column of columns) {
    if (column.facts?.['leftBehind'] !== true) continue
    const collation = asText(column.properties['collation'])
    groups.set(collation, [...(groups.get(collation) ?? []), column])
  }
  const own = context.after(objectId('table', table))
  if (groups.size === 0 || own === undefined) return []
  const statements = [...groups.values()].map((group): Clause[] => [
    charsetClause((group[0] as SchemaObject).properties),
    ...group.map((column) => inherited(column)),
  ])
  return [...statements, [charsetClause(own.properties)]]
}

function inherited(column: SchemaObject): Clause {
  const definition = columnText(column.name[1] as string, column.properties, true)
  return { what: 'modify', sql: `MODIFY COLUMN ${definition}`, from: column, to: column }
}

/** The same for a table that was made in this moment. */
export function leftBehindStatements(
  table: string,
  columns: readonly SchemaObject[],
  context: RuleContext,
): string[] {
  return leftBehindClauses(table, columns, context).map(
    (clauses) => `ALTER TABLE ${mysqlIdent(table)} ${clauses.map(({ sql }) => sql).join(', ')}`,
  )
}

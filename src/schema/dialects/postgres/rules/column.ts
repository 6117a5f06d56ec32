/** Columns: added, dropped, renamed. How one is altered stands in `column-change.ts`. */
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { alterColumn } from './column-change.ts'
import { columnExtras, columnText, generatedOf, identityOf, notNullText, tableIdOf } from './column-text.ts'
import { sameOn, stableDescendants } from './family.ts'
import { ownName } from './names.ts'
import { overridesOf } from './overrides.ts'
import { sequencesGoneWith } from './sequence.ts'
import { alterRelation, brief, hazard, isQuiet, tableOf, unlessEmpty } from './tools.ts'

/** Whether the server writes every row anew to add it. */
function rewritesTable({ properties, facts }: SchemaObject): boolean {
  return (
    identityOf(properties) !== undefined ||
    generatedOf(properties)?.kind === 'stored' ||
    (properties['default'] !== undefined && facts?.['volatileDefault'] === true)
  )
}

function create(column: SchemaObject, context: RuleContext): readonly Action[] {
  const tableId = tableIdOf(column)
  const table = context.after(tableId)
  const brought = stableDescendants(tableId, context).flatMap((child) => {
    const same = sameOn(child, column, context.after)
    return same !== undefined && context.before(idOf(same)) === undefined ? [same] : []
  })
  const rewrites = rewritesTable(column) && !isQuiet(tableId, context)
  const { properties } = column
  const filled =
    properties['default'] !== undefined ||
    generatedOf(properties) !== undefined ||
    identityOf(properties) !== undefined
  const name = column.name.join('.')
  return [
    brief(
      `${table === undefined ? `ALTER TABLE ${tableOf(column)}` : alterRelation(table)} ADD COLUMN ${columnText(column)}`,
      {
        creates: [idOf(column), ...brought.map(idOf)],
        rewrites,
        hazards: [
          ...(rewrites
            ? [hazard('table-rewrite', `Every row of ${tableOf(column)} is written anew to fill ${name}.`)]
            : []),
          ...(notNullText(properties) !== '' && !filled
            ? unlessEmpty(
                tableId,
                context,
                'may-fail',
                `${name} must have a value, and the rows that are there have none.`,
              )
            : []),
        ],
      },
    ),
    ...columnExtras(column),
    ...brought.flatMap((child) => overridesOf(child, column)),
  ]
}

function drop(column: SchemaObject, context: RuleContext): readonly Action[] {
  const tableId = tableIdOf(column)
  const table = context.before(tableId)
  const gone = stableDescendants(tableId, context).flatMap((child) => {
    const same = sameOn(child, column, context.before)
    return same !== undefined && context.isDropped(idOf(same)) ? [idOf(same)] : []
  })
  const ids = [idOf(column), ...gone]
  const name = column.name.join('.')
  return [
    brief(
      `${table === undefined ? `ALTER TABLE ${tableOf(column)}` : alterRelation(table)} DROP COLUMN ${ownName(column)}`,
      {
        drops: [...ids, ...sequencesGoneWith(ids, context)],
        hazards:
          generatedOf(column.properties) === undefined
            ? unlessEmpty(tableId, context, 'data-loss', `The values of ${name} are removed.`)
            : [],
      },
    ),
  ]
}

export const columnRule: KindRule = {
  create,
  drop,
  alter: alterColumn,
  stepAside: (from, to) => {
    // A default that needs something made anew is taken away and given again; so a column is never lost for it.
    const alter = `ALTER TABLE ONLY ${tableOf(to)} ALTER COLUMN ${ownName(to)}`
    if (generatedOf(from.properties) !== undefined) return undefined
    const { default: before } = from.properties
    const after = to.properties['default']
    if (before === undefined) return undefined
    return {
      release: [brief(`${alter} DROP DEFAULT`)],
      restore: after === undefined ? [] : [brief(`${alter} SET DEFAULT ${String(after)}`)],
    }
  },
  rename: ({ from, to }) => [
    brief(`ALTER TABLE ${tableOf(from)} RENAME COLUMN ${ownName(from)} TO ${ownName(to)}`),
  ],
}

/** Views: replaced in place while their columns only get more, altered for options, else made anew. */
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { columnList, columnsIn, isPlain, plainColumns, queryOf } from './view-column.ts'
import { ident } from '../../../../../engine/sql.ts'
import { quote } from '../names.ts'
import { brief, optionChanges, optionList, optionsIn } from '../tools.ts'

export const viewRule: KindRule = {
  create: (object, context) => [
    {
      sql: definition('CREATE VIEW', object, context),
      creates: [idOf(object), ...plainColumns(object, context)],
      lock: null,
    },
  ],
  drop: (object) => [brief(`DROP VIEW ${quote(object.name)}`)],
  alter: ({ id, from, to, properties }, context) => {
    if (!properties.includes('definition')) return { actions: optionActions('VIEW', from, to) }
    const added = addedColumns(id, context)
    if (added === undefined) return 'replace'
    return {
      actions: [
        brief(definition('CREATE OR REPLACE VIEW', to, context), {
          alters: [id],
          creates: added.filter(isPlain).map(idOf),
        }),
      ],
    }
  },
  rename: ({ from, to }) => [
    brief(`ALTER VIEW ${quote(from.name)} RENAME TO ${ident(to.name.at(-1) as string)}`),
  ],
}

function definition(start: string, object: SchemaObject, context: RuleContext): string {
  const options = optionList(optionsIn(object.properties))
  return `${start} ${quote(object.name)}${columnList(object, context)}${options === '' ? '' : ` WITH (${options})`} AS\n${queryOf(object)}`
}

/** The columns that are new at the end; undefined when an older one differs, which needs another view. */
function addedColumns(id: string, context: RuleContext): readonly SchemaObject[] | undefined {
  const before = columnsIn(context.partsBefore(id))
  const after = columnsIn(context.partsAfter(id))
  const same = before.every((column, at) => {
    const other = after[at]
    return (
      other !== undefined &&
      other.name.at(-1) === column.name.at(-1) &&
      other.facts?.['type'] === column.facts?.['type'] &&
      other.facts?.['collation'] === column.facts?.['collation']
    )
  })
  return same ? after.slice(before.length) : undefined
}

function optionActions(word: string, from: SchemaObject, to: SchemaObject): Action[] {
  return optionChanges(optionsIn(from.properties), optionsIn(to.properties)).map((change) =>
    brief(`ALTER ${word} ${quote(to.name)} ${change}`),
  )
}

/** Materialized views: another query makes another one, filled anew. */
import type { KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { ident } from '../../../../engine/sql.ts'
import { columnList, plainColumns, queryOf } from './view-column.ts'
import { quote } from './names.ts'
import { brief, hazard, optionChanges, optionList, optionsIn, type Options } from './tools.ts'
import { said } from '../said.ts'

export const materializedViewRule: KindRule = {
  create: (object, context) => [
    {
      sql: definition(object, context),
      creates: [idOf(object), ...plainColumns(object, context)],
      lock: null,
      long: isFilled(object, context),
      hazards:
        context.before(idOf(object)) !== undefined &&
        isFilled(object, context) &&
        context.options.style !== 'plain'
          ? [hazard('long-lock', `Who reads ${object.name.join('.')} waits until it is filled anew.`)]
          : [],
    },
  ],
  drop: (object, context) => [
    brief(`DROP MATERIALIZED VIEW ${quote(object.name)}`, {
      hazards:
        context.after(idOf(object)) === undefined && object.facts?.['unpopulated'] !== true
          ? [
              hazard(
                'data-loss',
                `The rows that the materialized view ${object.name.join('.')} keeps are removed.`,
              ),
            ]
          : [],
    }),
  ],
  alter: ({ from, to, properties }) => {
    if (properties.includes('definition')) return 'replace'
    const start = `ALTER MATERIALIZED VIEW ${quote(to.name)}`
    const changes = optionChanges(allOptions(from), allOptions(to)).map((change) =>
      brief(`${start} ${change}`),
    )
    const rewrite = {
      rewrites: true,
      hazards: [hazard('table-rewrite', `${to.name.join('.')} is written anew.`)],
    }
    if (properties.includes('accessMethod')) {
      const method = to.properties['accessMethod'] ?? 'heap'
      changes.push(brief(`${start} SET ACCESS METHOD ${ident(said(method))}`, rewrite))
    }
    if (properties.includes('tablespace')) {
      const place = to.properties['tablespace'] ?? 'pg_default'
      changes.push(brief(`${start} SET TABLESPACE ${ident(said(place))}`, rewrite))
    }
    return { actions: changes }
  },
  rename: ({ from, to }) => [
    brief(`ALTER MATERIALIZED VIEW ${quote(from.name)} RENAME TO ${ident(to.name.at(-1) as string)}`),
  ],
}

/** One that was filled stays filled; nothing can be read from one that stays empty. */
function isFilled(object: SchemaObject, context: RuleContext): boolean {
  const filled = (context.before(idOf(object)) ?? object).facts?.['unpopulated'] !== true
  return filled && object.dependsOn.every((id) => canBeRead(id, context))
}

function canBeRead(id: string, context: RuleContext): boolean {
  const object = context.after(id)
  if (object?.kind === 'view_column') return canBeRead(object.parent as string, context)
  if (object?.kind === 'materialized_view') return isFilled(object, context)
  return object?.kind !== 'view' || object.dependsOn.every((other) => canBeRead(other, context))
}

function allOptions({ properties }: SchemaObject): Options {
  const toast = Object.entries(optionsIn(properties, 'toastOptions'))
  return {
    ...optionsIn(properties),
    ...Object.fromEntries(toast.map(([name, value]) => [`toast.${name}`, value])),
  }
}

function definition(object: SchemaObject, context: RuleContext): string {
  const { accessMethod, tablespace } = object.properties
  const options = optionList(allOptions(object))
  return [
    `CREATE MATERIALIZED VIEW ${quote(object.name)}${columnList(object, context)}`,
    ...(accessMethod === undefined ? [] : [`USING ${ident(said(accessMethod))}`]),
    ...(options === '' ? [] : [`WITH (${options})`]),
    ...(tablespace === undefined ? [] : [`TABLESPACE ${ident(said(tablespace))}`]),
    `AS\n${queryOf(object)}`,
    ...(isFilled(object, context) ? [] : ['WITH NO DATA']),
  ].join(' ')
}

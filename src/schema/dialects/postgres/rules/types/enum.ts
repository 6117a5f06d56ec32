/**
 * Enums: values are added in place; taking one away or moving one makes the type anew, while the former is there under
 * another name, so that columns go from the one to the other.
 */
import { ident, literal } from '../../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { standIn } from '../tools.ts'

export const enumRule: KindRule = {
  create: (object, context) => [
    {
      sql: `CREATE TYPE ${quote(object.name)} AS ENUM (${labelsOf(object).map(literal).join(', ')})`,
      lock: null,
      creates: [idOf(object)],
    },
    ...formerGone(object, context),
  ],
  drop: (object, context) => {
    const target = context.after(idOf(object))
    const kept = new Set(target === undefined ? [] : labelsOf(target))
    const lost = labelsOf(object).filter((label) => !kept.has(label))
    const detail = `Values ${lost.join(', ')} of ${object.name.join('.')} are taken away: rows that hold them stop the change.`
    return [
      {
        sql:
          target === undefined
            ? `DROP TYPE ${quote(object.name)}`
            : `ALTER TYPE ${quote(object.name)} RENAME TO ${ident(formerName(object))}`,
        lock: null,
        ...(target !== undefined && lost.length > 0 ? { hazards: [{ name: 'may-fail', detail }] } : {}),
      },
    ]
  },
  alter: ({ from, to }) => {
    const [before, after] = [labelsOf(from), labelsOf(to)]
    const known = new Set(before)
    const kept = after.filter((label) => known.has(label))
    if (kept.length !== before.length || kept.some((label, at) => label !== before[at])) return 'replace'
    return { actions: additions(to, after, known) }
  },
}

/** What it is called while columns are still of it, and the new one is there. */
function formerName(type: SchemaObject): string {
  return standIn(type.name.at(-1) ?? '', '_tenantry_former')
}

/** When no column is of it any more. */
function formerGone(type: SchemaObject, context: RuleContext): Action[] {
  const id = idOf(type)
  if (context.before(id) === undefined) return []
  const columns = context
    .dependentsBefore(id)
    .filter(({ kind }) => kind === 'column')
    .map(idOf)
  return [
    {
      sql: `DROP TYPE ${quote([type.name[0] ?? '', formerName(type)])}`,
      lock: null,
      creates: [],
      needs: columns.filter((column) => context.after(column) !== undefined),
    },
  ]
}

function labelsOf(object: SchemaObject): string[] {
  const labels = object.properties['labels']
  return Array.isArray(labels) ? labels.map(String) : []
}

/** Each in a transaction of its own: a new value cannot be used in the one that adds it. */
function additions(type: SchemaObject, labels: readonly string[], known: ReadonlySet<string>): Action[] {
  return labels.flatMap((label, at): Action[] => {
    if (known.has(label)) return []
    const previous = labels[at - 1]
    const next = labels[at + 1]
    const place =
      next === undefined
        ? ''
        : previous === undefined
          ? ` BEFORE ${literal(labels.find((other) => known.has(other)) ?? next)}`
          : ` AFTER ${literal(previous)}`
    return [
      {
        sql: `ALTER TYPE ${quote(type.name)} ADD VALUE ${literal(label)}${place}`,
        ownTransaction: true,
        onlyAdds: true,
        lock: null,
      },
    ]
  })
}

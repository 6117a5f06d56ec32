/** Enums: values are added in place; taking one away or moving one makes the type anew. */
import { literal } from '../../../../../engine/sql.ts'
import type { Action, KindRule } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'

export const enumRule: KindRule = {
  create: (object) => [
    {
      sql: `CREATE TYPE ${quote(object.name)} AS ENUM (${labelsOf(object).map(literal).join(', ')})`,
      lock: null,
    },
  ],
  drop: (object, context) => {
    const target = context.after(idOf(object))
    const kept = new Set(target === undefined ? [] : labelsOf(target))
    const lost = labelsOf(object).filter((label) => !kept.has(label))
    const detail = `Values ${lost.join(', ')} of ${object.name.join('.')} are taken away: rows that hold them stop the change.`
    return [
      {
        sql: `DROP TYPE ${quote(object.name)}`,
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
        lock: null,
      },
    ]
  })
}

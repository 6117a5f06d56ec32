/** Range types: nothing about one can be altered. */
import type { KindRule } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { said } from '../../said.ts'

export const rangeRule: KindRule = {
  create: (object) => [{ sql: definition(object), lock: null }],
  drop: (object) => [{ sql: `DROP TYPE ${quote(object.name)}`, lock: null }],
}

const OPTIONS = [
  ['operatorClass', 'SUBTYPE_OPCLASS'],
  ['collation', 'COLLATION'],
  ['canonical', 'CANONICAL'],
  ['difference', 'SUBTYPE_DIFF'],
] as const

function definition({ name, properties }: SchemaObject): string {
  const multirange = (properties['multirange'] as readonly string[] | undefined) ?? []
  const own = multirange.length === 1 ? [...name.slice(0, -1), ...multirange] : multirange
  const options = [
    `SUBTYPE = ${said(properties['subtype'])}`,
    ...OPTIONS.flatMap(([property, word]) =>
      properties[property] === undefined ? [] : [`${word} = ${said(properties[property])}`],
    ),
    ...(own.length === 0 ? [] : [`MULTIRANGE_TYPE_NAME = ${quote(own)}`]),
  ]
  return `CREATE TYPE ${quote(name)} AS RANGE (${options.join(', ')})`
}

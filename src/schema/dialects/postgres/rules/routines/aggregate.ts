/** Aggregates: replaced in place while arguments and state stay, so that views on them stay. */
import { literal } from '../../../../../engine/sql.ts'
import type { KindRule } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { routineName, routineSignature } from './routine-names.ts'
import { said } from '../../said.ts'

/** Properties that are called as the option is, in the order of the manual. */
const OPTIONS = [
  'SFUNC',
  'STYPE',
  'SSPACE',
  'FINALFUNC',
  'FINALFUNC_EXTRA',
  'FINALFUNC_MODIFY',
  'COMBINEFUNC',
  'SERIALFUNC',
  'DESERIALFUNC',
  'MSFUNC',
  'MINVFUNC',
  'MSTYPE',
  'MSSPACE',
  'MFINALFUNC',
  'MFINALFUNC_EXTRA',
  'MFINALFUNC_MODIFY',
  'SORTOP',
  'HYPOTHETICAL',
  'PARALLEL',
] as const

export const aggregateRule: KindRule = {
  create: (object) => [{ sql: definition(object, 'CREATE AGGREGATE'), lock: null }],
  drop: (object) => [{ sql: `DROP AGGREGATE ${routineSignature(object)}`, lock: null }],
  alter: ({ to, properties }) =>
    // The result follows from these.
    ['arguments', 'STYPE', 'FINALFUNC', 'HYPOTHETICAL'].some((name) => properties.includes(name))
      ? 'replace'
      : { actions: [{ sql: definition(to, 'CREATE OR REPLACE AGGREGATE'), lock: null }] },
}

function definition(object: SchemaObject, start: string): string {
  const { properties } = object
  const options = OPTIONS.flatMap((name) => {
    const value = properties[name]
    if (value === undefined) return []
    return value === true ? [name] : [`${name} = ${said(value)}`]
  })
  for (const [property, word] of [
    ['initial', 'INITCOND'],
    ['movingInitial', 'MINITCOND'],
  ] as const) {
    const value = properties[property]
    if (Array.isArray(value)) options.push(`${word} = ${literal(said(value[0])).trim()}`)
  }
  const list = properties['arguments'] === undefined ? '*' : said(properties['arguments'])
  return `${start} ${routineName(object)}(${list}) (${options.join(', ')})`
}

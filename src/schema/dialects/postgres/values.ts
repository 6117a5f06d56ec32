/** Values of the server's texts, by the types of their columns, as JSON would have them. */
import type { QueryResult } from '../../../engine/session.ts'
import type { Json } from '../../snapshot/canonical.ts'

export type ValueRow = Readonly<Record<string, Json>>

type Reading = (text: string) => Json

/** Oids of types, the same in every PostgreSQL. What is not here stays text, oids too. */
const READINGS = new Map<number, Reading>([
  ...[20, 21, 23].map((type): [number, Reading] => [type, Number]),
  [16, (text) => text === 't'],
  ...[114, 3802].map((type): [number, Reading] => [type, (text) => JSON.parse(text) as Json]),
  // Arrays of "char", name, text, oid.
  ...[1002, 1003, 1009, 1028].map((type): [number, Reading] => [type, arrayOf]),
  // Arrays of int2, int4, int8.
  ...[1005, 1007, 1016].map((type): [number, Reading] => [
    type,
    (text) => JSON.parse(`[${text.slice(1, -1)}]`) as Json,
  ]),
])

/** One object per row. */
export function valueRows({ rows, columns = [], types = [] }: QueryResult): ValueRow[] {
  const readings = types.map((type) => READINGS.get(type))
  return rows.map((row) => {
    const values: Record<string, Json> = {}
    for (let at = 0; at < columns.length; at++) {
      const text = row[at] ?? null
      const read = readings[at]
      values[columns[at] as string] = text === null || read === undefined ? text : read(text)
    }
    return values
  })
}

const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^,]+/gsu

/** `{a,"b, c",NULL}`, of one dimension. */
function arrayOf(text: string): Json {
  const inside = text.slice(1, -1)
  if (inside === '') return []
  if (!inside.includes('"') && !inside.includes('NULL')) return inside.split(',')
  return Array.from(inside.matchAll(ELEMENT), ([whole, quoted]) =>
    quoted === undefined ? (whole === 'NULL' ? null : whole) : quoted.replace(/\\(.)/gsu, '$1'),
  )
}

/** What SQLite makes of a value that is put into a column: https://sqlite.org/datatype3.html#type_affinity */
import { sqliteIdent } from '../../../../engine/sql.ts'
import type { SchemaObject } from '../../../snapshot/snapshot.ts'
import { textOf } from './actions.ts'

type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric'

/** A column with the table that it stands in. */
export interface ColumnIn {
  readonly column: SchemaObject
  readonly table: SchemaObject
}

export function isStrict({ table }: ColumnIn): boolean {
  return table.properties['strict'] === true
}

/** ANY is a type of STRICT tables: it leaves values as they are. Elsewhere it is a word like any other. */
function affinity(place: ColumnIn): Affinity {
  const type = textOf(place.column, 'type')
  if (isStrict(place) && type === 'any') return 'blob'
  if (type.includes('int')) return 'integer'
  if (/char|clob|text/.test(type)) return 'text'
  if (type === '' || type.includes('blob')) return 'blob'
  if (/real|floa|doub/.test(type)) return 'real'
  return 'numeric'
}

/** What becomes of values that are stored in another form than they were; undefined where none is. */
export function formLost(from: ColumnIn, to: ColumnIn): string | undefined {
  const [before, after] = [affinity(from), affinity(to)]
  if (before === 'blob' && after === 'text') return 'a number becomes a text'
  if (after === 'real' && before !== 'real')
    return `a value like 9007199254740993 or '1.50' loses its last digits or its form`
  if ((before === 'text' || before === 'blob') && (after === 'integer' || after === 'numeric')) {
    return `a value like '007' or '1.50' becomes a number and loses its form`
  }
  return undefined
}

/** Whether a STRICT table may find a value of another such table's column not to be of its type. */
export function mayNotFit(from: ColumnIn, to: ColumnIn): boolean {
  const [before, after] = [affinity(from), affinity(to)]
  const [type, other] = [textOf(from.column, 'type'), textOf(to.column, 'type')]
  if (!isStrict(to) || other === 'any' || (before === after && type !== 'any')) return false
  return !(before === 'integer' && after === 'real') && !(after === 'text' && before !== 'blob')
}

/** The value of a column as another takes it: as a text, a number has all of its digits, which older SQLites cut. */
export function carried(from: ColumnIn, to: ColumnIn, name: string): string {
  const value = sqliteIdent(name)
  const before = affinity(from)
  const isWhole = before === 'integer' && isStrict(from)
  if (affinity(to) !== 'text' || before === 'text' || isWhole) return value
  return (
    `CASE WHEN typeof(${value}) = 'real' AND CAST(CAST(${value} AS TEXT) AS REAL) <> ${value} ` +
    `THEN printf('%!.20g', ${value}) ELSE ${value} END`
  )
}

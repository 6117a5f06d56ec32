/** PostgreSQL 14 to 18, as a dialect. */
import type { Properties, SchemaObject } from '../../snapshot/snapshot.ts'
import type { Dialect } from '../dialect.ts'
import { changeMarker } from './change-marker.ts'
import { catalogueFingerprint, guard } from './fingerprint.ts'
import { inspect } from './inspect/index.ts'
import { clearLeftovers, finishInterrupted } from './leftovers.ts'
import { inTransaction, PREAMBLE } from './preamble.ts'
import { priority } from './priority.ts'
import { rename } from './rename.ts'
import { quote } from './rules/names.ts'
import { identityOf, identitySequence } from './rules/columns/column-text.ts'
import { RELATIONS } from './rules/indexes/held-names.ts'
import { rules } from './rules/index.ts'
import { scratch } from './scratch.ts'
import { connect, lock } from './session.ts'
import { writeMarks } from './write-marks.ts'

export const postgres: Dialect = {
  name: 'postgres',
  connect,
  inspect,
  catalogueFingerprint,
  changeMarker,
  writeMarks,
  guard,
  scratch,
  rules,
  priority,
  claims,
  factsReached,
  transactionalDdl: true,
  locksTables: true,
  preamble: PREAMBLE,
  inTransaction,
  quote,
  // What is read while a table is locked is all that was written before it was.
  begin: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  settings: ({ lockTimeoutMs, statementTimeoutMs }) => [
    `SET lock_timeout = ${lockTimeoutMs}`,
    `SET statement_timeout = ${statementTimeoutMs}`,
  ],
  lock,
  clearLeftovers,
  finishInterrupted,
  rename,
}

/**
 * A NOT NULL that becomes a parent's as well keeps its name, which is the usual one when the table is new; one that is
 * only the parent's has its.
 */
function factsReached({ facts = {}, properties }: SchemaObject, from: SchemaObject | undefined): Properties {
  if (facts['notNullInherited'] !== true || from?.facts?.['notNullInherited'] === true) return facts
  if (properties['notNullOfParent'] === true) return facts
  const { notNullConstraint: _, ...others } = facts
  const name = from?.facts?.['notNullConstraint']
  return name === undefined ? others : { ...others, notNullConstraint: name }
}

/** Kinds that have a row type, or are a type, of their name; and sequences, which the server makes beside no such type. */
const TYPES = new Set([
  'table',
  'sequence',
  'foreign_table',
  'view',
  'materialized_view',
  'composite_type',
  'enum',
  'domain',
  'range',
])

const ROUTINES = new Set(['function', 'procedure', 'aggregate'])

function claims(object: SchemaObject): readonly string[] {
  const { kind, name } = object
  const schema = name[0] ?? ''
  const own = name.at(-1) ?? ''
  const held: string[] = []
  if (RELATIONS.has(kind)) held.push(`relation ${schema}.${own}`)
  if (TYPES.has(kind)) held.push(`type ${schema}.${own}`)
  if (kind === 'constraint')
    held.push(`constraint ${name.slice(0, -1).join('.')}.${own}`, `relation ${schema}.${own}`)
  const identity = kind === 'column' ? identityOf(object.properties) : undefined
  if (identity !== undefined) held.push(`relation ${identitySequence(object, identity).join('.')}`)
  if (kind === 'constraint' && object.properties['type'] === 'primary key')
    held.push(`~primary key ${name.slice(0, -1).join('.')}`)
  // What overloads a name makes calls ambiguous while both are there.
  if (ROUTINES.has(kind)) held.push(`routine ${schema}.${own}`, `~overload ${schema}.${own.split('(')[0]}`)
  if (kind === 'function') held.push(...callsOf(object))
  // A partition that goes makes room for one whose bound overlaps.
  if (kind === 'attachment' && object.properties['bound'] !== undefined)
    held.push(`~partition of ${JSON.stringify(object.properties['of'])}`)
  // Lists of columns and whole schemas exclude one another.
  if (kind === 'publication_table' || kind === 'publication_schema') held.push(`published ${schema}`)
  return held
}

/** Each way to call it that leaves out arguments with defaults, or none: two functions cannot answer to one call. */
function callsOf({ name, facts }: SchemaObject): string[] {
  const [schema = '', own = ''] = name
  const at = own.indexOf('(')
  const types = own.slice(at + 1, -1).split(', ')
  const least = types.length - Number(facts?.['defaults'] ?? 0)
  return types
    .map((_, last) => types.slice(0, last))
    .concat([types])
    .filter((given) => given.length >= least)
    .map((given) => `call ${schema}.${own.slice(0, at)}(${given.join(', ')})`)
}

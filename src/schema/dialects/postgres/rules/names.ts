/** Names as they stand in statements. */
import { ident } from '../../../../engine/sql.ts'
import { MASKED_SCHEMA, type SchemaObject } from '../../../snapshot/snapshot.ts'

/** `"public"."orders"`; without the schema when it is masked: the search path leads to the tenant's. */
export function quote(name: readonly string[]): string {
  return (name[0] === MASKED_SCHEMA && name.length > 1 ? name.slice(1) : name).map(ident).join('.')
}

/** The quoted name of the table, view… that an object is a part of: its name without the last part. */
export function ownerName(object: Pick<SchemaObject, 'name'>): string {
  return quote(object.name.slice(0, -1))
}

/** The quoted last part of an object's name. */
export function ownName(object: Pick<SchemaObject, 'name'>): string {
  return ident(object.name.at(-1) ?? '')
}

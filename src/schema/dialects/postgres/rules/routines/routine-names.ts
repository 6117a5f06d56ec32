/** Names of functions, procedures and aggregates in statements. */
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { said } from '../../said.ts'

/** `"public"."add"`: without arguments. */
export function routineName(object: SchemaObject): string {
  return quote([...object.name.slice(0, -1), said(object.facts?.['name'])])
}

/** `"public"."add"(a integer, b integer)`: as DROP, COMMENT and GRANT want it. */
export function routineSignature(object: SchemaObject): string {
  return `${routineName(object)}(${said(object.facts?.['signature'] ?? '')})`
}

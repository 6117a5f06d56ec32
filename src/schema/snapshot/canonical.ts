/** One text for one value: what fingerprints and comparisons stand on. */
import { hash } from 'node:crypto'
import { canonicalJson } from '../../lib/canonical-json.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** SHA-256 of the canonical JSON, hex. */
export function hashOf(value: Json): string {
  return hash('sha256', canonicalJson(value))
}

export function sameJson(a: Json, b: Json): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b)
}

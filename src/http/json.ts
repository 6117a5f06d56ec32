/** JSON in and out, safe against what hostile data does to parsers and terminals. */
import { TenantryError } from '../lib/errors.ts'

const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g

/**
 * JSON in which no character can act on a terminal: JSON itself escapes C0 (with ESC), this escapes DEL and C1
 * (with the one-character CSI) as well.
 */
export function toJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replaceAll(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses a body. An empty one is undefined.
 * @throws TenantryError `malformed_request` for what is not UTF-8 or not JSON.
 */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return JSON.parse(decoder.decode(body)) as unknown
  } catch (cause) {
    const what = cause instanceof SyntaxError ? 'JSON' : 'UTF-8'
    throw new TenantryError('malformed_request', `The body is not valid ${what}.`, { cause })
  }
}

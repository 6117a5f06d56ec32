/** Opaque cursors: the key of the last row seen, tied to the filters it was seen under. */
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { canonicalJson } from '../lib/canonical-json.ts'
import { TenantryError } from '../lib/errors.ts'

/** @param filter everything that decides which rows are listed and in which order, without limit and cursor. */
export function encodeCursor(filter: unknown, key: unknown): string {
  return Buffer.from(JSON.stringify({ k: key, f: filterHash(filter) })).toString('base64url')
}

/**
 * Reads a cursor back.
 * @returns the key, or undefined when there is no cursor.
 * @throws TenantryError `malformed_request` for a cursor that is not ours or belongs to other filters.
 */
export function decodeCursor<Key extends z.ZodType>(
  schema: Key,
  filter: unknown,
  cursor: string | undefined,
): z.output<Key> | undefined {
  if (cursor === undefined) return undefined
  const content = parse(cursor)
  const key = schema.safeParse(content?.k)
  if (content === undefined || !key.success) throw badCursor('The cursor is not one that this server made.')
  if (content.f !== filterHash(filter)) throw badCursor('The cursor belongs to a list with other filters.')
  return key.data
}

function badCursor(message: string): TenantryError {
  return new TenantryError('malformed_request', message, {
    errors: [{ pointer: '/query/cursor', code: 'bad_cursor', message }],
    nextSteps: ['Begin again without cursor.'],
  })
}

function parse(cursor: string): { k?: unknown; f?: unknown } | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return value !== null && typeof value === 'object' ? value : undefined
  } catch {
    return undefined
  }
}

function filterHash(filter: unknown): string {
  return createHash('sha256').update(canonicalJson(filter)).digest('base64url').slice(0, 11)
}

/** Checks params, query and body of a request against an endpoint's schemas; reports every problem at once. */
import type { z } from 'zod'
import { TenantryError, type FieldError } from '../lib/errors.ts'
import { escapePointer, findUnstorable } from '../lib/storable.ts'

type Part = 'params' | 'query' | 'body'

/** What was sent, by part. Pointers of problems in the body are relative to the body, the others carry the part. */
export type Sent = Readonly<Record<Part, unknown>>

export interface PartSchemas {
  readonly params: z.ZodType
  readonly query: z.ZodType
  readonly body: z.ZodType
}

/** @throws TenantryError `invalid_input` with a pointer per problem. */
export function checkInput(
  schemas: PartSchemas,
  sent: Sent,
): { params: unknown; query: unknown; body: unknown } {
  const errors: FieldError[] = []
  const check = (part: Part): unknown => {
    const bad = findUnstorable(sent[part])
    if (bad !== undefined) {
      errors.push({
        pointer: prefix(part) + bad.pointer,
        code: 'not_storable',
        message: `The value ${bad.message}.`,
      })
      return undefined
    }
    const result = schemas[part].safeParse(sent[part])
    if (!result.success) errors.push(...result.error.issues.flatMap((issue) => fieldErrors(part, issue)))
    return result.data
  }
  const checked = { params: check('params'), query: check('query'), body: check('body') }
  if (errors.length === 0) return checked
  const shown = errors.slice(0, 50)
  const first = shown[0]
  const where = first?.pointer === undefined || first.pointer === '' ? 'The body' : first.pointer
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
  throw new TenantryError('invalid_input', `${where}: ${first?.message ?? 'is not valid'}${more}`, {
    errors: shown,
  })
}

function prefix(part: Part): string {
  return part === 'body' ? '' : `/${part}`
}

function fieldErrors(part: Part, issue: z.core.$ZodIssue): FieldError[] {
  const base = prefix(part) + issue.path.map((step) => `/${escapePointer(String(step))}`).join('')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${base}/${escapePointer(key)}`,
      code: 'unknown_field',
      message: part === 'query' ? 'There is no such parameter here.' : 'There is no such field here.',
    }))
  }
  // What is wrong with a name in a record is said by the name's own rule.
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  return [{ pointer: base, code: issue.code, message }]
}

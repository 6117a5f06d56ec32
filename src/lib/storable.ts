/**
 * Text and data that can be stored and passed on: no NUL, no half of a surrogate pair, no bottomless nesting, no
 * name that reaches into JavaScript's prototypes.
 */

// oxlint-disable-next-line no-control-regex
const NUL = /\u0000/g

export function storableText(text: string): string {
  return text.replaceAll(NUL, '\uFFFD').toWellFormed()
}

export interface Unstorable {
  readonly pointer: string
  readonly message: string
}

/** The first value inside `value` that cannot be stored, as a JSON pointer with the reason. */
export function findUnstorable(value: unknown, maxDepth = 64): Unstorable | undefined {
  const open: { value: unknown; pointer: string; depth: number }[] = [{ value, pointer: '', depth: 0 }]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (typeof at.value === 'string') {
      const message = problemOf(at.value)
      if (message !== undefined) return { pointer: at.pointer, message }
    } else if (at.value !== null && typeof at.value === 'object') {
      if (at.depth >= maxDepth) return { pointer: '', message: `is nested deeper than ${maxDepth} levels` }
      for (const [key, inner] of Object.entries(at.value)) {
        const pointer = `${at.pointer}/${escapePointer(key)}`
        const message = key === '__proto__' ? 'is not allowed' : problemOf(key)
        if (message !== undefined) return { pointer: at.pointer, message: `has a name that ${message}` }
        open.push({ value: inner, pointer, depth: at.depth + 1 })
      }
    }
  }
  return undefined
}

function problemOf(text: string): string | undefined {
  if (text.includes('\0')) return 'contains a NUL character'
  return text.isWellFormed() ? undefined : 'contains half of a surrogate pair'
}

/** One part of a JSON pointer (RFC 6901). */
export function escapePointer(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1')
}

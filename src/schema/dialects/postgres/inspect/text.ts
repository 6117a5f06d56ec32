/** Texts from the catalogue in the one form that they keep when they are loaded again. */

const VARCHAR = `'(?:[^']|'')*'::character varying`
/** What `varchar IN ('a', 'b')` is shown as at first; loaded again, each element has a cast of its own. */
const CAST_ARRAY = new RegExp(`\\(ARRAY\\[(${VARCHAR}(?:, ${VARCHAR})*)\\]\\)::text\\[\\]`, 'g')
const ELEMENT = new RegExp(VARCHAR, 'g')

/** An expression, a condition, a query as the server writes it. */
export function canonicalText(text: string): string {
  if (!text.includes('::text[]')) return text
  return text.replace(CAST_ARRAY, (_, elements: string) => {
    const cast = elements.match(ELEMENT)?.map((element) => `(${element})::text`)
    return `ARRAY[${cast?.join(', ')}]`
  })
}

/** `{fillfactor=70,autovacuum_enabled=off}` by name, in the order in which they were given. */
export function optionsOf(options: unknown): Record<string, string> | null {
  if (!Array.isArray(options)) return null
  const pairs = options.map((option): [string, string] => {
    const [name = '', ...value] = String(option).split('=')
    return [name, value.join('=')]
  })
  return Object.fromEntries(pairs)
}

/** `text` without `end`, which it must end with when `present`. */
export function withoutEnd(text: string, end: string, present: boolean): string {
  return present && end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text
}

/** Whether an expression names this column, as far as its text tells. */
export function hasWord(text: string, name: string): boolean {
  const plain = /^[a-z_][a-z0-9_$]*$/.test(name)
  const quoted = `"${name.replaceAll('"', '""')}"`
  if (text.includes(quoted)) return true
  return plain && text.split(/[^a-z0-9_$]+/).includes(name)
}

/** An index's definition without its WITH, whose options are told apart. */
export function withoutOptions(text: string, options: Readonly<Record<string, string>> | null): string {
  if (options === null) return text
  const at = text.search(/ WITH \([a-z_]+ ?=/)
  if (at < 0) return text
  // An option's value is a number, a word or a quoted text without parentheses.
  const end = text.indexOf(')', at)
  return text.slice(0, at) + text.slice(end + 1)
}

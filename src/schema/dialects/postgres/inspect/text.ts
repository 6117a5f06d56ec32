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

/** `{fillfactor=70,autovacuum_enabled=off}` as rows of name and value, from an array of such texts. */
export function optionsOf(options: unknown): Record<string, string> | null {
  if (!Array.isArray(options)) return null
  const pairs = options.map((option): [string, string] => {
    const [name = '', ...value] = String(option).split('=')
    return [name, value.join('=')]
  })
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** `text` without `end`, which it must end with when `present`. */
export function withoutEnd(text: string, end: string, present: boolean): string {
  return present && end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text
}

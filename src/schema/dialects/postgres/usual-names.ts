/** Names that the server makes up: table, columns, and what it is for, cut so that all fits. */

const LONGEST_NAME = 63

/** Of a column's NOT NULL, or of a domain's. */
export function usualNotNullName(table: string, column?: string): string {
  return usualName('_not_null', table, column)
}

/** Both names are cut, the longer one first, until all fits. A domain has no second one. */
export function usualName(end: string, table: string, name?: string): string {
  if (name === undefined) return cut(table, LONGEST_NAME - end.length) + end
  const room = LONGEST_NAME - end.length - 1
  let [first, second] = [Buffer.byteLength(table), Buffer.byteLength(name)]
  while (first + second > room) {
    if (first > second) first--
    else second--
  }
  return `${cut(table, first)}_${cut(name, second)}${end}`
}

/** The longest beginning of whole characters that has at most so many bytes. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  let result = ''
  for (const character of text) {
    if (Buffer.byteLength(result + character) > bytes) break
    result += character
  }
  return result
}

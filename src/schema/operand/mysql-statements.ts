/**
 * Cuts a script for MySQL or MariaDB into its statements as their command-line programs do, DELIMITER included; the
 * body of a routine is kept whole also where no DELIMITER guards it.
 */

/** One piece of a script: a word, a quoted text, a comment, a symbol. */
const PIECE =
  /(?<space>\s+|--(?=\s|$).*|#.*|\/\*(?!M?!)[^]*?(?:\*\/|$))|(?<quoted>'(?:[^'\\]|\\[^]|'')*'?|"(?:[^"\\]|\\[^]|"")*"?|`(?:[^`]|``)*`?)|(?<hint>\/\*M?![^]*?(?:\*\/|$))|(?<word>[\p{L}_$@][\p{L}\p{N}_$@]*)|(?<symbol>[^])/uy

const ROUTINE = /^create(?: or replace)?(?: definer)?.*?\b(?:procedure|function|trigger|event|package)\b/

interface Reading {
  /** Offset of its first piece; -1 before it. */
  start: number
  end: number
  /** Leading words, in lower case; enough to see what is created. */
  head: string
  /** Open BEGIN and CASE of a routine. */
  depth: number
  afterEnd: boolean
}

/** The statements of a script, without delimiters and without the comments around them. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = []
  const fresh = (): Reading => ({ start: -1, end: -1, head: '', depth: 0, afterEnd: false })
  let reading = fresh()
  let delimiter = ';'
  const finish = (): void => {
    if (reading.start !== -1) statements.push(sql.slice(reading.start, reading.end))
    reading = fresh()
  }
  const piece = new RegExp(PIECE)
  for (let at = 0; at < sql.length;) {
    const command = reading.start === -1 ? /^delimiter[ \t]+(\S+).*/i.exec(sql.slice(at, at + 200)) : null
    if (command !== null) {
      delimiter = command[1] ?? ';'
      const lineEnd = sql.indexOf('\n', at)
      at = lineEnd === -1 ? sql.length : lineEnd
      continue
    }
    if (sql.startsWith(delimiter, at) && (delimiter !== ';' || reading.depth === 0)) {
      finish()
      at += delimiter.length
      continue
    }
    piece.lastIndex = at
    const found = piece.exec(sql)
    if (found?.groups === undefined) break
    const end = wordEnd(found, delimiter, at)
    if (found.groups['space'] === undefined) take(reading, found.groups['word']?.slice(0, end - at), at, end)
    at = end
  }
  finish()
  return statements
}

/** A delimiter such as `$$` may stand right behind a word and look like a part of it. */
function wordEnd(found: RegExpExecArray, delimiter: string, at: number): number {
  const inside = found.groups?.['word']?.indexOf(delimiter) ?? -1
  return at + (inside > 0 ? inside : found[0].length)
}

function take(reading: Reading, given: string | undefined, start: number, end: number): void {
  if (reading.start === -1) reading.start = start
  reading.end = end
  const word = given?.toLowerCase()
  if (word !== undefined) {
    if (reading.head.length < 400 && reading.depth === 0)
      reading.head += `${reading.head === '' ? '' : ' '}${word}`
    if (ROUTINE.test(reading.head)) countBlocks(reading, word)
  }
  reading.afterEnd = word === 'end'
}

/** `END IF`, `END LOOP` and their like close what was not counted. */
function countBlocks(reading: Reading, word: string): void {
  if (reading.afterEnd && ['if', 'loop', 'while', 'repeat'].includes(word)) reading.depth++
  else if (reading.afterEnd && word === 'case') return
  else if (word === 'begin' || word === 'case') reading.depth++
  else if (word === 'end' && reading.depth > 0) reading.depth--
}

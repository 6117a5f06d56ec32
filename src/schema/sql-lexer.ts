/**
 * The tokens of PostgreSQL's SQL, cut as psql's own lexer (psqlscan.l) cuts them, so that a `;` inside a
 * string, a comment or a function body is never taken for the end of a statement. One pass, no backtracking
 * beyond a token: linear in the length of the text.
 */
import { TenantryError } from '../lib/errors.ts'

type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'symbol' | 'end'

/** The token that `next()` found last: `sql.slice(start, end)`. One object, overwritten by each call. */
export interface Lexer {
  readonly sql: string
  kind: TokenKind
  start: number
  end: number
  /** Moves to the next token and returns its kind; `end` when nothing but space and comments is left. */
  next(): TokenKind
  /** The current token as a keyword would be compared: a word in lower case, anything else as written. */
  text(): string
}

const NEWLINE = 10
const RETURN = 13
const DOUBLE_QUOTE = 34
const DOLLAR = 36
const SINGLE_QUOTE = 39
const STAR = 42
const MINUS = 45
const SLASH = 47
const BACKSLASH = 92
const BYTE_ORDER_MARK = 0xfeff

const SPACE_CLASS = 1
const WORD_START = 2
const WORD_PART = 4
const DIGIT = 8

/** Character classes of the ASCII range; everything above counts as a letter, as in PostgreSQL. */
const CLASSES = new Uint8Array(128)
for (const char of ' \t\n\r\f\v') CLASSES[char.charCodeAt(0)] = SPACE_CLASS
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_') {
  CLASSES[char.charCodeAt(0)] = WORD_START | WORD_PART
}
for (const char of '0123456789') CLASSES[char.charCodeAt(0)] = WORD_PART | DIGIT
CLASSES[DOLLAR] = WORD_PART

function classOf(code: number): number {
  return code < 128 ? CLASSES[code]! : WORD_START | WORD_PART
}

/** The 1-based line of an offset. */
export function lineAt(sql: string, offset: number): number {
  let line = 1
  for (let at = sql.indexOf('\n'); at !== -1 && at < offset; at = sql.indexOf('\n', at + 1)) line++
  return line
}

function unterminated(sql: string, offset: number, what: string, closing: string): TenantryError {
  return new TenantryError(
    'invalid_input',
    `The SQL has an unterminated ${what} that begins on line ${lineAt(sql, offset)}`,
    { nextSteps: [`Close it with ${closing}.`] },
  )
}

/** After a block comment that begins at `start` (comments nest, as in the SQL standard). */
function skipBlockComment(sql: string, start: number): number {
  let depth = 1
  let at = start + 2
  while (at < sql.length) {
    const code = sql.charCodeAt(at)
    if (code === STAR && sql.charCodeAt(at + 1) === SLASH) {
      at += 2
      if (--depth === 0) return at
    } else if (code === SLASH && sql.charCodeAt(at + 1) === STAR) {
      depth++
      at += 2
    } else {
      at++
    }
  }
  throw unterminated(sql, start, 'comment', '*/')
}

/** At the line break (or the end of the text) that ends a line comment. */
function skipLineComment(sql: string, start: number): number {
  let at = start + 2
  while (at < sql.length) {
    const code = sql.charCodeAt(at)
    if (code === NEWLINE || code === RETURN) break
    at++
  }
  return at
}

/** After a '…' or "…" whose quote is at `open`; a doubled quote stands for itself. */
function skipQuoted(sql: string, open: number, quote: string, what: string): number {
  let at = open
  do {
    const close = sql.indexOf(quote, at + 1)
    if (close === -1) throw unterminated(sql, open, what, quote)
    at = close + 1
  } while (sql.charAt(at) === quote)
  return at
}

/** After one piece of an E'…' whose quote is at `open`: a backslash takes the next character with it. */
function skipEscapePiece(sql: string, open: number): number {
  for (let at = open + 1; at < sql.length; at++) {
    const code = sql.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === SINGLE_QUOTE) return at + 1
  }
  throw unterminated(sql, open, 'string', "'")
}

/**
 * After an E'…' with all its pieces: one that follows directly (`''`), or after white space with a line break
 * (line comments allowed), goes on with the same string, and so with the same backslash rule.
 */
function skipEscapeString(sql: string, open: number): number {
  let end = skipEscapePiece(sql, open)
  for (;;) {
    let at = end
    let broken = false
    for (; at < sql.length;) {
      const code = sql.charCodeAt(at)
      if (classOf(code) === SPACE_CLASS) {
        broken ||= code === NEWLINE || code === RETURN
        at++
      } else if (code === MINUS && sql.charCodeAt(at + 1) === MINUS) {
        at = skipLineComment(sql, at)
      } else {
        break
      }
    }
    if (sql.charCodeAt(at) !== SINGLE_QUOTE || !(broken || at === end)) return end
    end = skipEscapePiece(sql, at)
  }
}

/** After a dollar quote that begins at `start`, or -1 when that `$` begins none. */
function skipDollarQuote(sql: string, start: number): number {
  let at = start + 1
  if (sql.charCodeAt(at) !== DOLLAR) {
    if (!(classOf(sql.charCodeAt(at)) & WORD_START)) return -1
    while (at < sql.length && sql.charCodeAt(at) !== DOLLAR && classOf(sql.charCodeAt(at)) & WORD_PART) at++
    if (sql.charCodeAt(at) !== DOLLAR) return -1
  }
  const tag = sql.slice(start, at + 1)
  const close = sql.indexOf(tag, at + 1)
  if (close === -1) throw unterminated(sql, start, `dollar quote ${tag}`, tag)
  return close + tag.length
}

/** The line comments before the first token, as written. */
export function leadingLineComments(sql: string): string[] {
  const comments: string[] = []
  let at = sql.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0
  for (;;) {
    at = skipWhile(sql, at, SPACE_CLASS)
    if (sql.startsWith('/*', at)) {
      at = skipBlockComment(sql, at)
    } else if (sql.startsWith('--', at)) {
      const end = skipLineComment(sql, at)
      comments.push(sql.slice(at, end))
      at = end
    } else {
      return comments
    }
  }
}

function skipTrivia(sql: string, from: number): number {
  let at = from
  while (at < sql.length) {
    const code = sql.charCodeAt(at)
    if (classOf(code) === SPACE_CLASS) at++
    else if (code === MINUS && sql.charCodeAt(at + 1) === MINUS) at = skipLineComment(sql, at)
    else if (code === SLASH && sql.charCodeAt(at + 1) === STAR) at = skipBlockComment(sql, at)
    else break
  }
  return at
}

function skipWhile(sql: string, from: number, mask: number): number {
  let at = from
  while (at < sql.length && classOf(sql.charCodeAt(at)) & mask) at++
  return at
}

/** The end of a word, or of the string or identifier that the word is a prefix of (E'…', U&"…", N'…'). */
function scanWord(lexer: Lexer): number {
  const { sql, start } = lexer
  const end = skipWhile(sql, start, WORD_PART)
  lexer.kind = 'word'
  if (end !== start + 1) return end
  const letter = sql.charAt(start).toLowerCase()
  const after = sql.charCodeAt(end)
  if (after === SINGLE_QUOTE && 'enbx'.includes(letter)) {
    lexer.kind = 'string'
    return letter === 'e' ? skipEscapeString(sql, end) : skipQuoted(sql, end, "'", 'string')
  }
  if (letter === 'u' && sql.charAt(end) === '&') {
    if (sql.charCodeAt(end + 1) === SINGLE_QUOTE) {
      lexer.kind = 'string'
      return skipQuoted(sql, end + 1, "'", 'string')
    }
    if (sql.charCodeAt(end + 1) === DOUBLE_QUOTE) {
      lexer.kind = 'quoted'
      return skipQuoted(sql, end + 1, '"', 'quoted identifier')
    }
  }
  return end
}

function scanDollar(lexer: Lexer): number {
  const { sql, start } = lexer
  const end = skipDollarQuote(sql, start)
  if (end !== -1) {
    lexer.kind = 'string'
    return end
  }
  const digits = scanDigits(sql, start + 1)
  lexer.kind = digits > start + 1 ? 'parameter' : 'symbol'
  return digits
}

/**
 * The end of digits, with a word that is glued to them: the server refuses that (`1e'…'` is no E'…'), but the
 * statement ends where it ends.
 */
function scanDigits(sql: string, start: number): number {
  const end = skipWhile(sql, start, DIGIT)
  const glued = end > start && end < sql.length && classOf(sql.charCodeAt(end)) & WORD_START
  return glued ? skipWhile(sql, end, WORD_PART) : end
}

function scanToken(lexer: Lexer): number {
  const { sql, start } = lexer
  const code = sql.charCodeAt(start)
  const charClass = classOf(code)
  if (charClass & WORD_START) return scanWord(lexer)
  if (code === SINGLE_QUOTE) {
    lexer.kind = 'string'
    return skipQuoted(sql, start, "'", 'string')
  }
  if (code === DOUBLE_QUOTE) {
    lexer.kind = 'quoted'
    return skipQuoted(sql, start, '"', 'quoted identifier')
  }
  if (code === DOLLAR) return scanDollar(lexer)
  if (charClass & DIGIT) {
    lexer.kind = 'number'
    return scanDigits(sql, start)
  }
  lexer.kind = 'symbol'
  return start + 1
}

/**
 * A lexer at the beginning of `sql`. `next()` throws `invalid_input` with the line for a string, identifier,
 * comment or dollar quote that never ends. Operators come as single characters.
 */
export function createLexer(sql: string): Lexer {
  return {
    sql,
    kind: 'end',
    start: 0,
    // A byte order mark is not part of the text.
    end: sql.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0,
    next() {
      this.start = skipTrivia(sql, this.end)
      if (this.start >= sql.length) {
        this.kind = 'end'
        this.end = this.start
      } else {
        this.end = scanToken(this)
      }
      return this.kind
    },
    text() {
      const text = sql.slice(this.start, this.end)
      return this.kind === 'word' ? text.toLowerCase() : text
    },
  }
}

/**
 * The tokens of SQLite's SQL, cut as its own tokenizer (tokenize.c) cuts them. Used to read what SQLite stored in
 * sqlite_schema: CHECK, COLLATE, conflict clauses and names of constraints stand nowhere else.
 */

export type TokenKind = 'word' | 'quoted' | 'string' | 'blob' | 'number' | 'symbol'

export interface Token {
  readonly kind: TokenKind
  /** Offsets into the text. */
  readonly start: number
  readonly end: number
  /** A word in lower case; what a quoted name or a string holds; anything else as written. */
  readonly text: string
}

const PATTERN = new RegExp(
  [
    String.raw`(?<space>[ \t\n\f\r\ufeff]+|--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|$))`,
    String.raw`(?<blob>[xX]'[0-9A-Fa-f]*')`,
    String.raw`(?<string>'(?:[^']|'')*(?:'|$))`,
    String.raw`(?<quoted>"(?:[^"]|"")*(?:"|$)|${'`(?:[^`]|``)*(?:`|$)'}|\[[^\]]*(?:\]|$))`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<number>0[xX][0-9A-Fa-f_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)`,
    String.raw`(?<symbol>\|\||->>?|<=|<>|>=|==|!=|<<|>>|[?@:$#][\w$]*|[^])`,
  ].join('|'),
  'y',
)

/** All tokens of a text, white space and comments left out. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  PATTERN.lastIndex = 0
  for (let match = PATTERN.exec(sql); match !== null; match = PATTERN.exec(sql)) {
    const token = tokenOf(match)
    if (token !== undefined) tokens.push(token)
    if (PATTERN.lastIndex >= sql.length) break
  }
  return tokens
}

function tokenOf(match: RegExpExecArray): Token | undefined {
  const groups = match.groups as Readonly<Record<TokenKind | 'space', string | undefined>>
  if (groups.space !== undefined) return undefined
  const [start, end] = [match.index, match.index + match[0].length]
  const written = match[0]
  if (groups.word !== undefined) return { kind: 'word', start, end, text: fold(written) }
  if (groups.quoted !== undefined) return { kind: 'quoted', start, end, text: unquoted(written) }
  if (groups.string !== undefined) return { kind: 'string', start, end, text: unquoted(written) }
  if (groups.blob !== undefined) return { kind: 'blob', start, end, text: fold(written) }
  if (groups.number !== undefined) return { kind: 'number', start, end, text: fold(written) }
  return { kind: 'symbol', start, end, text: written }
}

function unquoted(written: string): string {
  const quote = written.charAt(0)
  const inner = written.slice(1, written.length > 1 ? -1 : undefined)
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote)
}

/** As SQLite compares names: only the letters of ASCII have two cases. */
export function fold(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * One text for tokens that mean the same: keywords and names in lower case, one space between. A quoted name is
 * written bare when it is one of `names` (folded), or, where not all names are `known`, when it has no capitals.
 * Where all are known, any other text in double quotes is a string, as SQLite reads it.
 */
export function canonicalText(tokens: readonly Token[], names: ReadonlySet<string>, known = true): string {
  return tokens.map((token) => canonicalToken(token, names, known)).join(' ')
}

function canonicalToken(token: Token, names: ReadonlySet<string>, known: boolean): string {
  if (token.kind === 'string') return `'${token.text.replaceAll("'", "''")}'`
  if (token.kind !== 'quoted') return token.text
  const folded = fold(token.text)
  if (names.has(folded) || (!known && folded === token.text)) return folded
  return `"${token.text.replaceAll('"', '""')}"`
}

/** The index just after the `)` that closes the `(` at `open`; the end when nothing does. */
export function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at] as Token
    if (token.kind !== 'symbol') continue
    if (token.text === '(') depth++
    else if (token.text === ')' && --depth === 0) return at + 1
  }
  return tokens.length
}

export function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text)
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === 'symbol' && token.text === symbol
}

/** Cuts canonical text of the server (SHOW CREATE …) into tokens; nothing a user wrote is understood with it. */

export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'mark'
  /** As it stands. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+|--[ \t][^\n]*|#[^\n]*|/\*[\s\S]*?\*/)`,
    '(?<name>`(?:[^`]|``)*`)',
    String.raw`(?<string>'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*")`,
    String.raw`(?<word>[\p{L}\p{N}_$@]+)`,
    String.raw`(?<mark>[\s\S])`,
  ].join('|'),
  'uy',
)

/** Without white space and comments. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let found = TOKEN.exec(text); found !== null; found = TOKEN.exec(text)) {
    const kind = (['name', 'string', 'word', 'mark'] as const).find(
      (one) => found?.groups?.[one] !== undefined,
    )
    if (kind !== undefined) {
      tokens.push({ kind, text: found[0], start: found.index, end: found.index + found[0].length })
    }
  }
  return tokens
}

/** The name that a token in backticks stands for. */
export function unquoted(token: string): string {
  return token.startsWith('`') ? token.slice(1, -1).replaceAll('``', '`') : token
}

/** What MySQL wraps in comments for versions older than itself, `/*!50100 PARTITION BY …`, without the wrapping. */
export function unwrapped(text: string): string {
  let result = ''
  let open = 0
  let at = 0
  while (at < text.length) {
    const opening = /\/\*M?!\d{5,6} ?/y
    opening.lastIndex = at
    const found = opening.exec(text)
    if (found !== null) {
      open++
      at += found[0].length
    } else if (open > 0 && text.startsWith('*/', at)) {
      open--
      at += 2
    } else {
      const quoted = /`(?:[^`]|``)*`|'(?:[^'\\]|\\[\s\S]|'')*'/y
      quoted.lastIndex = at
      const piece = quoted.exec(text)?.[0] ?? text.charAt(at)
      result += piece
      at += piece.length
    }
  }
  return result
}

/** Takes `db`. away from names of its own objects: a schema does not say which database it is in. */
export function withoutDatabase(text: string, database: string, own: (name: string) => boolean): string {
  const prefix = `\`${database.replaceAll('`', '``')}\``
  if (!text.includes(prefix)) return text
  const tokens = tokensOf(text)
  let result = ''
  let at = 0
  for (const [number, token] of tokens.entries()) {
    const [dot, next] = [tokens[number + 1], tokens[number + 2]]
    const stands = token.text === prefix && dot?.text === '.' && next?.kind === 'name'
    if (!stands || tokens[number - 1]?.text === '.' || !own(unquoted(next.text))) continue
    result += text.slice(at, token.start)
    at = next.start
  }
  return result + text.slice(at)
}

/** Number of the token after the one that closes the bracket at `open`. */
export function afterBracket(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]?.text === '(') depth++
    if (tokens[at]?.text === ')' && --depth === 0) return at + 1
  }
  return tokens.length
}

/** The tokens between the bracket at `open` and its partner, cut at the commas outside of inner brackets. */
export function itemsIn(tokens: readonly Token[], open: number): Token[][] {
  const end = afterBracket(tokens, open) - 1
  const items: Token[][] = [[]]
  let depth = 0
  for (const token of tokens.slice(open + 1, end)) {
    if (token.text === '(') depth++
    if (token.text === ')') depth--
    if (token.text === ',' && depth === 0) items.push([])
    else items.at(-1)?.push(token)
  }
  return items.filter((item) => item.length > 0)
}

/** The tokens as one text; white space and comments between them become one blank. */
export function textOf(tokens: readonly Token[]): string {
  let result = ''
  let end = tokens[0]?.start ?? 0
  for (const token of tokens) {
    result += (token.start > end ? ' ' : '') + token.text
    end = token.end
  }
  return result
}

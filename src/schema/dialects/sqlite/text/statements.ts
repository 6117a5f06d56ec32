/** Cutting a script into its statements, as the sqlite3 program does (`sqlite3_complete`). */
import { isSymbol, isWord, tokensOf, type Token } from './tokens.ts'

export interface Statement {
  /** Without its semicolon, and the space and comments around it. */
  readonly sql: string
  /** Offset in the text. */
  readonly start: number
}

/** The statements of a text, in order. */
export function statementsIn(sql: string): Statement[] {
  const statements: Statement[] = []
  let current: Token[] = []
  const cut = (): void => {
    const [first, last] = [current[0], current.at(-1)]
    if (first !== undefined && last !== undefined) {
      statements.push({ sql: sql.slice(first.start, last.end), start: first.start })
    }
    current = []
  }
  for (const token of tokensOf(sql)) {
    if (isSymbol(token, ';') && endsHere(current)) cut()
    else if (current.length > 0 || !isSymbol(token, ';')) current.push(token)
  }
  cut()
  return statements
}

/** A trigger goes on to its `END`, which stands between two semicolons. */
function endsHere(tokens: readonly Token[]): boolean {
  if (!isTrigger(tokens)) return true
  return isWord(tokens.at(-1), 'end') && isSymbol(tokens.at(-2), ';')
}

function isTrigger(tokens: readonly Token[]): boolean {
  let at = 0
  if (isWord(tokens[at], 'explain')) {
    at += 1
    if (isWord(tokens[at], 'query')) at += 2
  }
  if (!isWord(tokens[at], 'create')) return false
  at += isWord(tokens[at + 1], 'temp', 'temporary') ? 2 : 1
  return isWord(tokens[at], 'trigger')
}

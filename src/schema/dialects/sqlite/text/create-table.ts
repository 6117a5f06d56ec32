/** Reads a CREATE TABLE statement as SQLite stored it: only what no PRAGMA tells. */
import { canonicalText, closing, fold, isSymbol, isWord, type Token, tokensOf } from './tokens.ts'

export interface ParsedForeignKey {
  readonly name: string | null
  /** Folded; for a column's own clause that column. */
  readonly columns: readonly string[]
  /** e.g. `deferrable initially deferred`; empty when nothing is said. */
  readonly deferrable: string
  /** The column that it is written at, folded; null for one of the table. */
  readonly column: string | null
}

export interface ParsedKey {
  readonly name: string | null
  /** Folded names, in order. */
  readonly columns: readonly string[]
  /** The conflict clause: `abort` when nothing is said. */
  readonly conflict: string
  readonly autoincrement: boolean
}

export interface ParsedCheck {
  readonly name: string | null
  readonly expression: readonly Token[]
  readonly conflict: string
  /** The column that it is written at, folded; null for one of the table. */
  readonly column: string | null
}

export interface ParsedColumn {
  /** Folded. */
  readonly name: string
  /** The whole definition as written. */
  readonly definition: string
  readonly collation: string | null
  readonly notNullConflict: string
  /** Tokens inside the parentheses of AS (…); null for an ordinary column. */
  readonly generated: readonly Token[] | null
  readonly default: readonly Token[]
  /** Whether PRIMARY KEY or UNIQUE stand in it. */
  readonly key: boolean
}

export interface ParsedTable {
  readonly strict: boolean
  readonly withoutRowid: boolean
  readonly columns: readonly ParsedColumn[]
  readonly primaryKey: ParsedKey | null
  readonly uniques: readonly ParsedKey[]
  readonly checks: readonly ParsedCheck[]
  readonly foreignKeys: readonly ParsedForeignKey[]
}

interface Reader {
  readonly sql: string
  readonly tokens: readonly Token[]
  at: number
  readonly columns: ParsedColumn[]
  primaryKey: ParsedKey | null
  readonly uniques: ParsedKey[]
  readonly checks: ParsedCheck[]
  readonly foreignKeys: ParsedForeignKey[]
}

/** @param sql begins `CREATE TABLE name (`, as all of sqlite_schema does */
export function parseTable(sql: string): ParsedTable {
  const tokens = tokensOf(sql)
  const reader: Reader = {
    sql,
    tokens,
    at: tokens.findIndex((token) => isSymbol(token, '(')) + 1,
    columns: [],
    primaryKey: null,
    uniques: [],
    checks: [],
    foreignKeys: [],
  }
  while (reader.at < tokens.length && !isSymbol(tokens[reader.at], ')')) {
    if (isSymbol(tokens[reader.at], ',')) reader.at++
    else if (isWord(tokens[reader.at], 'constraint', 'primary', 'unique', 'check', 'foreign')) {
      readTableConstraint(reader)
    } else readColumn(reader)
  }
  const options = tokens.slice(reader.at)
  const strict = options.some((token) => isWord(token, 'strict'))
  const withoutRowid = options.some((token) => isWord(token, 'without'))
  const { columns, primaryKey, uniques, checks, foreignKeys } = reader
  return { strict, withoutRowid, columns, primaryKey, uniques, checks, foreignKeys }
}

function peek(reader: Reader): Token | undefined {
  return reader.tokens[reader.at]
}

function take(reader: Reader, ...words: readonly string[]): boolean {
  const found = isWord(peek(reader), ...words)
  if (found) reader.at++
  return found
}

/** The next token as a name, whatever way it is written. */
function takeName(reader: Reader): string {
  const token = peek(reader)
  reader.at++
  return fold(token?.text ?? '')
}

/** The tokens between the parentheses that begin here. */
function takeGroup(reader: Reader): Token[] {
  const end = closing(reader.tokens, reader.at)
  const inner = reader.tokens.slice(reader.at + 1, end - 1)
  reader.at = end
  return inner
}

function takeConflict(reader: Reader): string {
  if (!isWord(peek(reader), 'on') || !isWord(reader.tokens[reader.at + 1], 'conflict')) return 'abort'
  reader.at += 2
  return takeName(reader)
}

function readTableConstraint(reader: Reader): void {
  const name = take(reader, 'constraint') ? takeName(reader) : null
  if (take(reader, 'primary')) {
    reader.at++
    const group = takeGroup(reader)
    const autoincrement = group.some((token) => isWord(token, 'autoincrement'))
    reader.primaryKey = { name, columns: keyColumns(group), conflict: takeConflict(reader), autoincrement }
  } else if (take(reader, 'unique')) {
    const columns = keyColumns(takeGroup(reader))
    reader.uniques.push({ name, columns, conflict: takeConflict(reader), autoincrement: false })
  } else if (take(reader, 'check')) {
    const expression = takeGroup(reader)
    reader.checks.push({ name, expression, conflict: takeConflict(reader), column: null })
  } else if (take(reader, 'foreign')) {
    reader.at++
    const columns = keyColumns(takeGroup(reader))
    if (take(reader, 'references')) readReference(reader, name, columns, null)
  } else if (name === null) reader.at++
}

/** Names at the beginning of the terms of a list like `(a DESC, b COLLATE nocase)`. */
function keyColumns(group: readonly Token[]): string[] {
  return termsOf(group).map((term) => fold(term[0]?.text ?? ''))
}

/** A token list cut at its outermost commas. */
function termsOf(tokens: readonly Token[]): Token[][] {
  const terms: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isSymbol(token, '(')) depth++
    else if (isSymbol(token, ')')) depth--
    if (depth === 0 && isSymbol(token, ',')) terms.push([])
    else terms.at(-1)?.push(token)
  }
  return terms
}

function readColumn(reader: Reader): void {
  const first = peek(reader) as Token
  const name = takeName(reader)
  skipType(reader)
  const draft = {
    name,
    collation: null as string | null,
    notNullConflict: 'abort',
    generated: null as readonly Token[] | null,
    default: [] as readonly Token[],
    key: false,
  }
  while (reader.at < reader.tokens.length && !isSymbol(peek(reader), ',') && !isSymbol(peek(reader), ')')) {
    readColumnConstraint(reader, draft)
  }
  const last = reader.tokens[reader.at - 1] as Token
  reader.columns.push({ ...draft, definition: reader.sql.slice(first.start, last.end) })
}

const AFTER_TYPE = [
  'constraint',
  'primary',
  'not',
  'null',
  'unique',
  'check',
  'default',
  'collate',
  'references',
  'as',
]

function skipType(reader: Reader): void {
  for (;;) {
    const token = peek(reader)
    if (token === undefined || isSymbol(token, ',') || isSymbol(token, ')') || isWord(token, ...AFTER_TYPE))
      return
    if (isWord(token, 'generated') && isWord(reader.tokens[reader.at + 1], 'always')) return
    reader.at = isSymbol(token, '(') ? closing(reader.tokens, reader.at) : reader.at + 1
  }
}

type ColumnDraft = {
  readonly name: string
  collation: string | null
  notNullConflict: string
  generated: readonly Token[] | null
  default: readonly Token[]
  key: boolean
}

function readColumnConstraint(reader: Reader, column: ColumnDraft): void {
  const name = take(reader, 'constraint') ? takeName(reader) : null
  if (take(reader, 'primary')) {
    reader.at++
    take(reader, 'asc', 'desc')
    const conflict = takeConflict(reader)
    const autoincrement = take(reader, 'autoincrement')
    reader.primaryKey = { name, columns: [column.name], conflict, autoincrement }
    column.key = true
  } else if (take(reader, 'unique')) {
    reader.uniques.push({
      name,
      columns: [column.name],
      conflict: takeConflict(reader),
      autoincrement: false,
    })
    column.key = true
  } else if (take(reader, 'check')) {
    const expression = takeGroup(reader)
    reader.checks.push({ name, expression, conflict: takeConflict(reader), column: column.name })
  } else if (take(reader, 'references')) readReference(reader, name, [column.name], column.name)
  else readColumnTrait(reader, column)
}

function readColumnTrait(reader: Reader, column: ColumnDraft): void {
  if (take(reader, 'not')) {
    if (take(reader, 'null')) column.notNullConflict = takeConflict(reader)
    else reader.at++
  } else if (take(reader, 'collate')) column.collation = takeName(reader)
  else if (take(reader, 'default')) column.default = takeDefault(reader)
  else if (take(reader, 'as')) column.generated = takeGroup(reader)
  else reader.at++
}

function takeDefault(reader: Reader): readonly Token[] {
  const from = reader.at
  if (isSymbol(peek(reader), '(')) reader.at = closing(reader.tokens, reader.at)
  else {
    if (isSymbol(peek(reader), '+') || isSymbol(peek(reader), '-')) reader.at++
    reader.at++
  }
  return reader.tokens.slice(from, reader.at)
}

/** After REFERENCES: table, columns, actions, MATCH, deferral. */
function readReference(
  reader: Reader,
  name: string | null,
  columns: readonly string[],
  column: string | null,
): void {
  reader.at++
  if (isSymbol(peek(reader), '(')) takeGroup(reader)
  for (;;) {
    if (isWord(peek(reader), 'on') && !isWord(reader.tokens[reader.at + 1], 'conflict')) {
      reader.at += 2
      reader.at += isWord(peek(reader), 'set', 'no') ? 2 : 1
    } else if (take(reader, 'match')) reader.at++
    else break
  }
  reader.foreignKeys.push({ name, columns, deferrable: takeDeferral(reader), column })
}

function takeDeferral(reader: Reader): string {
  const from = reader.at
  const not = isWord(peek(reader), 'not') ? 1 : 0
  if (!isWord(reader.tokens[reader.at + not], 'deferrable')) return ''
  reader.at += not + 1
  if (take(reader, 'initially')) reader.at++
  return canonicalText(reader.tokens.slice(from, reader.at), new Set())
}

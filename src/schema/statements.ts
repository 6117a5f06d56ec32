/**
 * From SQL text to statements, and from statements to the steps in which they run: what can share a
 * transaction, and what PostgreSQL insists on running alone.
 */
import { TenantryError } from '../lib/errors.ts'
import { createLexer, leadingLineComments, lineAt, type Lexer } from './sql-lexer.ts'
import { kindOf, type StatementKind } from './statement-kind.ts'

export interface Statement {
  /** From the first token to the last: no semicolon, no comment before or after. */
  text: string
  /** Offset of `text` in the input, in UTF-16 units. */
  start: number
  /** 1-based line on which `text` begins. */
  line: number
  kind: StatementKind
}

export interface Step {
  /** `transaction`: all statements in one transaction. `single`: one statement, outside of any. */
  kind: 'transaction' | 'single'
  /**
   * The input from the first statement to the last, comments between them included. No semicolon at the end,
   * and never a line comment there, so `sql + ';'` is safe.
   */
  sql: string
  statements: Statement[]
}

/**
 * This comment line before the first statement: every statement outside an explicit BEGIN … COMMIT is a step of
 * its own and runs outside a transaction.
 */
export const NO_TRANSACTION_DIRECTIVE = '-- tenantry: no-transaction'

/** What is known of the statement being read. */
interface Reading {
  start: number
  end: number
  /** Parentheses that are open. */
  parentheses: number
  /** Open BEGIN ATOMIC and, inside of one, CASE. */
  blocks: number
  /** Its leading words, up to five; enough to see CREATE OR REPLACE FUNCTION. */
  words: string[]
  isRoutine: boolean
  /** The token before: `begin` counts only before `atomic`; `case` and `end` are names after `.` and `as`. */
  previous: string
}

function newReading(): Reading {
  return { start: -1, end: -1, parentheses: 0, blocks: 0, words: [], isRoutine: false, previous: '' }
}

function isRoutineStart(words: readonly string[]): boolean {
  if (words[0] !== 'create') return false
  const object = words[1] === 'or' && words[2] === 'replace' ? words[3] : words[1]
  return object === 'function' || object === 'procedure'
}

/** Inside CREATE FUNCTION|PROCEDURE: a body in BEGIN ATOMIC … END holds semicolons that end nothing. */
function countBlocks(reading: Reading, word: string): void {
  if (reading.parentheses > 0) return
  if (word === 'atomic' && reading.previous === 'begin') {
    reading.blocks++
  } else if (reading.blocks > 0 && reading.previous !== '.' && reading.previous !== 'as') {
    if (word === 'case') reading.blocks++
    else if (word === 'end') reading.blocks--
  }
}

function take(reading: Reading, lexer: Lexer): void {
  if (reading.start === -1) reading.start = lexer.start
  reading.end = lexer.end
  if (lexer.kind === 'word' && (reading.words.length < 5 || reading.isRoutine)) {
    const word = lexer.text()
    if (reading.words.length < 5) {
      reading.words.push(word)
      reading.isRoutine = isRoutineStart(reading.words)
    }
    if (reading.isRoutine) countBlocks(reading, word)
    reading.previous = word
  } else if (lexer.kind === 'symbol') {
    const symbol = lexer.sql.charAt(lexer.start)
    if (symbol === '(') reading.parentheses++
    else if (symbol === ')' && reading.parentheses > 0) reading.parentheses--
    else if (symbol === '\\') throw metaCommand(lexer)
    reading.previous = symbol
  } else {
    reading.previous = ''
  }
}

/** What a script of `schema plan` has on top for psql, and what a version does anyway: to stop at the first error. */
const STOP_AT_ERROR = /\\set ON_ERROR_STOP on(?=[\r\n]|$)/y

function passStop(lexer: Lexer): boolean {
  STOP_AT_ERROR.lastIndex = lexer.start
  if (!STOP_AT_ERROR.test(lexer.sql)) return false
  lexer.end = STOP_AT_ERROR.lastIndex
  return true
}

function metaCommand(lexer: Lexer): TenantryError {
  const lineEnd = lexer.sql.indexOf('\n', lexer.start)
  const command = lexer.sql
    .slice(lexer.start, lineEnd === -1 ? undefined : lineEnd)
    .trim()
    .slice(0, 40)
  return new TenantryError(
    'invalid_input',
    `Line ${lineAt(lexer.sql, lexer.start)} has the psql command ${JSON.stringify(command)}; ` +
      'commands of psql are not SQL and the server does not know them',
    { nextSteps: ['Remove the line, or write what it does as SQL.'] },
  )
}

/** COPY with data in the text itself or to the client: neither can travel with a change. */
function refuseClientCopy(text: string, line: number): void {
  const lexer = createLexer(text)
  let depth = 0
  let previous = ''
  while (lexer.next() !== 'end') {
    const token = lexer.text()
    if (token === '(') depth++
    else if (token === ')') depth--
    else if (depth === 0 && /^(?:from|to)$/.test(previous) && /^std(?:in|out)$/.test(token)) {
      throw new TenantryError(
        'invalid_input',
        `The COPY … ${previous.toUpperCase()} ${token.toUpperCase()} on line ${line} needs data to flow ` +
          'between client and server, which a version cannot do',
        { nextSteps: ['Write the rows as INSERT statements (pg_dump --inserts makes them).'] },
      )
    }
    previous = depth === 0 ? token : ''
  }
}

function refuseUnsendable(sql: string): void {
  const nul = sql.indexOf('\0')
  if (nul !== -1) {
    throw new TenantryError(
      'invalid_input',
      `Line ${lineAt(sql, nul)} has a NUL character, which PostgreSQL cannot store`,
      { nextSteps: ['Remove it; if the file is UTF-16, save it as UTF-8.'] },
    )
  }
  if (!sql.isWellFormed()) {
    throw new TenantryError('invalid_input', 'The SQL has half of a surrogate pair, which is no character')
  }
}

/**
 * Splits SQL as psql does: quotes of all kinds, nested comments, parentheses and BEGIN ATOMIC bodies are kept
 * whole. What holds only comments or nothing is dropped. Linear in the length of the text.
 *
 * @throws TenantryError `invalid_input`, with the line: a quote, comment or dollar quote without an end, a psql
 *   command, COPY from or to the client, a NUL character.
 */
export function splitStatements(sql: string): Statement[] {
  refuseUnsendable(sql)
  const statements: Statement[] = []
  const lexer = createLexer(sql)
  let reading = newReading()
  const lineOf = lineCounter(sql)
  const finish = (): void => {
    if (reading.start !== -1) {
      const { start, end, words } = reading
      const line = lineOf(start)
      const text = sql.slice(start, end)
      if (words[0] === 'copy') refuseClientCopy(text, line)
      statements.push({ text, start, line, kind: kindOf(text, words[0] ?? '', words[1] ?? '') })
    }
    reading = newReading()
  }
  while (lexer.next() !== 'end') {
    if (statements.length === 0 && reading.start === -1 && passStop(lexer)) continue
    const isEnd = lexer.kind === 'symbol' && sql.charAt(lexer.start) === ';'
    if (isEnd && reading.parentheses === 0 && reading.blocks === 0) finish()
    else take(reading, lexer)
  }
  finish()
  return statements
}

/** The 1-based line of offsets that only grow; each line break is looked for once. */
function lineCounter(sql: string): (offset: number) => number {
  let line = 1
  let next = sql.indexOf('\n')
  return (offset) => {
    while (next !== -1 && next < offset) {
      line++
      next = sql.indexOf('\n', next + 1)
    }
    return line
  }
}

/** Whether the comments before the first statement hold the directive. */
export function hasNoTransactionDirective(sql: string): boolean {
  return leadingLineComments(sql).some((comment) => /^--\s*tenantry:\s*no-transaction\s*$/i.test(comment))
}

/** The text with a semicolon after its last statement, so that other SQL can follow; the rest is left as it is. */
export function closed(sql: string): string {
  const last = splitStatements(sql).at(-1)
  if (last === undefined) return sql
  const end = last.start + last.text.length
  const isOpen = createLexer(sql.slice(end)).next() === 'end'
  return isOpen ? `${sql.slice(0, end)};${sql.slice(end)}` : sql
}

/** What a transaction-control statement means for the steps. */
type Control = 'begin' | 'commit' | 'refused'

function controlOf(statement: Statement): Control {
  const words = splitWords(statement.text)
  if (/^begin(?: work| transaction)?$|^start transaction$/.test(words)) return 'begin'
  if (/^(?:commit|end)(?: work| transaction)?(?: and no chain)?$/.test(words)) return 'commit'
  return 'refused'
}

function splitWords(text: string): string {
  const lexer = createLexer(text)
  const words: string[] = []
  while (lexer.next() !== 'end' && words.length < 8) words.push(lexer.text())
  return words.join(' ')
}

function shorten(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ')
  return flat.length > 60 ? `${flat.slice(0, 59)}…` : flat
}

function refused(statement: Statement, why: string, nextStep: string): TenantryError {
  return new TenantryError('source_invalid', `Line ${statement.line}: ${shorten(statement.text)} ${why}`, {
    nextSteps: [nextStep],
  })
}

/** Collects statements into steps. */
interface Grouping {
  sql: string
  steps: Step[]
  open: Statement[]
  /** The BEGIN that is open, if any. */
  begin: Statement | undefined
  eachAlone: boolean
}

function flush(grouping: Grouping): void {
  const first = grouping.open[0]
  const last = grouping.open.at(-1)
  if (first === undefined || last === undefined) return
  const sql = grouping.sql.slice(first.start, last.start + last.text.length)
  grouping.steps.push({ kind: 'transaction', sql, statements: grouping.open })
  grouping.open = []
}

function addControl(grouping: Grouping, statement: Statement): void {
  const control = controlOf(statement)
  if (control === 'refused') {
    throw refused(
      statement,
      'cannot be part of a version: Tenantry itself begins and commits the transaction it runs in',
      'Leave the statement out; only plain BEGIN and COMMIT pairs may mark what belongs together.',
    )
  }
  if (control === 'begin' && grouping.begin !== undefined) {
    throw refused(
      statement,
      `begins a transaction inside the one that line ${grouping.begin.line} began`,
      'Put a COMMIT before it, or remove it.',
    )
  }
  if (control === 'commit' && grouping.begin === undefined) {
    throw refused(
      statement,
      'has no BEGIN before it',
      'Remove it, or put BEGIN where the transaction begins.',
    )
  }
  flush(grouping)
  grouping.begin = control === 'begin' ? statement : undefined
}

function addStatement(grouping: Grouping, statement: Statement): void {
  if (grouping.begin === undefined && (grouping.eachAlone || statement.kind === 'nontransactional')) {
    flush(grouping)
    grouping.steps.push({ kind: 'single', sql: statement.text, statements: [statement] })
  } else if (statement.kind === 'nontransactional') {
    throw refused(
      statement,
      `cannot run inside the transaction that line ${grouping.begin!.line} began`,
      'Put it outside of BEGIN … COMMIT. In an Alembic revision: wrap it in ' +
        '`with op.get_context().autocommit_block():`.',
    )
  } else {
    grouping.open.push(statement)
  }
}

/**
 * The steps in which SQL runs, in order. Neighbours that can share a transaction share one; a statement that
 * PostgreSQL refuses in a transaction block stands alone. BEGIN … COMMIT in the text marks a transaction of its
 * own, and the two words themselves are left out. With `-- tenantry: no-transaction` on top, everything outside
 * of such pairs stands alone. SQL without statements has no steps.
 *
 * @throws TenantryError `invalid_input` as `splitStatements`; `source_invalid`, with the line and what to do:
 *   ROLLBACK, PREPARE TRANSACTION, transaction modes, BEGIN and COMMIT that do not pair, or a statement inside
 *   of a pair that cannot run in a transaction.
 */
export function stepsOf(sql: string): Step[] {
  const statements = splitStatements(sql)
  const grouping: Grouping = {
    sql,
    steps: [],
    open: [],
    begin: undefined,
    eachAlone: hasNoTransactionDirective(sql),
  }
  for (const statement of statements) {
    if (statement.kind === 'transaction-control') addControl(grouping, statement)
    else addStatement(grouping, statement)
  }
  if (grouping.begin !== undefined) {
    throw refused(grouping.begin, 'is never followed by COMMIT', 'Add COMMIT; where the transaction ends.')
  }
  flush(grouping)
  return grouping.steps
}

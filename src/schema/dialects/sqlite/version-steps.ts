/** A version's SQL as it runs on SQLite: statements in one transaction, settings before it. */
import { TenantryError } from '../../../lib/errors.ts'
import { statementsIn } from './text/statements.ts'
import { isSymbol, isWord, tokensOf, type Token } from './text/tokens.ts'

interface SqliteStatement {
  readonly sql: string
  /** 1-based, in the version's SQL. */
  readonly line: number
}

export interface SqliteSteps {
  /** Settings that SQLite takes only outside of a transaction. */
  readonly settings: readonly string[]
  readonly statements: readonly SqliteStatement[]
}

const SETTINGS = ['foreign_keys', 'legacy_alter_table']

/** @throws TenantryError `source_invalid` */
export function sqliteStepsOf(sql: string): SqliteSteps {
  // What `tenantry schema plan --format sql` writes for the sqlite3 program stays usable as a version.
  const text = sql.replaceAll(/^\.bail on$/gm, '--')
  const all = statementsIn(text).map((statement) => ({
    sql: statement.sql,
    line: text.slice(0, statement.start).split('\n').length,
    tokens: tokensOf(statement.sql),
  }))
  const outer = settingsIn(all)
  const inside = withoutTransaction(all.slice(outer.length))
  const inner = settingsIn(inside)
  const statements = inside.slice(inner.length)
  for (const statement of statements) refuse(statement)
  return {
    settings: [...outer, ...inner].map((setting) => setting.sql),
    statements: statements.map((statement) => ({ sql: statement.sql, line: statement.line })),
  }
}

interface Read extends SqliteStatement {
  readonly tokens: readonly Token[]
}

/** Those that come first. */
function settingsIn(statements: readonly Read[]): readonly Read[] {
  const end = statements.findIndex(({ tokens }) => !isSetting(tokens))
  return end === -1 ? statements : statements.slice(0, end)
}

function isSetting(tokens: readonly Token[]): boolean {
  return isWord(tokens[0], 'pragma') && isWord(tokens[1], ...SETTINGS) && isSymbol(tokens[2], '=')
}

/** A script that is one transaction as a whole: its own BEGIN and COMMIT are left out. */
function withoutTransaction(statements: readonly Read[]): readonly Read[] {
  const [first, last] = [statements[0], statements.at(-1)]
  const whole = isWord(first?.tokens[0], 'begin') && isWord(last?.tokens[0], 'commit', 'end')
  return whole ? statements.slice(1, -1) : statements
}

function refuse({ tokens, line }: Read): void {
  const [word, second] = tokens
  const isControl =
    isWord(word, 'begin', 'commit', 'end') ||
    (isWord(word, 'rollback') && !tokens.some((one) => isWord(one, 'to')))
  const isOutside =
    isWord(word, 'vacuum', 'attach', 'detach') || (isWord(word, 'pragma') && isWord(second, 'journal_mode'))
  if (!isControl && !isOutside) return
  const what = tokens
    .slice(0, 2)
    .map(({ text }) => text.toUpperCase())
    .join(' ')
  throw new TenantryError(
    'source_invalid',
    `${what} (line ${line}) cannot be part of a version: it runs in one transaction with the tenant's ledger row.`,
    {
      nextSteps: [
        isControl ? 'Leave it out: the transaction is there already.' : 'Run it on the files by other means.',
      ],
    },
  )
}

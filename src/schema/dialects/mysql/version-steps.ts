/** A version's SQL as it runs on MySQL and MariaDB: statements on rows share transactions, all others stand alone. */
import { TenantryError } from '../../../lib/errors.ts'
import { splitStatements } from '../../operand/mysql-statements.ts'
import { effectOf, type Effect } from './statement-effect.ts'

export interface MysqlStatement {
  readonly sql: string
  /** 1-based, in the version's SQL. */
  readonly line: number
  /** 1-based, among the statements of the version. */
  readonly number: number
  readonly effect: Effect
}

/** `transaction`: on rows only, together. `single`: one statement that ends every transaction. */
export interface MysqlStep {
  readonly kind: 'transaction' | 'single'
  readonly statements: readonly MysqlStatement[]
}

const SHARED: readonly Effect[] = ['rows', 'session', 'temporary', 'guard']

/** @throws TenantryError `source_invalid` for a statement that no version can hold */
export function mysqlStepsOf(sql: string): readonly MysqlStep[] {
  const statements = read(sql)
  const steps: MysqlStep[] = []
  let open: MysqlStatement[] = []
  const close = (): void => {
    if (open.length > 0) steps.push({ kind: 'transaction', statements: open })
    open = []
  }
  for (const statement of statements) {
    if (SHARED.includes(statement.effect)) {
      open.push(statement)
    } else {
      close()
      steps.push({ kind: 'single', statements: [statement] })
    }
  }
  close()
  refuseLostTables(steps)
  return steps
}

function read(sql: string): MysqlStatement[] {
  let offset = 0
  let line = 1
  return splitStatements(sql).map((text, index) => {
    const start = sql.indexOf(text, offset)
    line += sql.slice(offset, start).split('\n').length - 1
    const begins = line
    line += text.split('\n').length - 1
    offset = start + text.length
    return { sql: text, line: begins, number: index + 1, effect: allowed(text, begins) }
  })
}

function allowed(sql: string, line: number): Effect {
  const effect = effectOf(sql)
  if (typeof effect === 'string') return effect
  const flat = sql.replaceAll(/\s+/g, ' ')
  const shown = flat.length > 60 ? `${flat.slice(0, 59)}…` : flat
  throw new TenantryError('source_invalid', `Line ${line}: ${shown} ${effect.why}.`, {
    nextSteps: [effect.instead],
  })
}

/** Whoever goes on after a crash has a new session: what the steps before it made only for theirs is gone. */
function refuseLostTables(steps: readonly MysqlStep[]): void {
  const temporary = steps.flatMap(({ statements }) => statements).find(({ effect }) => effect === 'temporary')
  if (temporary === undefined || steps.every(({ kind }) => kind === 'transaction')) return
  throw new TenantryError(
    'source_invalid',
    `Line ${temporary.line}: a temporary table cannot be used beside statements that end the transaction: it would be lost if the connection were.`,
    { nextSteps: ['Put what uses it into a version of its own, or use a table that is dropped at the end.'] },
  )
}

/**
 * Runs the statements of one version on one tenant. Before and after each statement that ends the transaction a row in
 * the tenant says so, in a commit of its own: whoever comes after a crash goes on at the right statement.
 */
import { DatabaseFailure } from '../../engine/failure.ts'
import { tokensOf } from '../../schema/dialects/mysql/text/tokens.ts'
import type { MysqlStatement, MysqlStep } from '../../schema/dialects/mysql/version-steps.ts'
import { busy } from '../failures.ts'
import type { MysqlChange } from './change.ts'
import { failedStatement, inDoubt, otherSchema } from './failures.ts'
import { dropWhatIsLeft, judge, needsFingerprint } from './judge.ts'
import { clearStep, clearSteps, deleteRow, insertRow, markStep, type StepRow } from './ledger.ts'
import type { TenantSession } from './tenant-session.ts'

export interface Run {
  readonly session: TenantSession
  readonly change: MysqlChange
  readonly rolloutId: string
  readonly holdsLease: () => boolean
}

/**
 * Runs what is not done yet, and writes the version into the ledger (or out of it, for a downgrade).
 * @param begun what earlier tries have written, by step
 */
export async function runSteps(run: Run, begun: ReadonlyMap<number, StepRow>): Promise<void> {
  const { change, session } = run
  const last = change.steps.length - 1
  let isFinished = false
  for (const [index, step] of change.steps.entries()) {
    const row = begun.get(index)
    if (!run.holdsLease()) throw busy()
    if (row?.state === 'done') await runAgain(session, step)
    else if (step.kind === 'single') await runSingle(run, index, row)
    else {
      isFinished = index === last
      await runTransaction(run, index, row, isFinished ? finish(run) : [markStep(change, index, 'done')])
    }
  }
  if (!isFinished) await inTransaction(session, finish(run))
}

function finish({ change, rolloutId }: Run): string[] {
  const row = change.direction === 'upgrade' ? insertRow(change, rolloutId) : deleteRow(change)
  return [row, clearSteps(change)]
}

/** What a step that is done has set for those after it: this session does not have it. */
async function runAgain(session: TenantSession, step: MysqlStep): Promise<void> {
  for (const { effect, sql } of step.statements) if (effect === 'session') await session.query(sql)
}

async function inTransaction(session: TenantSession, statements: readonly string[]): Promise<void> {
  for (const sql of ['START TRANSACTION', ...statements, 'COMMIT']) await session.query(sql)
}

/** Rows only, with what the books say of it in the same transaction. */
async function runTransaction(
  run: Run,
  index: number,
  row: StepRow | undefined,
  books: readonly string[],
): Promise<void> {
  const { session, change } = run
  const step = change.steps[index] as MysqlStep
  const careless = step.statements.some(({ effect }) => effect === 'rows')
    ? await carelessTables(session)
    : []
  if (row !== undefined && careless.length > 0) throw inDoubt(change, index, withoutTransactions(careless))
  if (careless.length > 0) await session.query(markStep(change, index, 'started'))
  let at: MysqlStatement | undefined
  try {
    await session.query('START TRANSACTION')
    for (at of step.statements) await runOne(session, at)
    at = undefined
    for (const sql of books) await session.query(sql)
    if (!run.holdsLease()) throw busy()
    await session.query('COMMIT')
  } catch (error) {
    if (!(error instanceof DatabaseFailure) || isLost(error)) throw explained(error, change, index, at)
    const kept = await rollBack(session)
    if (careless.length > 0 && !kept) await session.query(clearStep(change, index))
    const remark = kept ? `; ${withoutTransactions(careless)}: what it did there stays` : ''
    throw explained(error, change, index, at, remark)
  }
}

/** One of those that share a transaction. */
export async function runOne(session: TenantSession, { effect, sql }: MysqlStatement): Promise<void> {
  if (effect !== 'guard') return void (await session.query(sql))
  const accepted = tokensOf(sql)
    .filter(({ kind }) => kind === 'string')
    .map(({ text }) => text.slice(1, -1))
  if (!accepted.includes(await session.fingerprint())) throw otherSchema()
}

/** Tables whose rows no rollback brings back. */
export async function carelessTables(session: TenantSession): Promise<string[]> {
  const rows = await session.query(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()
       AND table_type = 'BASE TABLE' AND engine IN (SELECT engine FROM information_schema.engines WHERE transactions = 'NO')
     ORDER BY table_name LIMIT 5`,
  )
  return rows.map((row) => String(row['name']))
}

export function withoutTransactions(tables: readonly string[]): string {
  return `tables here know no transactions (${tables.join(', ')})`
}

const NOT_ROLLED_BACK = 1196

/** @returns whether something stays all the same */
async function rollBack(session: TenantSession): Promise<boolean> {
  await session.query('ROLLBACK')
  const warnings = await session.query('SHOW WARNINGS')
  return warnings.some((row) => Number(row['Code']) === NOT_ROLLED_BACK)
}

async function runSingle(run: Run, index: number, row: StepRow | undefined): Promise<void> {
  const { session, change } = run
  const statement = change.steps[index]?.statements[0] as MysqlStatement
  let { sql } = statement
  if (row !== undefined) {
    const now = row.before === null ? '' : await session.schemaMark()
    const verdict = judge(statement.effect, row.before, now)
    if (verdict === 'in doubt') throw inDoubt(change, index, 'nothing in the schema tells whether it was')
    if (verdict === 'done') return void (await session.query(markStep(change, index, 'done')))
    if (verdict === 'run what is left') sql = dropWhatIsLeft(sql)
  }
  const before = needsFingerprint(statement.effect) ? (row?.before ?? (await session.schemaMark())) : null
  if (row === undefined) await session.query(markStep(change, index, 'started', before))
  if (!run.holdsLease()) throw busy()
  try {
    await session.query(sql)
  } catch (error) {
    if (!(error instanceof DatabaseFailure) || isLost(error)) throw explained(error, change, index, statement)
    throw explained(error, change, index, statement, await afterFailure(run, index, statement, before))
  }
  await session.query(markStep(change, index, 'done'))
}

/** An error says that a single change was not made; of several, some may have been. @returns what stays, in words */
async function afterFailure(
  { session, change }: Run,
  index: number,
  { effect }: MysqlStatement,
  before: string | null,
): Promise<string> {
  if (effect === 'anything') return '; what it did before it failed is not known'
  if (effect === 'drops' && before !== (await session.schemaMark())) {
    return '; some of what it names is gone already'
  }
  await session.query(clearStep(change, index))
  return ''
}

function isLost(error: DatabaseFailure): boolean {
  return error.sqlstate.startsWith('08')
}

function explained(
  error: unknown,
  change: MysqlChange,
  index: number,
  statement: MysqlStatement | undefined,
  remark = '',
): unknown {
  if (!(error instanceof DatabaseFailure) || statement === undefined) return error
  return failedStatement(error, change, index, statement, remark)
}

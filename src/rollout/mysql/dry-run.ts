/**
 * A dry run on MySQL. Rows are really changed, and rolled back. What ends a transaction cannot be: it is tried on an
 * empty copy of the tenant's schema, once for all tenants that are alike, and said to be unproven.
 */
import { DatabaseFailure } from '../../engine/failure.ts'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import { mysql } from '../../schema/dialects/mysql/index.ts'
import type { MysqlStatement } from '../../schema/dialects/mysql/version-steps.ts'
import { buildCopy } from '../../schema/prove.ts'
import type { TargetResult } from '../change.ts'
import { refuseOtherChecksum } from '../failures.ts'
import type { MysqlChange, MysqlWork } from './change.ts'
import { failedStatement } from './failures.ts'
import { readBooks } from './ledger.ts'
import { carelessTables, runOne, withoutTransactions } from './run-steps.ts'
import type { TenantSession } from './tenant-session.ts'

/** Leaves no trace in the tenant. @throws DatabaseFailure as the real run would */
export async function dryRun(session: TenantSession, work: MysqlWork): Promise<TargetResult> {
  const books = await readBooks(session)
  const isUndo = work.direction === 'downgrade'
  const due = work.changes.filter((change) => {
    const row = books.ledger.get(change.versionId)
    if (isUndo) return row?.rolloutId === work.undoOf
    if (row !== undefined) refuseOtherChecksum(change, row.checksum)
    return row === undefined
  })
  if (due.length === 0) return { outcome: isUndo ? 'not_applied' : 'already_applied' }
  if (books.steps.length > 0) {
    return unproven(
      `Version ${books.steps[0]?.versionId ?? ''} is half way here: a try would not tell the rest`,
    )
  }
  const single = due.flatMap(({ statements }) => statements).filter(({ effect }) => !SHARED.includes(effect))
  if (single.length > 0) return unproven(await tryOnCopy(session, due), single)
  const careless = await carelessTables(session)
  if (careless.length > 0) return unproven(`It was not run: ${withoutTransactions(careless)}`)
  await tryAndRollBack(session, due)
  return { outcome: 'would_apply' }
}

const SHARED: readonly string[] = ['rows', 'session', 'temporary', 'guard']

function unproven(why: string, statements: readonly MysqlStatement[] = []): TargetResult {
  const shown = statements.slice(0, 3).map(({ sql }) => firstWords(sql))
  const more = statements.length > shown.length ? `; … (${statements.length} in all)` : ''
  const named = shown.length === 0 ? '' : ` They cannot be rolled back: ${shown.join('; ')}${more}`
  return { outcome: 'would_apply_unproven', note: `${why}.${named}` }
}

function firstWords(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 80)}…` : line
}

async function tryAndRollBack(session: TenantSession, due: readonly MysqlChange[]): Promise<void> {
  await session.query('START TRANSACTION')
  try {
    for (const change of due) {
      await runEach(change, (statement) => runOne(session, statement))
    }
  } finally {
    await session.query('ROLLBACK')
  }
}

async function runEach(
  change: MysqlChange,
  run: (statement: MysqlStatement) => Promise<unknown>,
): Promise<void> {
  for (const statement of change.statements) {
    try {
      await run(statement)
    } catch (error) {
      if (!(error instanceof DatabaseFailure)) throw error
      throw failedStatement(error, change, 0, statement)
    }
  }
}

/** @returns what was tried, in words. @throws DatabaseFailure of a statement that fails on the copy */
async function tryOnCopy(session: TenantSession, due: readonly MysqlChange[]): Promise<string> {
  try {
    await session.onCopy(async (scratch, snapshot) => {
      await buildCopy(mysql, scratch, snapshot)
      for (const change of due) {
        await runEach(change, async ({ effect, sql }) => {
          if (effect !== 'guard') await scratch.session.query(sql)
        })
      }
    })
    return 'It runs on an empty copy of the schema; what the rows do to it is not proven'
  } catch (error) {
    // A login that may not make a database, or a schema that cannot be made anew: nothing is said of the version.
    if (error instanceof TenantryError) return `It was not tried on a copy (${messageOf(error)})`
    throw error
  }
}

/** A dry run: the change really runs on the tenant, and is rolled back. */
import { DatabaseFailure } from '../../engine/failure.ts'
import type { Session } from '../../engine/session.ts'
import type { Step } from '../../schema/statements.ts'
import {
  atCommit,
  explain,
  explainGuard,
  isMissingLedger,
  openingStatements,
  refuseOtherChecksum,
  type SentMessage,
} from '../failures.ts'
import type { Change, RolloutWork, Target, TargetResult } from '../change.ts'
import { JUDGE_DEFERRED, selectLedger } from './ledger.ts'
import { rehearsalOf } from './rehearse.ts'

/**
 * Leaves no trace in the tenant, but what PostgreSQL never rolls back: values taken from sequences, and the sizes of
 * tables that the planner works with.
 * @throws DatabaseFailure as the real run would.
 */
export async function dryRun(session: Session, work: RolloutWork, target: Target): Promise<TargetResult> {
  const present = await readLedgerWithoutMakingIt(session, work, target)
  const pending = work.changes.filter((change) => {
    const row = present.get(change.versionId)
    if (work.direction === 'downgrade') return row?.rolloutId === work.undoOf
    if (row !== undefined) refuseOtherChecksum(change, row.checksum)
    return row === undefined
  })
  if (pending.length === 0) {
    return { outcome: work.direction === 'downgrade' ? 'not_applied' : 'already_applied' }
  }
  const unproven = await rehearse(session, work, target, pending)
  return unproven.length === 0
    ? { outcome: 'would_apply' }
    : {
        outcome: 'would_apply_unproven',
        note: `Not proven, since they cannot be rolled back: ${unproven.join('; ')}`,
      }
}

async function readLedgerWithoutMakingIt(
  session: Session,
  work: RolloutWork,
  target: Target,
): Promise<Map<string, { checksum: string; rolloutId: string }>> {
  const message = [...openingStatements(work, target), selectLedger(target.schema)].join(';\n')
  try {
    const rows = (await session.query(message, { keepRows: true })).at(-1)?.rows ?? []
    return new Map(
      rows.map(([version, checksum, rolloutId]) => [
        version ?? '',
        { checksum: checksum ?? '', rolloutId: rolloutId ?? '' },
      ]),
    )
  } catch (error) {
    if (isMissingLedger(error)) return new Map()
    throw explainGuard(error, work, target)
  }
}

/** Runs everything in one transaction and rolls it back. @returns the statements that could not be proven. */
async function rehearse(
  session: Session,
  work: RolloutWork,
  target: Target,
  changes: readonly Change[],
): Promise<string[]> {
  const opening = openingStatements(work, target)
  const unproven: string[] = []
  const parts: { change: Change; step: Step; sql: string }[] = []
  for (const change of changes) {
    for (const step of change.steps) {
      if (step.kind === 'transaction') {
        parts.push({ change, step, sql: step.sql })
        continue
      }
      const rehearsal = await rehearsalOf(session, opening, step)
      if (rehearsal === undefined) unproven.push(firstWords(step.sql))
      else parts.push({ change, step, sql: rehearsal })
    }
  }
  const statements = ['begin', ...opening]
  let failedAt: (typeof parts)[number] | undefined
  let isRun = false
  try {
    await session.query(statements.join(';\n'))
    for (const part of parts) {
      failedAt = part
      await session.query(part.sql)
    }
    failedAt = undefined
    isRun = true
    await session.query(JUDGE_DEFERRED)
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    if (isRun) throw atCommit(error)
    throw failedAt === undefined
      ? explainGuard(error, work, target)
      : explain(error, {
          work,
          target,
          change: failedAt.change,
          statementsBefore: statementsBefore(failedAt),
          statementsInAll: Infinity,
          ...sentOf(failedAt),
        })
  } finally {
    await endDryRun(session)
  }
  return unproven
}

/** Statements of the same change that ran in earlier messages count as negative: positions stay those of the change. */
function statementsBefore(part: { change: Change; step: Step }): number {
  const earlier = part.change.steps.slice(0, part.change.steps.indexOf(part.step))
  return -earlier.reduce((sum, step) => sum + step.statements.length, 0)
}

/** A rehearsal's positions are not those of the statement as it was written. */
function sentOf(part: { step: Step; sql: string }): { sent?: SentMessage } {
  return part.sql === part.step.sql ? { sent: { message: part.sql, step: part.step, sqlAt: 0 } } : {}
}

async function endDryRun(session: Session): Promise<void> {
  try {
    await session.query('rollback')
  } catch (error) {
    // With the connection gone the server rolls back by itself.
    if (!(error instanceof DatabaseFailure)) throw error
  }
}

function firstWords(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 80)}…` : line
}

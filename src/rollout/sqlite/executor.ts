/** Rollouts on a directory of SQLite files, one file per tenant. */
import { lstatSync } from 'node:fs'
import path from 'node:path'
import { DatabaseFailure } from '../../engine/failure.ts'
import { lookAtDirectory } from '../../registry/sqlite-directory.ts'
import type { Adoption } from '../adopt-decision.ts'
import type { AdoptWork } from '../adopt-ledger.ts'
import type { Target, TargetResult } from '../change.ts'
import type { Diagnosis } from '../diagnose.ts'
import type { Executor, TenantLink } from '../executor.ts'
import { busy, PartlyApplied, PartlyUndone, refuseDeadly, refuseOtherChecksum } from '../failures.ts'
import { failureKind } from '../retry.ts'
import type { SqliteChange } from './change.ts'
import type { SqliteAnswer, SqliteChangeJob } from './job.ts'
import { onThread } from './threads.ts'

export interface SqliteWork {
  readonly rolloutId: string
  readonly direction: 'upgrade' | 'downgrade'
  readonly undoOf: string | undefined
  readonly dryRun: boolean
  readonly maxAttempts: number
  readonly changes: readonly SqliteChange[]
}

export interface SqliteParts {
  readonly work: SqliteWork
  readonly directory: string
  /** Milliseconds to wait for a file's lock. */
  readonly busyMs: number
  /** False when this worker's claims may be somebody else's by now. */
  readonly holdsLease: () => boolean
}

export function sqliteExecutor(parts: SqliteParts): Executor {
  const { work, directory } = parts
  return {
    connect(): TenantLink {
      return {
        async apply(target) {
          refuseDeadly(work.maxAttempts, target)
          const verb = work.dryRun ? 'try' : work.direction === 'upgrade' ? 'apply' : 'undo'
          return resultOf(await run(parts, target, verb), work)
        },
        ask: async (target) => judge(ledgerIn(await run(parts, target, 'read')), work),
        renew() {
          // Every tenant is opened anew.
        },
        close() {
          // Nothing stays open between two calls.
        },
      }
    },
    witness: async () => undefined,
    confirm: async () => undefined,
    diagnose: async (failure) => diagnose(failure, directory),
    close() {
      // The threads are the process's.
    },
  }
}

/** The versions in the ledger of a file, with the rollouts that applied them. @throws DatabaseFailure */
export async function sqliteLedger(directory: string, database: string): Promise<Map<string, string>> {
  const answer = await onThread(
    {
      path: fileOf(directory, database),
      verb: 'read',
      rolloutId: '',
      undoOf: undefined,
      changes: [],
      busyMs: 5_000,
      attempts: 1,
    },
    () => undefined,
  )
  return new Map([...ledgerIn(answer)].map(([version, row]) => [version, row.rolloutId]))
}

/** Adopts the tenant that a file is. @throws DatabaseFailure */
export async function adoptSqlite(directory: string, database: string, work: AdoptWork): Promise<Adoption> {
  const file = fileOf(directory, database)
  const answer = await onThread({ path: file, verb: 'adopt', work, busyMs: 5_000 }, () => undefined)
  if ('failure' in answer) throw new DatabaseFailure(answer.failure.sqlstate, answer.failure.message)
  if (!('adoption' in answer)) throw new Error('a thread answered something else')
  return answer.adoption
}

async function run(parts: SqliteParts, target: Target, verb: SqliteChangeJob['verb']): Promise<SqliteAnswer> {
  const { work, directory, busyMs, holdsLease } = parts
  const { rolloutId, undoOf, changes } = work
  const file = fileOf(directory, target.database)
  return onThread({ path: file, verb, rolloutId, undoOf, changes, busyMs, attempts: target.attempts }, () => {
    if (!holdsLease()) throw busy()
  })
}

/**
 * A file of the directory itself: no other place can be meant, whatever the registry says.
 * @throws DatabaseFailure 08001
 */
function fileOf(directory: string, database: string): string {
  const file = path.join(directory, database)
  if (path.basename(database) !== database || database.startsWith('.')) {
    throw new DatabaseFailure('42602', `${database} is no name of a file in ${directory}.`)
  }
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new DatabaseFailure('08001', `There is no file ${file}.`)
  if (!found.isFile()) throw new DatabaseFailure('42602', `${file} is not a file of its own.`)
  return file
}

interface Row {
  readonly checksum: string
  readonly rolloutId: string
}

function ledgerIn(answer: SqliteAnswer): Map<string, Row> {
  if ('failure' in answer) throw new DatabaseFailure(answer.failure.sqlstate, answer.failure.message)
  const rows = 'ledger' in answer ? answer.ledger : []
  return new Map(rows.map(([version, checksum, rolloutId]) => [version, { checksum, rolloutId }]))
}

function resultOf(answer: SqliteAnswer, work: SqliteWork): TargetResult {
  if ('result' in answer) return answer.result
  if (!('failure' in answer)) throw new Error('a thread answered something else')
  const { sqlstate, message, partly } = answer.failure
  const failure = new DatabaseFailure(sqlstate, message)
  if (partly === undefined) throw failure
  if (work.direction === 'downgrade')
    throw new PartlyUndone(failure, partly.versionId, partly.failedVersionId)
  throw new PartlyApplied(failure, partly.versionId ?? '', partly.failedVersionId)
}

/** @returns undefined when it is not done */
function judge(rows: ReadonlyMap<string, Row>, work: SqliteWork): TargetResult | undefined {
  const found = work.changes.flatMap((change) => {
    const row = rows.get(change.versionId)
    return row === undefined ? [] : [{ change, ...row }]
  })
  if (work.direction === 'downgrade') {
    const isLeft = found.some((row) => row.rolloutId === (work.undoOf ?? work.rolloutId))
    return isLeft ? undefined : { outcome: 'undone', versionId: [...rows.keys()].at(-1) ?? null }
  }
  if (found.length < work.changes.length) return undefined
  for (const { change, checksum } of found) refuseOtherChecksum(change, checksum)
  const isOurs = found.some((row) => row.rolloutId === work.rolloutId)
  return { outcome: isOurs ? 'applied' : 'already_applied', versionId: work.changes.at(-1)?.versionId }
}

/** A file that is not there, or not to be written, may be all of them. */
function diagnose(failure: DatabaseFailure, directory: string): Diagnosis {
  const kind = failureKind(failure)
  if (kind !== 'server') return { kind, failure }
  const problem = lookAtDirectory(directory)
  return problem === undefined ? { kind: 'permanent', failure } : { kind: 'down', problem }
}

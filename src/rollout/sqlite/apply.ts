/** Carries a job out on one file. Change and ledger row are one transaction, so it is done wholly or not at all. */
import { DatabaseFailure } from '../../engine/failure.ts'
import { SqliteFile } from '../../engine/sqlite-file.ts'
import { defineGuard } from '../../schema/dialects/sqlite/guard.ts'
import { appliedResult } from '../applied.ts'
import type { TargetResult } from '../change.ts'
import { refuseOtherChecksum } from '../failures.ts'
import { adoptFile } from './adopt.ts'
import type { SqliteChange } from './change.ts'
import type { SqliteAnswer, SqliteChangeJob, SqliteFailure, SqliteJob } from './job.ts'
import { deleteRow, insertRow, readLedger } from './ledger.ts'

/** Never throws what is the tenant's: it is part of the answer. */
export function carryOut(job: SqliteJob): SqliteAnswer {
  try {
    const file = SqliteFile.open(job.path, { busyMs: job.busyMs })
    try {
      // What a tenant has stored in its schema gets no functions that reach beyond the file.
      file.run('PRAGMA trusted_schema = OFF')
      defineGuard(file)
      return answer(file, job)
    } finally {
      file.close()
    }
  } catch (thrown) {
    if (!(thrown instanceof DatabaseFailure)) throw thrown
    return { failure: failureOf(thrown) }
  }
}

function answer(file: SqliteFile, job: SqliteJob): SqliteAnswer {
  switch (job.verb) {
    case 'adopt':
      return { adoption: adoptFile(file, job.work) }
    case 'read':
      return {
        ledger: [...readLedger(file)].map(([version, row]) => [version, row.checksum, row.rolloutId]),
      }
    case 'try':
      return { result: tryAll(file, job) }
    case 'apply':
      return { result: applyAll(file, job) }
    case 'undo':
      return { result: undoAll(file, job) }
  }
}

function failureOf(failure: DatabaseFailure): SqliteFailure {
  const { sqlstate, message } = failure
  return failure instanceof Partly ? { sqlstate, message, partly: failure.partly } : { sqlstate, message }
}

class Partly extends DatabaseFailure {
  readonly partly: NonNullable<SqliteFailure['partly']>

  constructor(failure: DatabaseFailure, done: NonNullable<SqliteFailure['partly']>) {
    super(failure.sqlstate, failure.message)
    this.partly = done
  }
}

function applyAll(file: SqliteFile, job: SqliteChangeJob): TargetResult {
  const applied: string[] = []
  for (const change of job.changes) {
    try {
      if (applyOne(file, job, change)) applied.push(change.versionId)
    } catch (thrown) {
      throw partly(thrown, applied.at(-1), change)
    }
  }
  return appliedResult(job.changes, applied)
}

function partly(thrown: unknown, versionId: string | null | undefined, change: SqliteChange): unknown {
  if (!(thrown instanceof DatabaseFailure) || versionId === undefined) return thrown
  return new Partly(thrown, { versionId, failedVersionId: change.versionId })
}

/** @returns false when the tenant had the version already, from elsewhere than this rollout */
function applyOne(file: SqliteFile, job: SqliteChangeJob, change: SqliteChange): boolean {
  return inTransaction(file, change, () => {
    const row = readLedger(file).get(change.versionId)
    if (row !== undefined) {
      refuseOtherChecksum(change, row.checksum)
      return { keep: false, value: row.rolloutId === job.rolloutId }
    }
    runStatements(file, change)
    insertRow(file, change.versionId, { checksum: change.checksum, rolloutId: job.rolloutId })
    return { keep: true, value: true }
  })
}

function undoAll(file: SqliteFile, job: SqliteChangeJob): TargetResult {
  let undone = 0
  for (const change of job.changes) {
    try {
      if (undoOne(file, job, change)) undone += 1
    } catch (thrown) {
      throw partly(thrown, undone === 0 ? undefined : newest(file), change)
    }
  }
  // Gone on a later try: the try before had committed, and nobody was left to record it.
  return { outcome: undone > 0 || job.attempts > 1 ? 'undone' : 'not_applied', versionId: newest(file) }
}

function newest(file: SqliteFile): string | null {
  return [...readLedger(file).keys()].at(-1) ?? null
}

function undoOne(file: SqliteFile, job: SqliteChangeJob, change: SqliteChange): boolean {
  return inTransaction(file, change, () => {
    const row = readLedger(file).get(change.versionId)
    if (row?.rolloutId !== (job.undoOf ?? job.rolloutId)) return { keep: false, value: false }
    runStatements(file, change)
    deleteRow(file, change.versionId)
    return { keep: true, value: true }
  })
}

/** Runs everything that is due, and takes it back. */
function tryAll(file: SqliteFile, job: SqliteChangeJob): TargetResult {
  const isUndo = job.undoOf !== undefined
  const present = readLedger(file)
  const due = job.changes.filter((change) => {
    const row = present.get(change.versionId)
    if (isUndo) return row?.rolloutId === job.undoOf
    if (row !== undefined) refuseOtherChecksum(change, row.checksum)
    return row === undefined
  })
  const [first] = due
  if (first === undefined) return { outcome: isUndo ? 'not_applied' : 'already_applied' }
  inTransaction(file, { ...first, settings: due.flatMap(({ settings }) => settings) }, () => {
    const broken = brokenForeignKeys(file)
    for (const change of due) runStatements(file, change)
    if (brokenForeignKeys(file) > broken) {
      throw new DatabaseFailure('23503', 'A row breaks a foreign key (at commit).')
    }
    return { keep: false, value: undefined }
  })
  return { outcome: 'would_apply' }
}

/** Where foreign keys are enforced: what would be judged at the commit, which a try never reaches. */
function brokenForeignKeys(file: SqliteFile): number {
  const [enforced] = file.run('PRAGMA foreign_keys')
  return enforced?.['foreign_keys'] === 1 ? file.run('PRAGMA foreign_key_check').length : 0
}

interface Outcome<T> {
  readonly keep: boolean
  readonly value: T
}

/** The write lock is taken first, so that of two who come at once the second sees what the first has done. */
function inTransaction<T>(file: SqliteFile, change: SqliteChange, work: () => Outcome<T>): T {
  file.run('PRAGMA foreign_keys = OFF')
  file.run('PRAGMA legacy_alter_table = OFF')
  for (const setting of change.settings) file.run(setting)
  file.run('BEGIN IMMEDIATE')
  try {
    const { keep, value } = work()
    file.run(keep ? 'COMMIT' : 'ROLLBACK')
    return value
  } finally {
    // SQLite ends the transaction by itself after some failures.
    if (file.inTransaction) file.run('ROLLBACK')
  }
}

function runStatements(file: SqliteFile, change: SqliteChange): void {
  for (const [index, { sql, line }] of change.statements.entries()) {
    const place = `(statement ${index + 1} of ${change.statements.length}, line ${line})`
    try {
      file.execute(sql)
    } catch (thrown) {
      if (!(thrown instanceof DatabaseFailure) || change.statements.length < 2) throw thrown
      throw new DatabaseFailure(thrown.sqlstate, `${thrown.message} ${place}`, thrown.facts)
    }
    if (!file.inTransaction) {
      throw new DatabaseFailure('25P01', `A statement ended the transaction that it was part of ${place}.`)
    }
  }
}

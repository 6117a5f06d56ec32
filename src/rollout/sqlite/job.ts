/** What is asked of a thread that works on SQLite tenants, and what it answers: plain data. */
import type { Adoption } from '../adopt-decision.ts'
import type { AdoptWork } from '../adopt-ledger.ts'
import type { TargetResult } from '../change.ts'
import type { SqliteChange } from './change.ts'

/** What is to be done with a version's changes. */
export interface SqliteChangeJob {
  readonly path: string
  /** `read`: only the ledger. */
  readonly verb: 'apply' | 'undo' | 'try' | 'read'
  readonly rolloutId: string
  /** The rollout whose changes are undone. */
  readonly undoOf: string | undefined
  readonly changes: readonly SqliteChange[]
  /** Milliseconds to wait for the file's lock. */
  readonly busyMs: number
  /** Tries including this one. */
  readonly attempts: number
}

/** See adopt.ts. */
export interface SqliteAdoptJob {
  readonly path: string
  readonly verb: 'adopt'
  readonly work: AdoptWork
  readonly busyMs: number
}

export type SqliteJob = SqliteChangeJob | SqliteAdoptJob

export interface SqliteFailure {
  readonly sqlstate: string
  readonly message: string
  /** What had been done of several versions before: the newest version that is there, null when none is. */
  readonly partly?: { readonly versionId: string | null; readonly failedVersionId: string }
}

/** Version, checksum, rollout. */
export type LedgerEntry = readonly [string, string, string]

export type SqliteAnswer =
  | { readonly result: TargetResult }
  | { readonly ledger: readonly LedgerEntry[] }
  | { readonly adoption: Adoption }
  | { readonly failure: SqliteFailure }

/** What is said between Tenantry and the process in which a project's own migrations run against a stub. */

import type { VersionDialect } from '../../version-dialects.ts'

export type RecordedTool = 'knex' | 'sequelize' | 'node-pg-migrate' | 'typeorm'

export interface RecordingJob {
  readonly tool: RecordedTool
  /** What the SQL is to be in. */
  readonly dialect: VersionDialect
  /** Absolute path of the folder with the migrations, or of the tool's own configuration file. */
  readonly at: string
  /** File names in the folder, in order of application; absent when a configuration file says it. */
  readonly files?: readonly string[]
  /** Milliseconds for each migration and direction; 20,000 when absent. */
  readonly eachMs?: number
}

export interface RecordedStatement {
  readonly sql: string
  /** Text as PostgreSQL reads it, for `$1`, `$2` …; null is NULL. */
  readonly values?: readonly (string | null)[]
  /** Of MySQL and SQLite: constants in SQL, for `?` in their order, or for `$1`, `$2` …. */
  readonly literals?: readonly string[]
}

export interface Recording {
  readonly statements: readonly RecordedStatement[]
  /** False: the tool runs it outside of any transaction. Undefined: as the statements themselves say. */
  readonly transaction: boolean | undefined
}

/** Why a migration has no way back, in words. */
export interface NoRecording {
  readonly missing: string
}

export interface RecordedMigration {
  /** As the tool calls it in its ledger. */
  readonly name: string
  /** Path from the job's folder. */
  readonly file: string
  readonly up: Recording
  readonly down: Recording | NoRecording
}

export interface RecordingFailure {
  readonly why: 'answer' | 'failed' | 'library' | 'timeout'
  /** Empty when it is not about one file. */
  readonly file: string
  readonly message: string
  /** 1-based, of the file. */
  readonly line?: number | undefined
}

export type RecordingReply =
  | { readonly migrations: readonly RecordedMigration[] }
  | { readonly failure: RecordingFailure }

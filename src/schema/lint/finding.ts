/** What a lint says of a version written by hand. */
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { VersionDialect } from '../version-dialects.ts'
import type { HazardName } from '../plan/hazards.ts'
import type { Books } from './books.ts'

/** Tables up to this size are gone through in a moment. */
export const SMALL_BYTES = 8 * 1024 * 1024

/** `error`: it fails, or does what must be allowed by name. `note`: advice of style. */
export type Level = 'error' | 'warning' | 'note'

/** What one rule saw in one statement. */
export interface Saying {
  readonly rule: string
  /** Null for what is no hazard by a plan's rules. */
  readonly hazard: HazardName | null
  readonly level: Level
  /** What the statement does, to whom. */
  readonly message: string
  /** What to write instead; null where nothing better is known. */
  readonly instead: string | null
}

export interface Finding extends Saying {
  /** Version or file, as it was given. */
  readonly version: string
  readonly file: string | null
  /** Its place among the version's statements, from 1. */
  readonly statement: number
  /** Of the file, from 1. */
  readonly line: number
  /** `rehearsal`: seen on a server; `squawk`: concluded from the text. */
  readonly source: 'rehearsal' | 'squawk'
  /** The hazard was allowed by name. */
  readonly allowed: boolean
}

export interface StatementPlace {
  /** Its number in the version, from 1. */
  readonly statement: number
  /** Of the file, from 1. */
  readonly line: number
}

/** Why a version did not come to its end. */
export interface Failure extends StatementPlace {
  readonly sqlstate: string | null
  readonly message: string
}

/** A statement that was run, and what it locked and wrote anew of what was there before its version. */
export interface Rehearsed {
  readonly statement: number
  readonly line: number
  readonly inTransaction: boolean
  readonly locks: readonly { readonly relation: string; readonly mode: string }[]
  readonly rewritten: readonly string[]
}

/** A version to look at. */
export interface LintInput {
  readonly name: string
  readonly file: string | null
  /** Line of the file that the SQL begins with. */
  readonly firstLine: number
  readonly sql: string
  /** What it is written in; default PostgreSQL's SQL. */
  readonly dialect?: VersionDialect
  /** The way back; absent where there is none. */
  readonly downgrade?: Pick<LintInput, 'file' | 'firstLine' | 'sql'>
}

export interface LintedVersion {
  readonly name: string
  readonly direction: 'upgrade' | 'downgrade'
  readonly file: string | null
  readonly findings: readonly Finding[]
  /** Empty without a rehearsal. */
  readonly rehearsed: readonly Rehearsed[]
}

/** A version, or its way back, as it was tried. */
export interface Tried {
  readonly told: readonly (StatementPlace & { readonly saying: Saying })[]
  readonly failure: Failure | undefined
  /** Statements that were not run: they would reach beyond the scratch database. */
  readonly leftOut: readonly StatementPlace[]
  readonly rehearsed: readonly Rehearsed[]
  /** Those that were run, the one that failed among them. */
  readonly statements: readonly number[]
  readonly last: StatementPlace | undefined
  /** Nothing was run, as an earlier version failed half way. */
  readonly heldBy?: StatementPlace
}

/** What was there before a version, by which its way back is judged. */
export interface Origin {
  readonly schema: Snapshot
  /** PostgreSQL. */
  readonly books?: Books
}

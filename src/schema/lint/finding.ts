/** What a lint says of a version written by hand. */
import type { HazardName } from '../plan/hazards.ts'

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
  /** The way back; absent where there is none. */
  readonly downgrade?: Omit<LintInput, 'name' | 'downgrade'>
}

export interface LintedVersion {
  readonly name: string
  readonly direction: 'upgrade' | 'downgrade'
  readonly file: string | null
  readonly findings: readonly Finding[]
  /** Empty without a rehearsal. */
  readonly rehearsed: readonly Rehearsed[]
}

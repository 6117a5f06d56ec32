/** What a PostgreSQL server, or the way to it, answered instead of a result. */

export interface FailureFacts {
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  readonly where?: string | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly constraint?: string | undefined
  /** 1-based position of the error in the text that was sent, in characters. */
  readonly position?: number | undefined
  /** How many statements of the message had completed when this one failed. */
  readonly completed?: number | undefined
  readonly cause?: unknown
}

/** SQLSTATEs of class 08, used as well where the operating system, not the server, reports the failure. */
export const CANNOT_CONNECT = '08001'
export const CONNECTION_LOST = '08006'

export class DatabaseFailure extends Error {
  /** Five characters, always present: PostgreSQL's own, or class 08 where no server answered. */
  readonly sqlstate: string
  readonly facts: FailureFacts

  constructor(sqlstate: string, message: string, facts: FailureFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'DatabaseFailure'
    this.sqlstate = sqlstate
    this.facts = facts
  }
}

/** The SQLSTATE of anything thrown by this engine or by the `pg` library, else null. */
export function sqlstateOf(thrown: unknown): string | null {
  if (thrown instanceof DatabaseFailure) return thrown.sqlstate
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return null
  if (/^[0-9A-Z]{5}$/.test(thrown.code)) return thrown.code
  return /^E[A-Z]+$/.test(thrown.code) ? CONNECTION_LOST : null
}

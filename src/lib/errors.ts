/** The one error shape of Tenantry: what failed, on what, why, and what to do now. */
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'

export interface FieldError {
  /** JSON pointer to the value in the input, e.g. `/waves/0/size`. */
  readonly pointer: string
  readonly code: string
  readonly message: string
}

export interface ErrorFacts {
  /** Five-character SQLSTATE, when a database said no. */
  readonly sqlstate?: string | undefined
  readonly server?: string | undefined
  readonly tenant?: string | undefined
  readonly errors?: readonly FieldError[] | undefined
  /** What the reader can do now: sentences or commands. */
  readonly nextSteps?: readonly string[] | undefined
  readonly retryable?: boolean | undefined
  readonly cause?: unknown
}

export class TenantryError extends Error {
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'TenantryError'
    this.code = code
    this.facts = facts
  }

  get status(): number {
    return ERROR_CODES[this.code].status
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') {
    return thrown.errors.map(messageOf).join('; ')
  }
  return thrown instanceof Error ? thrown.message : String(thrown)
}

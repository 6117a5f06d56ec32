/** Problem documents back into errors. */
import { ERROR_CODES, type ErrorCode } from '../lib/error-codes.ts'
import { TenantryError, type FieldError } from '../lib/errors.ts'

interface ReceivedProblem {
  readonly code?: unknown
  readonly title?: unknown
  readonly detail?: unknown
  readonly retryable?: unknown
  readonly sqlstate?: unknown
  readonly server?: unknown
  readonly tenant?: unknown
  readonly errors?: unknown
  readonly nextSteps?: unknown
}

/** The error that the API meant by `response`; `cause` is the document as it came. */
export async function problemError(response: Response): Promise<TenantryError> {
  const problem = await readProblem(response)
  const detail =
    textOf(problem.detail) ?? textOf(problem.title) ?? `The API answered with status ${response.status}.`
  return new TenantryError(codeOf(problem, response.status), detail, {
    retryable: problem.retryable === true,
    sqlstate: textOf(problem.sqlstate),
    server: textOf(problem.server),
    tenant: textOf(problem.tenant),
    errors: listOf(problem.errors, isFieldError),
    nextSteps: listOf(problem.nextSteps, (step) => typeof step === 'string'),
    cause: problem,
  })
}

async function readProblem(response: Response): Promise<ReceivedProblem> {
  try {
    const value: unknown = await response.json()
    return value !== null && typeof value === 'object' ? value : {}
  } catch {
    // A proxy in between answered in its own way.
    return {}
  }
}

function codeOf(problem: ReceivedProblem, status: number): ErrorCode {
  if (typeof problem.code === 'string' && Object.hasOwn(ERROR_CODES, problem.code))
    return problem.code as ErrorCode
  if (status === 502 || status === 504) return 'server_unreachable'
  if (status === 503) return 'control_unavailable'
  const likely = Object.entries(ERROR_CODES).find(([, facts]) => facts.status === status && status < 500)
  return (likely?.[0] as ErrorCode | undefined) ?? 'internal'
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function listOf<T>(value: unknown, is: (item: unknown) => item is T): T[] | undefined {
  return Array.isArray(value) ? value.filter(is) : undefined
}

function isFieldError(value: unknown): value is FieldError {
  return value !== null && typeof value === 'object' && 'pointer' in value && 'message' in value
}

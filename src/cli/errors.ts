/** Errors as people and programs read them: what failed, on what, why, what to do now. */
import { ERROR_CODES, type ErrorCode } from '../lib/error-codes.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { DatabaseFailure } from '../engine/failure.ts'
import { paint, printable, printableJson, type Terminal } from './terminal.ts'

/** Exit codes of the command line that are no error of their own. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  failedTargets: 3,
  authentication: 4,
  conflict: 5,
  differences: 6,
  waitTimeout: 7,
  interrupted: 130,
} as const

export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failure, 'failed'],
  [EXIT.usage, 'the command or its input is not valid; nothing was done'],
  [
    EXIT.failedTargets,
    'the rollout has ended, but tenants failed, or it was stopped or paused by its circuit breaker; tenants could not be reached, or were left as they are',
  ],
  [EXIT.authentication, 'no valid token, or one without the scope that is needed'],
  [
    EXIT.conflict,
    'it conflicts with what is there: a name is taken, a state does not allow it; a plan needs leave for what it does',
  ],
  [
    EXIT.differences,
    'there are differences, where --exit-code asks to be told, and in schema validate; a lint found what must be mended or allowed',
  ],
  [EXIT.waitTimeout, 'waiting took too long; the work goes on'],
  [EXIT.interrupted, 'interrupted with Ctrl-C; a rollout or operation that was watched goes on'],
]

/** A command that cannot be understood: exit code 2. */
export function usageError(message: string, ...nextSteps: string[]): TenantryError {
  return new TenantryError('invalid_input', message, { nextSteps })
}

/** @returns the exit code of whatever was thrown. */
export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof TenantryError ? thrown.exitCode : EXIT.failure
}

export interface ErrorStyle {
  readonly json: boolean
  readonly terminal: Pick<Terminal, 'color'>
}

/** The text for standard error, with its line end. */
export function renderError(caught: unknown, style: ErrorStyle): string {
  const thrown = caught instanceof DatabaseFailure ? ofDatabase(caught) : caught
  if (style.json) return `${printableJson(problemBody(thrown), 2)}\n`
  const lines = [`${paint(style.terminal, 'red', 'error:')} ${printable(messageOf(thrown))}`]
  if (thrown instanceof TenantryError) {
    const { errors = [], nextSteps = [] } = thrown.facts
    if (errors.length > 1 && thrown.code !== 'invalid_config') {
      for (const error of errors) lines.push(`  ${printable(`${error.pointer}: ${error.message}`)}`)
    }
    lines.push(`  ${paint(style.terminal, 'dim', factsLine(thrown))}`)
    for (const step of nextSteps) lines.push(`  ${paint(style.terminal, 'cyan', '→')} ${printable(step)}`)
  } else if (thrown instanceof Error && thrown.stack !== undefined) {
    lines.push(printable(thrown.stack.split('\n').slice(1, 6).join('\n')))
  }
  return `${lines.join('\n')}\n`
}

/** What a database answers is no defect of ours. */
function ofDatabase(failure: DatabaseFailure): TenantryError {
  const { sqlstate, message, facts } = failure
  const code = sqlstate.startsWith('08') ? 'server_unreachable' : 'server_refused'
  const detail = facts.detail === undefined ? '' : ` – ${facts.detail}`
  return new TenantryError(code, `${message}${detail}`, { sqlstate, cause: failure })
}

function factsLine(error: TenantryError): string {
  const { server, tenant, sqlstate } = error.facts
  const problem = problemOf(error)
  const facts = [
    error.code,
    tenant === undefined ? '' : `tenant ${tenant}`,
    server === undefined ? '' : `server ${server}`,
    sqlstate === undefined ? '' : `SQLSTATE ${sqlstate}`,
    problem?.requestId === undefined ? '' : `request ${problem.requestId}`,
  ]
  return printable(facts.filter(Boolean).join(' · '))
}

/** The problem document as the API sent it; one of the same form for what failed here. */
function problemBody(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof TenantryError)) return localProblem('internal', messageOf(thrown), {})
  return problemOf(thrown) ?? localProblem(thrown.code, thrown.message, thrown.facts)
}

function localProblem(
  code: ErrorCode,
  detail: string,
  facts: TenantryError['facts'],
): Record<string, unknown> {
  const { status, title } = ERROR_CODES[code]
  const { cause: _, ...shown } = facts
  return { title, status, detail, code, ...shown }
}

function problemOf(error: TenantryError): (Record<string, unknown> & { requestId?: string }) | undefined {
  const { cause } = error.facts
  return cause !== null && typeof cause === 'object' && 'code' in cause && 'status' in cause
    ? { ...cause }
    : undefined
}

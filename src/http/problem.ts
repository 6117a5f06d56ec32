/** Errors as RFC 9457 problem documents. What is not ours to tell stays in the log. */
import type { FastifyError } from 'fastify'
import { controlUnavailable, isControlOutage } from '../control/control.ts'
import { sqlstateOf } from '../engine/failure.ts'
import { ERROR_CODES, type ErrorCode } from '../lib/error-codes.ts'
import { TenantryError, type FieldError } from '../lib/errors.ts'

export const PROBLEM_TYPE = 'application/problem+json'

export interface Problem {
  /** Where the code is explained, relative to this API. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** The path that was asked. */
  readonly instance: string
  readonly code: ErrorCode
  readonly requestId: string
  readonly retryable: boolean
  readonly errors?: readonly FieldError[]
  readonly nextSteps?: readonly string[]
  readonly sqlstate?: string
  readonly server?: string
  readonly tenant?: string
}

export function problemOf(error: TenantryError, where: { instance: string; requestId: string }): Problem {
  const { errors, nextSteps, sqlstate, server, tenant, retryable } = error.facts
  return {
    type: `/docs#error-${error.code}`,
    title: ERROR_CODES[error.code].title,
    status: error.status,
    detail: error.message,
    instance: where.instance,
    code: error.code,
    requestId: where.requestId,
    retryable: retryable ?? false,
    ...(errors === undefined ? {} : { errors }),
    ...(nextSteps === undefined ? {} : { nextSteps }),
    ...(sqlstate === undefined ? {} : { sqlstate }),
    ...(server === undefined ? {} : { server }),
    ...(tenant === undefined ? {} : { tenant }),
  }
}

/** What the framework refuses before an endpoint is reached. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_TYPE: 'unsupported_media_type',
  FST_ERR_BAD_URL: 'malformed_request',
}

/** Raw PostgreSQL errors of the control database that pass: timeouts, lost races. */
const BUSY = /^(40001|40P01|55P03|57014)$/

/** Turns anything thrown into the error that the asker may see. */
export function askersError(thrown: unknown): TenantryError {
  if (thrown instanceof TenantryError) {
    return thrown.code === 'internal' || thrown.code === 'invalid_config' ? internal(thrown) : thrown
  }
  if (isControlOutage(thrown) || BUSY.test(sqlstateOf(thrown) ?? '')) {
    const { facts } = controlUnavailable(thrown)
    return new TenantryError(
      'control_unavailable',
      'The control database does not answer at the moment.',
      facts,
    )
  }
  if (isFrameworkError(thrown)) return frameworkError(thrown)
  return internal(thrown)
}

function internal(cause: unknown): TenantryError {
  return new TenantryError(
    'internal',
    'Tenantry failed to answer; the reason is in its log under the request id.',
    {
      cause,
      nextSteps: ['Look for the request id in the log of the API.'],
    },
  )
}

function isFrameworkError(thrown: unknown): thrown is FastifyError {
  return (
    thrown instanceof Error &&
    'statusCode' in thrown &&
    typeof thrown.statusCode === 'number' &&
    thrown.statusCode < 500
  )
}

function frameworkError(error: FastifyError): TenantryError {
  const code = FRAMEWORK_CODES[error.code] ?? 'malformed_request'
  return new TenantryError(code, FRAMEWORK_DETAILS[code] ?? 'The request cannot be read.', { cause: error })
}

const FRAMEWORK_DETAILS: Partial<Record<ErrorCode, string>> = {
  payload_too_large: 'The body is larger than this endpoint takes.',
  unsupported_media_type: 'The body must be sent as application/json.',
}

/** Which failures are worth another try: one table by SQLSTATE, the only place that decides it. */
import { DatabaseFailure } from '../engine/failure.ts'
import { asWord } from './error-groups.ts'

/**
 * - `transient`: this tenant, a little later, may succeed.
 * - `server`: the whole server may be concerned: look at it before blaming the tenant.
 * - `busy`: another worker has this tenant in hand: wait for it, however often.
 * - `crowded`: the server has no room for so many connections: use fewer.
 * - `permanent`: trying again gives the same answer.
 */
export type FailureKind = 'transient' | 'server' | 'busy' | 'crowded' | 'permanent'

/** Exact SQLSTATEs first, then classes (two characters). PostgreSQL manual, appendix A. */
export const RETRY_TABLE: Readonly<Record<string, FailureKind>> = {
  '08': 'server', // connection exceptions
  '08P01': 'server', // what PgBouncer answers when it has no server connection to give
  '25006': 'server', // read-only transaction: a failover made this member a replica
  '28': 'server', // login refused: concerns every tenant of the server
  '3D000': 'permanent', // the database does not exist
  '40001': 'transient', // serialization failure
  '40P01': 'transient', // deadlock detected
  '40003': 'transient', // statement completion unknown
  '53100': 'transient', // disk full: space may be made
  '53200': 'transient', // out of memory
  '53300': 'crowded', // too many connections
  '55006': 'transient', // object in use
  '55P03': 'transient', // lock not available: lock_timeout ran out
  '57P01': 'server', // terminated by an administrator: shutdown, or one backend
  '57P02': 'server', // crash of another backend
  '57P03': 'server', // starting up or shutting down
  '57P05': 'transient', // idle session timeout
  '58000': 'transient', // system error
  '58030': 'transient', // input or output error
  TN003: 'busy', // see failures.ts
}

/** Messages of internal errors (XX000) that come from catalogue updates racing each other. */
const RACES = /tuple concurrently (updated|deleted)|could not open relation with OID|cache lookup failed/

/** @param database the one that was connected to. */
export function failureKind(failure: { sqlstate: string; message: string }, database = ''): FailureKind {
  // The limit of this one database, which the message names in whatever language: fewer connections do not help.
  if (failure.sqlstate === '53300' && database !== '' && asWord(database).test(failure.message))
    return 'transient'
  if (failure.sqlstate === 'XX000' && RACES.test(failure.message)) return 'transient'
  if (
    failure.sqlstate === '08P01' &&
    /no more connections allowed|too many|client_login_timeout/.test(failure.message)
  ) {
    return 'crowded'
  }
  return RETRY_TABLE[failure.sqlstate] ?? RETRY_TABLE[failure.sqlstate.slice(0, 2)] ?? 'permanent'
}

/** True for a failure after which the change may have been committed all the same: the answer was lost. */
export function leavesDoubt({ sqlstate }: { sqlstate: string }): boolean {
  return /^(08|57P|40003)/.test(sqlstate) && sqlstate !== '08001'
}

/** Fewer than the deaths of workers that a tenant is forgiven: asking must not look like killing. */
const MAX_ASKED_AGAIN = 10

/**
 * How many tries may end in a failure that passes. A tenant in doubt is asked about as often again, no more: one that
 * can never be reached must not keep the rollout from its end.
 */
export function triesOf(maxRetries: number, isInDoubt: boolean): number {
  return isInDoubt ? maxRetries + Math.min(maxRetries + 1, MAX_ASKED_AGAIN) : maxRetries
}

const BASE_MS = 500
const CAP_MS = 30_000

/**
 * Milliseconds to wait before try number `attempts + 1`: exponential with full jitter
 * (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 * @param random a number in [0, 1)
 */
export function backoffMs(attempts: number, random: number = Math.random()): number {
  return Math.round(random * Math.min(CAP_MS, BASE_MS * 2 ** attempts))
}

/** A failure of the engine, or anything else thrown, as SQLSTATE and message. */
export function asFailure(thrown: unknown): DatabaseFailure {
  if (thrown instanceof DatabaseFailure) return thrown
  return new DatabaseFailure('XX000', thrown instanceof Error ? thrown.message : String(thrown), {
    cause: thrown,
  })
}

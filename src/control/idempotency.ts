/**
 * Idempotency keys: a POST repeated with its key within a day is answered with the first answer instead of being
 * done again. Kept per token, with the route and a hash of the body.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../lib/canonical-json.ts'
import { TenantryError } from '../lib/errors.ts'
import type { Queryable } from './control.ts'

/** How long a call may be in flight before its key can be used again: its process must have died. */
const IN_FLIGHT = '5 minutes'
const RETENTION = '24 hours'

export interface IdempotentCall {
  readonly principal: string
  readonly key: string
  /** Method and concrete path. */
  readonly route: string
  /** Everything else that was asked. */
  readonly input: unknown
}

/** A call that is ours to do; `since` tells it apart from a later use of the same key. */
export interface KeyClaim {
  readonly principal: string
  readonly key: string
  readonly since: string
}

export type KeyDecision =
  | { readonly kind: 'do'; readonly claim: KeyClaim }
  | { readonly kind: 'replay'; readonly status: number; readonly response: unknown }

/**
 * Claims the key, or finds the answer of the first call.
 * @throws TenantryError `idempotency_mismatch` when the key was used for something else, `conflict` while the first
 * call is still in flight.
 */
export async function claimKey(on: Queryable, call: IdempotentCall): Promise<KeyDecision> {
  const hash = createHash('sha256').update(`${call.key}\0`).update(canonicalJson(call.input)).digest()
  const [claimed] = await on.query<{ since: string }>(
    `insert into tenantry.idempotency_keys as kept (principal, key, route, body_sha256, created_at)
     values ($1, $2, $3, $4, clock_timestamp())
     on conflict (principal, key) do update
       set route = excluded.route, body_sha256 = excluded.body_sha256, created_at = excluded.created_at,
         status = null, response = null
       where kept.created_at < clock_timestamp()
         - case when kept.status is null then $5::interval else $6::interval end
     returning created_at::text as since`,
    [call.principal, call.key, call.route, hash, IN_FLIGHT, RETENTION],
  )
  if (claimed !== undefined) {
    return { kind: 'do', claim: { principal: call.principal, key: call.key, since: claimed.since } }
  }
  const [kept] = await on.query<{
    route: string
    body_sha256: Buffer
    status: number | null
    response: unknown
  }>(
    'select route, body_sha256, status, response from tenantry.idempotency_keys where principal = $1 and key = $2',
    [call.principal, call.key],
  )
  if (kept !== undefined && (kept.route !== call.route || !kept.body_sha256.equals(hash))) {
    throw new TenantryError(
      'idempotency_mismatch',
      `The idempotency key was used before, for another request (${kept.route}).`,
      {
        nextSteps: ['Use a new key for a new request.'],
      },
    )
  }
  // No row: the first call failed between the two statements and gave the key back.
  if (kept?.status === undefined || kept.status === null) {
    throw new TenantryError(
      'conflict',
      'The first request with this idempotency key is still being answered.',
      {
        retryable: true,
        nextSteps: ['Ask again in a moment, with the same key.'],
      },
    )
  }
  return { kind: 'replay', status: kept.status, response: kept.response }
}

/** Keeps the answer for repetitions. @param response without secrets: it is stored as it is. */
export async function keepAnswer(
  on: Queryable,
  claim: KeyClaim,
  status: number,
  response: unknown,
): Promise<void> {
  await on.query(
    `update tenantry.idempotency_keys set status = $4, response = $5
     where principal = $1 and key = $2 and created_at = $3::timestamptz`,
    [claim.principal, claim.key, claim.since, status, JSON.stringify(response ?? null)],
  )
}

/** Gives the key back: the call failed, so repeating it means doing it. */
export async function releaseKey(on: Queryable, claim: KeyClaim): Promise<void> {
  await on.query(
    `delete from tenantry.idempotency_keys
     where principal = $1 and key = $2 and created_at = $3::timestamptz and status is null`,
    [claim.principal, claim.key, claim.since],
  )
}

/** Forgets keys that are older than a day. */
export async function forgetKeys(on: Queryable): Promise<void> {
  await on.query(
    `delete from tenantry.idempotency_keys where created_at < clock_timestamp() - $1::interval`,
    [RETENTION],
  )
}

/** Who asks, and may they: one place for every route, denying by default. */
import type { App, Caller } from '../api/app.ts'
import { isAudited, isCounted, type AnyEndpoint } from '../api/endpoint.ts'
import { hasScope } from '../api/scopes.ts'
import {
  checkToken,
  looksLikeToken,
  tokenFingerprint,
  type TokenFailure,
  type TokenRow,
} from '../control/tokens.ts'
import { TenantryError } from '../lib/errors.ts'
import { metrics } from '../observability/metrics.ts'
import { record } from './record.ts'
import { RateLimit } from './rate-limit.ts'
import { LoginThrottle } from './throttle.ts'

export interface Identity {
  readonly caller: Caller
  /** Undefined on public endpoints. */
  readonly tokenId: number | undefined
}

export interface Credentials {
  readonly authorization: string | undefined
  readonly address: string
  readonly requestId: string
}

/** Checks tokens for one server, remembering per address how often it failed. */
export class Authenticator {
  readonly #app: App
  readonly #throttle: LoginThrottle
  readonly #rateLimit: RateLimit
  /** Fingerprints of tokens that have worked here: a noisy neighbour behind the same address does not lock them out. */
  readonly #seen = new Set<string>()

  constructor(app: App, throttle = new LoginThrottle()) {
    this.#app = app
    this.#throttle = throttle
    this.#rateLimit = new RateLimit(app.config.requestsPerMinute)
  }

  /**
   * @param tell sets a header of the answer.
   * @throws TenantryError `unauthenticated`, `forbidden`, or `too_many_requests` with the header Retry-After.
   */
  async identify(
    endpoint: AnyEndpoint,
    credentials: Credentials,
    tell: (header: string, value: string) => void,
  ): Promise<Identity> {
    const { address, requestId } = credentials
    if (endpoint.scope === 'public') {
      return { caller: { actor: 'anonymous', scopes: [], address, requestId }, tokenId: undefined }
    }
    const row = await this.#authenticate(credentials, tell)
    if (isCounted(endpoint)) this.#count(row, tell)
    const caller = { actor: `token:${row.id} ${row.name}`, scopes: row.scopes, address, requestId }
    if (!hasScope(row.scopes, endpoint.scope)) {
      metrics.authFailures.inc({ reason: 'scope' })
      if (isAudited(endpoint))
        await record(this.#app, { ...caller, action: endpoint.id, outcome: 'forbidden' })
      throw new TenantryError('forbidden', `The token ${row.hint} lacks the scope ${endpoint.scope}.`, {
        nextSteps: [
          `Use a token with the scope ${endpoint.scope}: tenantry token create --scope ${endpoint.scope}`,
        ],
      })
    }
    return { caller, tokenId: row.id }
  }

  #count(row: TokenRow, tell: (header: string, value: string) => void): void {
    const allowance = this.#rateLimit.count(row.id)
    if (allowance === undefined) return
    for (const [header, value] of Object.entries(allowance.headers)) tell(header, value)
    if (allowance.allowed) return
    const { resetSeconds } = allowance
    tell('retry-after', String(resetSeconds))
    metrics.authFailures.inc({ reason: 'rate' })
    throw new TenantryError('too_many_requests', `The token ${row.hint} has sent too many requests.`, {
      retryable: true,
      nextSteps: [
        `Wait ${resetSeconds} s. The setting API_REQUESTS_PER_MINUTE is ${this.#app.config.requestsPerMinute}.`,
      ],
    })
  }

  async #authenticate(
    credentials: Credentials,
    tell: (header: string, value: string) => void,
  ): Promise<TokenRow> {
    const token = bearerToken(credentials.authorization)
    if (token === undefined) throw refusal('missing')
    const fingerprint = tokenFingerprint(token)
    const wait = this.#seen.has(fingerprint) ? 0 : this.#throttle.secondsToWait(credentials.address)
    if (wait > 0) {
      metrics.authFailures.inc({ reason: 'throttled' })
      tell('retry-after', String(wait))
      throw new TenantryError('too_many_requests', 'Too many wrong tokens came from this address.', {
        retryable: true,
        nextSteps: [`Wait ${wait} s, then use a valid token.`],
      })
    }
    const check = looksLikeToken(token)
      ? await checkToken(this.#app.control, token)
      : ({ ok: false, reason: 'malformed' } as const)
    if (check.ok) {
      this.#seen.add(fingerprint)
      return check.row
    }
    this.#seen.delete(fingerprint)
    this.#throttle.failed(credentials.address)
    throw refusal(check.reason)
  }
}

function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S{1,200})$/i.exec(authorization ?? '')?.[1]
}

const REFUSALS: Readonly<Record<TokenFailure | 'missing', string>> = {
  missing: 'The request carries no token.',
  malformed: 'The token is not one of Tenantry: it is cut off or mistyped.',
  unknown: 'The token is not known here.',
  expired: 'The token has expired.',
  revoked: 'The token was revoked.',
}

function refusal(reason: TokenFailure | 'missing'): TenantryError {
  metrics.authFailures.inc({ reason })
  return new TenantryError('unauthenticated', REFUSALS[reason], {
    nextSteps: ['Send the header: Authorization: Bearer <token>', 'Make a token with: tenantry token create'],
  })
}

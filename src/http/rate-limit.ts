/**
 * How often a token may ask: so many requests in a minute that begins with the first of them, counted by each API
 * process for itself. Told by the header fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers).
 */

const WINDOW_SECONDS = 60
/** Tokens remembered; windows that are over are forgotten first. */
const MAX_TOKENS = 10_000

export interface Allowance {
  readonly allowed: boolean
  /** Whole seconds until the next window. */
  readonly resetSeconds: number
  readonly headers: Readonly<Record<'RateLimit-Policy' | 'RateLimit', string>>
}

export class RateLimit {
  readonly #perMinute: number
  readonly #now: () => number
  readonly #windows = new Map<number, { since: number; count: number }>()

  /**
   * @param perMinute requests per token and minute; 0: any number.
   * @param now seconds on any clock that only goes forward.
   */
  constructor(perMinute: number, now = (): number => performance.now() / 1000) {
    this.#perMinute = perMinute
    this.#now = now
  }

  /** Counts one request. @returns undefined when there is no limit. */
  count(tokenId: number): Allowance | undefined {
    if (this.#perMinute === 0) return undefined
    const now = this.#now()
    const window = this.#windowOf(tokenId, now)
    window.count += 1
    const left = Math.max(0, this.#perMinute - window.count)
    const resetSeconds = Math.max(1, Math.ceil(window.since + WINDOW_SECONDS - now))
    return {
      allowed: window.count <= this.#perMinute,
      resetSeconds,
      headers: {
        'RateLimit-Policy': `"token";q=${this.#perMinute};w=${WINDOW_SECONDS}`,
        RateLimit: `"token";r=${left};t=${resetSeconds}`,
      },
    }
  }

  #windowOf(tokenId: number, now: number): { since: number; count: number } {
    const known = this.#windows.get(tokenId)
    if (known !== undefined && now - known.since < WINDOW_SECONDS) return known
    if (this.#windows.size >= MAX_TOKENS) this.#forget(now)
    const begun = { since: now, count: 0 }
    this.#windows.set(tokenId, begun)
    return begun
  }

  #forget(now: number): void {
    for (const [tokenId, { since }] of this.#windows) {
      if (now - since >= WINDOW_SECONDS) this.#windows.delete(tokenId)
    }
  }
}

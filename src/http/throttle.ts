/** How often an address may present a wrong token: a bucket that fills with failures and leaks with time. */
import { isIPv6 } from 'node:net'

export interface ThrottleLimits {
  /** Failures that are let through before the address must wait. */
  readonly burst: number
  /** Failures forgiven per second. */
  readonly perSecond: number
  /** Addresses remembered; the one that failed longest ago is forgotten first. */
  readonly addresses: number
}

const STANDARD: ThrottleLimits = { burst: 20, perSecond: 0.5, addresses: 10_000 }

export class LoginThrottle {
  readonly #limits: ThrottleLimits
  readonly #now: () => number
  readonly #failures = new Map<string, { level: number; at: number }>()

  /** @param now seconds on any clock that only goes forward. */
  constructor(limits: Partial<ThrottleLimits> = {}, now = (): number => performance.now() / 1000) {
    this.#limits = { ...STANDARD, ...limits }
    this.#now = now
  }

  /** Whole seconds until the address may try again; 0: now. */
  secondsToWait(address: string): number {
    const over = this.#level(networkOf(address)) - (this.#limits.burst - 1)
    return over > 0 ? Math.ceil(over / this.#limits.perSecond) : 0
  }

  failed(address: string): void {
    const network = networkOf(address)
    const level = this.#level(network) + 1
    this.#failures.delete(network)
    this.#failures.set(network, { level, at: this.#now() })
    if (this.#failures.size <= this.#limits.addresses) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      break
    }
  }

  #level(network: string): number {
    const known = this.#failures.get(network)
    if (known === undefined) return 0
    return Math.max(0, known.level - (this.#now() - known.at) * this.#limits.perSecond)
  }
}

/** One customer line has a whole /64 of IPv6: it counts as one address. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}

/** A sleep that can be cut short: by a signal that work is there, or by an abort. */
export class Wakeup {
  #waiters = new Set<() => void>()

  /** Ends all sleeps that are going on. */
  wake(): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter()
  }

  /** Resolves after `ms` milliseconds, at the next `wake`, or when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      this.#waiters.delete(done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
    this.#waiters.add(done)
    return promise
  }
}

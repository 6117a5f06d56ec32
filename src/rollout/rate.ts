/** Tenants per second over the last few seconds. */

const WINDOW_MS = 5_000

export class RateMeter {
  #samples: { at: number; finished: number }[] = []

  /** Adds a count at a time in milliseconds. @returns the rate per second over the window. */
  add(at: number, finished: number): number {
    this.#samples = [...this.#samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, finished }]
    const [first] = this.#samples
    if (first === undefined || at - first.at < 200) return 0
    return Math.max(0, ((finished - first.finished) / (at - first.at)) * 1000)
  }
}

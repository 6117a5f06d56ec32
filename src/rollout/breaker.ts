/** The circuit breaker's judgement: pure, over counts. */

export interface BreakerCounts {
  readonly finished: number
  readonly failed: number
}

export interface BreakerRule {
  /** Share of failed targets, in percent, above which it trips. */
  readonly thresholdPercent: number
  /** Fewer finished targets than this are no basis for judging. */
  readonly minSample: number
}

export const MIN_SAMPLE = 10

/** @returns the reason in words when the breaker trips, else undefined. `base` is what was judged before. */
export function judge(
  counts: BreakerCounts,
  base: BreakerCounts,
  rule: BreakerRule,
  what: string,
): string | undefined {
  const finished = counts.finished - base.finished
  const failed = counts.failed - base.failed
  if (finished < rule.minSample || failed <= 0) return undefined
  const percent = (failed / finished) * 100
  if (percent <= rule.thresholdPercent) return undefined
  return `${failed} of ${finished} tenants failed${what} (${percent.toFixed(1)} %, the limit is ${rule.thresholdPercent} %)`
}

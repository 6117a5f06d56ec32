/** Durations as counts per bucket: bounds grow by a tenth, so a percentile is right to within 10 %. */

const GROWTH = 1.1
const FIRST_BOUND_MS = 0.5
const BUCKETS = 160

/** Upper bounds in milliseconds, from 0.5 ms to about 30 minutes. */
export const BOUNDS_MS: readonly number[] = Array.from(
  { length: BUCKETS },
  (_, index) => FIRST_BOUND_MS * GROWTH ** index,
)

export function bucketOf(durationMs: number): number {
  if (durationMs <= FIRST_BOUND_MS) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(durationMs / FIRST_BOUND_MS) / Math.log(GROWTH)))
}

/** Counts per bucket of the given durations. */
export function countDurations(durationsMs: readonly number[]): number[] {
  const counts = Array.from<number>({ length: BUCKETS }).fill(0)
  for (const duration of durationsMs) {
    const bucket = bucketOf(duration)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}

export function addCounts(left: readonly number[], right: readonly number[]): number[] {
  return Array.from({ length: BUCKETS }, (_, index) => (left[index] ?? 0) + (right[index] ?? 0))
}

/** The duration in milliseconds that the given share (0 to 1) of all counts does not exceed; null without counts. */
export function percentile(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const wanted = Math.ceil(total * share)
  let seen = 0
  for (const [bucket, count] of counts.entries()) {
    seen += count
    if (seen >= wanted) return Math.round((BOUNDS_MS[bucket] ?? 0) * 100) / 100
  }
  return null
}

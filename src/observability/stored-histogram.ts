/** Histograms whose counts are kept in the control database, in the text form that Prometheus reads. */
import { BOUNDS_MS } from '../lib/histogram.ts'
import { STORED_HISTOGRAMS } from './catalogue.ts'

let counts: readonly number[] = []

/** Sets the counts per bucket of src/lib/histogram.ts. */
export function storeDurations(next: readonly number[]): void {
  counts = next
}

/** One bound in eight is shown: each about twice the one before. */
const EVERY = 8

/** The sum is estimated from the bounds: it is right to within 10 %. */
export function renderStoredHistograms(): string {
  const cumulative: { le: string; value: number }[] = []
  let seen = 0
  let sum = 0
  for (const [index, bound] of BOUNDS_MS.entries()) {
    const count = counts[index] ?? 0
    seen += count
    sum += (count * bound) / 1000
    if (index % EVERY === EVERY - 1)
      cumulative.push({ le: String(Number((bound / 1000).toPrecision(4))), value: seen })
  }
  return STORED_HISTOGRAMS.map(({ name, help }) =>
    [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} histogram`,
      ...cumulative.map(({ le, value }) => `${name}_bucket{le="${le}"} ${value}`),
      `${name}_bucket{le="+Inf"} ${seen}`,
      `${name}_sum ${sum}`,
      `${name}_count ${seen}`,
      '',
    ].join('\n'),
  ).join('')
}

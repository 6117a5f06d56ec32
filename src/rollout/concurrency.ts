/**
 * How many tenants of one server to change at once, found by measuring: raise while throughput rises, step back
 * when it does not, fall by half when the server has no room. Pure: a state and a window of measurements in, the
 * next state out.
 */

export interface ConcurrencyState {
  readonly limit: number
  /** What the search does next: more or fewer connections. */
  readonly direction: 1 | -1
  /** Tenants per second of the window before, at the limit before. */
  readonly previous: number | undefined
  /** Never more than this: what the user allows, lowered when the server refuses connections. */
  readonly ceiling: number
}

export interface ConcurrencyWindow {
  readonly tenantsPerSecond: number
  /** Connections refused for lack of room. */
  readonly refused: number
  /** Changes that gave up waiting for a lock. */
  readonly lockTimeouts: number
  readonly finished: number
}

const START = 8
const STEP = 1.25
/** A change of throughput smaller than this is noise. */
const NOISE = 0.03

export function startConcurrency(ceiling: number): ConcurrencyState {
  return {
    limit: Math.max(1, Math.min(START, ceiling)),
    direction: 1,
    previous: undefined,
    ceiling: Math.max(1, ceiling),
  }
}

/** @param cap what the user allows now, for this worker. */
export function nextConcurrency(
  state: ConcurrencyState,
  window: ConcurrencyWindow,
  cap: number,
): ConcurrencyState {
  if (window.refused > 0) {
    const ceiling = Math.max(1, Math.min(state.ceiling, Math.floor(state.limit / 2)))
    return { limit: ceiling, direction: -1, previous: undefined, ceiling }
  }
  // What was refused once may be free later: the ceiling recovers slowly.
  const ceiling = Math.max(1, Math.min(cap, state.ceiling + 1))
  if (window.finished > 0 && window.lockTimeouts / window.finished > 0.2) {
    return { limit: Math.max(1, Math.floor(state.limit * 0.75)), direction: -1, previous: undefined, ceiling }
  }
  const change = state.previous === undefined ? undefined : window.tenantsPerSecond / state.previous - 1
  const better = change === undefined || change > NOISE
  // Within the noise fewer connections are as good: they cost the server less.
  const worse = change !== undefined && change < -NOISE
  const direction = better ? state.direction : worse ? (-state.direction as 1 | -1) : -1
  const moved = direction === 1 ? Math.ceil(state.limit * STEP) : Math.floor(state.limit / STEP)
  return {
    limit: Math.max(1, Math.min(moved, ceiling)),
    direction,
    previous: window.tenantsPerSecond,
    ceiling,
  }
}

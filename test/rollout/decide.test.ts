import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, type RolloutView, type ServerView, type WaveView } from '../../src/rollout/decide.ts'
import { rolloutOptions } from '../../src/rollout/rollout.ts'

const options = rolloutOptions.parse({
  selector: '',
  maxConnections: 10,
  errorThresholdPercent: 10,
  maxRetries: 3,
  lockTimeout: '2s',
  statementTimeout: '0',
  via: 'direct',
})

function wave(number: number, counts: Partial<WaveView> = {}): WaveView {
  return {
    wave: number,
    name: String(number),
    state: number === 1 ? 'running' : 'pending',
    gate: { approval: false, soakSeconds: 0, maxErrorPercent: 10 },
    total: 10,
    succeeded: 0,
    failed: 0,
    skipped: 0,
    idleMs: null,
    ...counts,
  }
}

function server(counts: Partial<ServerView> = {}): ServerView {
  return {
    serverId: 1,
    name: 'pg-1',
    state: 'open',
    counts: { finished: 0, failed: 0 },
    base: { finished: 0, failed: 0 },
    open: 10,
    openNow: 10,
    downMs: null,
    ...counts,
  }
}

function view(parts: Partial<RolloutView>): RolloutView {
  return {
    state: 'running',
    currentWave: 1,
    options,
    waves: [wave(1), wave(2)],
    servers: [server()],
    inFlight: 0,
    ...parts,
  }
}

describe('the breaker', () => {
  test('judges nothing below the minimum sample', () => {
    expect(decide(view({ servers: [server({ counts: { finished: 9, failed: 9 } })] })).do).toBe('nothing')
  })

  test('trips above the threshold, with the reason in words', () => {
    const decision = decide(view({ servers: [server({ counts: { finished: 20, failed: 3 } })] }))
    expect(decision).toEqual({ do: 'trip', reason: '3 of 20 tenants failed (15.0 %, the limit is 10 %)' })
  })

  test('does not trip at the threshold', () => {
    expect(decide(view({ servers: [server({ counts: { finished: 20, failed: 2 } })] })).do).toBe('nothing')
  })

  test('does not judge again what was judged before a resume', () => {
    const resumed = server({ counts: { finished: 25, failed: 5 }, base: { finished: 20, failed: 5 } })
    expect(decide(view({ servers: [resumed] })).do).toBe('nothing')
  })

  test('closes the lane of one bad server among several, and only that', () => {
    const bad = server({ serverId: 2, name: 'pg-2', counts: { finished: 10, failed: 10 } })
    const good = server({ counts: { finished: 90, failed: 0 } })
    expect(decide(view({ servers: [good, bad] }))).toMatchObject({ do: 'trip server', serverId: 2 })
    expect(decide(view({ servers: [good, { ...bad, state: 'tripped' }] })).do).toBe('nothing')
  })

  test('leaves the failures of one among several servers to its lane, and judges those of several together', () => {
    const bad = (serverId: number, failed: number): ServerView =>
      server({ serverId, counts: { finished: 6, failed } })
    expect(decide(view({ servers: [bad(1, 6), bad(2, 0)] })).do).toBe('nothing')
    expect(decide(view({ servers: [bad(1, 6), bad(2, 1)] })).do).toBe('trip')
  })

  test('pauses when only servers with closed lanes have tenants left', () => {
    const tripped = server({
      serverId: 2,
      name: 'pg-2',
      state: 'tripped',
      counts: { finished: 10, failed: 10 },
    })
    const done = server({ open: 0, openNow: 0, counts: { finished: 90, failed: 0 } })
    expect(decide(view({ servers: [done, tripped] }))).toMatchObject({ do: 'trip' })
    const later = server({ open: 5, openNow: 0 })
    expect(decide(view({ servers: [later, tripped] }))).toMatchObject({ do: 'trip' })
    expect(decide(view({ servers: [later, tripped], inFlight: 1 })).do).toBe('nothing')
  })
})

describe('waves', () => {
  const finished = { succeeded: 10 }

  test('the next begins when all of one are finished', () => {
    expect(decide(view({ waves: [wave(1, { succeeded: 9 }), wave(2)] })).do).toBe('nothing')
    expect(decide(view({ waves: [wave(1, finished), wave(2)] }))).toEqual({
      do: 'pass wave',
      wave: 1,
      next: 2,
    })
  })

  test('a server that is down holds up the next wave until its tenants are settled, and the reason is said', () => {
    const down = server({ serverId: 2, name: 'pg-2', state: 'down', downMs: 1000 })
    const done = server({ open: 5, openNow: 0 })
    const tripped = server({ serverId: 3, name: 'pg-3', state: 'tripped' })
    const waves = [wave(1, { succeeded: 4 }), wave(2)]
    const waits = {
      do: 'wait',
      reason:
        'Tenants of wave 1 (1 tenant) wait for a server that cannot be used: pg-2. It goes on when the server is back; after 30 minutes its tenants count as failed.',
    }
    expect(decide(view({ servers: [done, down], waves }))).toEqual(waits)
    expect(decide(view({ servers: [done, down, tripped], waves }))).toEqual(waits)
    expect(decide(view({ servers: [done, down], waves: [wave(1, { succeeded: 4 })] }))).toEqual(waits)
    expect(decide(view({ servers: [done, down], waves, inFlight: 1 })).do).toBe('nothing')
    expect(decide(view({ servers: [server(), down], waves })).do).toBe('nothing')
    const settled = [wave(1, { succeeded: 9, failed: 1 }), wave(2)]
    expect(decide(view({ servers: [done, { ...down, openNow: 0 }], waves: settled })).do).toBe('pass wave')
    expect(decide(view({ servers: [done, { ...down, downMs: 31 * 60_000 }], waves })).do).toBe(
      'give up server',
    )
  })

  test('a failed canary closes the gate, however small the wave', () => {
    const canary = wave(1, { total: 1, failed: 1 })
    expect(decide(view({ waves: [canary, wave(2)] }))).toMatchObject({ do: 'trip' })
  })

  test('a wave that somebody resumed past is not judged again', () => {
    const passed = wave(1, { total: 1, failed: 1, state: 'passed' })
    expect(decide(view({ waves: [passed, wave(2)] }))).toEqual({ do: 'pass wave', wave: 1, next: 2 })
  })

  test('soaks, then asks for the approval, then waits for it', () => {
    const gate = { approval: true, soakSeconds: 60, maxErrorPercent: 10 }
    expect(decide(view({ waves: [wave(1, { ...finished, gate }), wave(2)] }))).toEqual({
      do: 'soak',
      wave: 1,
    })
    const soaking = wave(1, { ...finished, gate, state: 'soaking', idleMs: 59_000 })
    expect(decide(view({ waves: [soaking, wave(2)] })).do).toBe('nothing')
    expect(decide(view({ waves: [{ ...soaking, idleMs: 61_000 }, wave(2)] }))).toEqual({
      do: 'ask approval',
      wave: 1,
    })
  })

  test('completes after the last wave, not while a tenant is in hand', () => {
    const waves = [wave(1, { ...finished, state: 'passed' }), wave(2, { ...finished, state: 'running' })]
    expect(decide(view({ currentWave: 2, waves, inFlight: 1 })).do).toBe('nothing')
    expect(decide(view({ currentWave: 2, waves })).do).toBe('complete')
  })

  test('waits for a retried tenant of an earlier wave', () => {
    const waves = [wave(1, { succeeded: 9, state: 'passed' }), wave(2, { ...finished, state: 'running' })]
    expect(decide(view({ currentWave: 2, waves })).do).toBe('nothing')
  })
})

test('a stopped rollout accounts for what is open once nothing is in hand', () => {
  const open = { state: 'stopped' as const, servers: [server({ open: 1 })] }
  expect(decide(view({ ...open, inFlight: 1 })).do).toBe('nothing')
  expect(decide(view(open)).do).toBe('settle')
  expect(decide(view({ ...open, servers: [server({ open: 0 })] })).do).toBe('rest')
  expect(decide(view({ ...open, state: 'paused' })).do).toBe('rest')
})

test('a rollout that does not run is never driven on', () => {
  const state = fc.constantFrom(
    'paused' as const,
    'stopped' as const,
    'awaiting_approval' as const,
    'completed' as const,
  )
  const counts = fc.record({ succeeded: fc.nat(10), failed: fc.nat(10), skipped: fc.nat(10) })
  fc.assert(
    fc.property(state, counts, fc.nat(5), (now, one, inFlight) =>
      ['rest', 'nothing', 'settle'].includes(
        decide(view({ state: now, waves: [wave(1, one), wave(2)], inFlight })).do,
      ),
    ),
  )
})

test('a server that is down too long is given up, with a reason', () => {
  const down = server({ state: 'down', downMs: 31 * 60_000 })
  expect(decide(view({ servers: [down] }))).toMatchObject({ do: 'give up server', serverId: 1 })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketOf, BOUNDS_MS, countDurations, percentile } from '../../src/lib/histogram.ts'
import { nextConcurrency, startConcurrency } from '../../src/rollout/concurrency.ts'
import { errorGroupOf, storedMessage } from '../../src/rollout/error-groups.ts'
import { RateMeter } from '../../src/rollout/rate.ts'
import { backoffMs, failureKind } from '../../src/rollout/retry.ts'

describe('which failures are tried again', () => {
  test.each([
    ['40001', 'transient'],
    ['40P01', 'transient'],
    ['55P03', 'transient'],
    ['53300', 'crowded'],
    ['08006', 'server'],
    ['57P03', 'server'],
    ['25006', 'server'],
    ['28P01', 'server'],
    ['23505', 'permanent'],
    ['42601', 'permanent'],
    ['57014', 'permanent'],
    ['3D000', 'permanent'],
    ['TN001', 'permanent'],
  ])('%s is %s', (sqlstate, kind) => {
    expect(failureKind({ sqlstate, message: '' })).toBe(kind)
  })

  test('a limit of the one database is no crowd on the server', () => {
    const full = (what: string): string =>
      failureKind({ sqlstate: '53300', message: `too many connections for ${what}` }, 'acme')
    expect(full('database "acme"')).toBe('transient')
    expect(full('role "acme_migrator"')).toBe('crowded')
    expect(failureKind({ sqlstate: '53300', message: 'sorry, too many clients already' }, 'acme')).toBe(
      'crowded',
    )
  })

  test('internal errors only when they come from a race', () => {
    expect(failureKind({ sqlstate: 'XX000', message: 'tuple concurrently updated' })).toBe('transient')
    expect(failureKind({ sqlstate: 'XX000', message: 'invalid page' })).toBe('permanent')
  })

  test('waits are spread between nothing and the cap', () => {
    expect(backoffMs(0, 0)).toBe(0)
    expect(backoffMs(1, 0.5)).toBe(500)
    expect(backoffMs(30, 0.999)).toBeLessThanOrEqual(30_000)
  })
})

describe('the search for the best concurrency', () => {
  /** A server whose throughput rises with connections up to `best` and falls behind it. */
  const server = (best: number) => (limit: number) =>
    limit <= best ? limit * 40 : best * 40 - (limit - best) * 10

  function search(best: number, cap: number, rounds = 60): number[] {
    let state = startConcurrency(cap)
    const limits: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const tenantsPerSecond = server(best)(state.limit)
      state = nextConcurrency(state, { tenantsPerSecond, refused: 0, lockTimeouts: 0, finished: 100 }, cap)
      limits.push(state.limit)
    }
    return limits
  }

  test.each([4, 12, 24, 60])('settles near %i', (best) => {
    const late = search(best, 100).slice(-20)
    expect(Math.min(...late)).toBeGreaterThanOrEqual(Math.floor(best * 0.5))
    expect(Math.max(...late)).toBeLessThanOrEqual(Math.ceil(best * 1.6) + 1)
  })

  test('never passes the cap, never falls below one', () => {
    const window = fc.record({
      tenantsPerSecond: fc.double({ min: 0, max: 10_000, noNaN: true }),
      refused: fc.nat(3),
      lockTimeouts: fc.nat(50),
      finished: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(window, { maxLength: 50 }), (cap, windows) => {
        let state = startConcurrency(cap)
        return windows.every((one) => {
          state = nextConcurrency(state, one, cap)
          return state.limit >= 1 && state.limit <= cap
        })
      }),
    )
  })

  test('falls by half when the server has no room', () => {
    const state = { ...startConcurrency(100), limit: 40 }
    expect(
      nextConcurrency(state, { tenantsPerSecond: 100, refused: 1, lockTimeouts: 0, finished: 50 }, 100).limit,
    ).toBe(20)
  })
})

describe('durations', () => {
  test('a percentile is right to within a tenth', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
        (durations) => {
          const sorted = durations.toSorted((left, right) => left - right)
          const exact = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0
          const shown = percentile(countDurations(durations), 0.95) ?? 0
          return shown >= exact * 0.99 && shown <= exact * 1.11
        },
      ),
    )
  })

  test('every duration has a bucket', () => {
    expect(bucketOf(0)).toBe(0)
    expect(bucketOf(1e12)).toBe(BOUNDS_MS.length - 1)
    expect(percentile([], 0.5)).toBeNull()
  })
})

describe('errors in groups', () => {
  test('values and names make no difference, the reason does', () => {
    const group = (message: string, name: string): string => errorGroupOf('23505', message, [name])
    expect(group('Key (id)=(17) already exists in cmp_1', 'cmp_1')).toBe(
      group('Key (id)=(4) already exists in cmp_22', 'cmp_22'),
    )
    expect(group('relation "in" is missing', 'in')).toBe(group('relation "e.$^(-" is missing', 'e.$^(-'))
    expect(group('constraint "a" is violated', 'x')).not.toBe(group('constraint "b" is violated', 'x'))
  })

  test('what is stored has a bound and fools no terminal', () => {
    expect(storedMessage('\u001B[31mred\u0007')).toBe('\uFFFD[31mred\uFFFD')
    expect(storedMessage('x'.repeat(1_000_000)).length).toBeLessThan(2_100)
  })
})

test('the rate is that of the last seconds', () => {
  const meter = new RateMeter()
  meter.add(0, 0)
  expect(meter.add(1_000, 100)).toBe(100)
  expect(meter.add(20_000, 100)).toBe(0)
})

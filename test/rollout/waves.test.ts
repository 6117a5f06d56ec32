import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TenantryError } from '../../src/lib/errors.ts'
import { parseWaves, planWaves } from '../../src/rollout/waves.ts'

describe('parseWaves', () => {
  test('reads sizes, soak times and approvals', () => {
    expect(parseWaves('1, 10~30s, 5%!, 10%~5s!, rest')).toEqual([
      { size: '1', approval: false, soakSeconds: 0 },
      { size: '10', approval: false, soakSeconds: 30 },
      { size: '5%', approval: true, soakSeconds: 0 },
      { size: '10%', approval: true, soakSeconds: 5 },
      { size: 'rest', approval: false, soakSeconds: 0 },
    ])
  })

  test.each(['', '1,,rest', 'all', '-1,rest', '1.5,rest', '10 %,rest', '1~5m,rest'])('refuses %j', (text) => {
    expect(() => parseWaves(text)).toThrow(TenantryError)
  })
})

describe('planWaves', () => {
  test('rounds percentages up, so that no wave is empty for being small', () => {
    const waves = planWaves([{ size: '1' }, { size: '1%' }, { size: '10%' }, { size: 'rest' }], 55, 10)
    expect(waves.map((wave) => wave.limit)).toEqual([1, 1, 6, Infinity])
  })

  test.each([
    [[{ size: '10' }]],
    [[{ size: 'rest', selector: 'plan:free' }]],
    [[{ size: '0' }, { size: 'rest' }]],
    [[{ size: '101%' }, { size: 'rest' }]],
    [[]],
  ])('refuses %j: tenants would be left out, or the size means nothing', (requests) => {
    expect(() => planWaves(requests, 100, 10)).toThrow(TenantryError)
  })

  test('whatever the sizes, every tenant falls into a wave', () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 500 }).map(String),
      fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%`),
    )
    fc.assert(
      fc.property(fc.array(size, { maxLength: 10 }), fc.integer({ min: 1, max: 100_000 }), (sizes, total) => {
        const waves = planWaves([...sizes.map((one) => ({ size: one })), { size: 'rest' }], total, 10)
        let left = total
        for (const wave of waves) left -= Math.min(left, wave.limit)
        return left === 0
      }),
    )
  })
})

import { expect, test } from 'vitest'
import { propertyDifferences, propertyText } from '../../src/schema/diff/property-text.ts'

test('a structure is told by the parts that say something', () => {
  expect(propertyText({ generation: 'always', start: 5, cycle: false, owner: null, unlogged: true })).toBe(
    'generation always, start 5, unlogged',
  )
  expect(propertyText({ '': ['SELECT', 'INSERT'], limits: { low: '1' } })).toBe(
    'PUBLIC SELECT, INSERT, limits (low 1)',
  )
})

test('of two structures only what differs is told, part by part', () => {
  const identity = { cache: '1', range: { low: 1, high: 9 } }
  expect(propertyDifferences('identity', identity, { cache: '2', range: { low: 1, high: 8 } })).toEqual([
    { name: 'identity cache', from: '1', to: '2' },
    { name: 'identity range high', from: 9, to: 8 },
  ])
  expect(propertyDifferences('identity', identity, null)).toEqual([
    { name: 'identity', from: identity, to: null },
  ])
})

test('every difference of two structures is told, one of a part that is nothing too', () => {
  expect(propertyDifferences('options', { a: null, b: false }, { b: null })).toEqual([
    { name: 'options b', from: false, to: null },
  ])
})

/** What plans say of their own undoing. */
import { expect } from 'vitest'
import type { Plan } from '../../src/schema/plan/plan.ts'

/**
 * All statements that undo a plan, in the order in which they are run.
 * @param mayBeNone a name can be taken when a renamed object wants it back
 * @returns undefined when the plan knows no way back
 */
export function reversalsOf({ steps }: Plan, mayBeNone = false): string[] | undefined {
  const without = steps.filter(({ reversal }) => reversal === null)
  if (mayBeNone && without.length > 0 && without.length === steps.length) return undefined
  expect(without.map(({ sql }) => sql)).toEqual([])
  return steps.toReversed().flatMap(({ reversal }) => reversal ?? [])
}

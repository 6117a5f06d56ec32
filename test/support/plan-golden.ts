/** The plans of a pair, there and back, as a person reads them: kept beside it as `plan.txt`. */
import path from 'node:path'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { renderPlan } from '../../src/schema/render/plan-text.ts'
import { expectGolden } from './golden.ts'

const PLAIN = { paint: (_: string, text: string): string => text, clean: (text: string): string => text }

/** @param pair its folder below `test` */
export async function expectPlans(pair: string, there: Plan, back: Plan): Promise<void> {
  const text = [
    'a.sql → b.sql',
    '',
    ...renderPlan(there, [], PLAIN),
    '',
    'b.sql → a.sql',
    '',
    ...renderPlan(back, [], PLAIN),
  ]
  await expectGolden(path.join('..', pair, 'plan.txt'), `${text.join('\n')}\n`)
}

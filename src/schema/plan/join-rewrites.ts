/** A table that several steps in a row would write anew is written anew once. */
import type { Action } from './action.ts'
import type { PlanStep } from './plan.ts'

type Part = Action['part']

/** @param parts what each step does to which table, where it is one part of an ALTER TABLE. */
export function joinRewrites(steps: readonly PlanStep[], parts: readonly Part[]): PlanStep[] {
  const result: PlanStep[] = []
  let at = 0
  while (at < steps.length) {
    const end = endOfRun(steps, parts, at)
    const run = steps.slice(at, end)
    const [first] = run as [PlanStep]
    if (run.length === 1) result.push(first)
    else result.push(joined(run, parts.slice(at, end) as NonNullable<Part>[]))
    at = end
  }
  return result
}

/** After the last rewrite of the same table in the same transaction with nothing else in between. */
function endOfRun(steps: readonly PlanStep[], parts: readonly Part[], begin: number): number {
  const [first, part] = [steps[begin], parts[begin]]
  let end = begin + 1
  if (first?.rewrites !== true || part === undefined || first.group === null) return end
  for (let at = end; at < steps.length; at++) {
    if (parts[at]?.table !== part.table || steps[at]?.group !== first.group) break
    if (steps[at]?.rewrites === true) end = at + 1
  }
  return end
}

function joined(run: readonly PlanStep[], parts: readonly NonNullable<Part>[]): PlanStep {
  const [first] = run as [PlanStep]
  return {
    ...first,
    sql: `${parts[0]?.table} ${parts.map(({ does }) => does).join(', ')}`,
    creates: run.flatMap(({ creates }) => creates),
    drops: run.flatMap(({ drops }) => drops),
    alters: run.flatMap(({ alters }) => alters),
    hazards: run.flatMap(({ hazards }) => hazards),
    reversal: first.reversal === null ? null : run.toReversed().flatMap(({ reversal }) => reversal ?? []),
  }
}

/** A table that several steps in a row would write anew, or read for its constraints, is gone through once. */
import type { Action } from './action.ts'
import type { PlanStep } from './plan.ts'

type Part = Action['part']

/** @param parts what each step does to which table, where it is one part of an ALTER TABLE. */
export function joinParts(steps: readonly PlanStep[], parts: readonly Part[]): PlanStep[] {
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

/** After the last step that does the same to the same table with nothing else in between. */
function endOfRun(steps: readonly PlanStep[], parts: readonly Part[], begin: number): number {
  const [first, part] = [steps[begin], parts[begin]]
  if (part === undefined || first === undefined) return begin + 1
  if (isValidation(part)) return endWhere(parts, begin, (at) => isValidation(parts[at]), part.table)
  if (!first.rewrites || first.group === null) return begin + 1
  let end = endWhere(parts, begin, (at) => steps[at]?.group === first.group, part.table)
  // What comes after the last rewrite stays by itself.
  while (steps[end - 1]?.rewrites !== true) end--
  return end
}

function endWhere(
  parts: readonly Part[],
  begin: number,
  fits: (at: number) => boolean,
  table: string,
): number {
  let end = begin + 1
  while (end < parts.length && parts[end]?.table === table && fits(end)) end++
  return end
}

function isValidation(part: Part): boolean {
  return part?.does.startsWith('VALIDATE ') === true
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

/** What rules and the planner may look at: both schemas, and what this plan makes anew. */
import type { Side } from '../snapshot/side.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { PlanOptions, RuleContext } from './action.ts'

export interface Comparison {
  readonly source: Snapshot
  readonly target: Snapshot
  readonly before: Side
  readonly after: Side
}

export function ruleContext(
  comparison: Comparison,
  made: {
    readonly created: ReadonlySet<string>
    readonly dropped: ReadonlySet<string>
    readonly letGo?: ReadonlyMap<string, readonly string[]>
  },
  options: PlanOptions,
): RuleContext {
  const { before, after } = comparison
  return {
    source: comparison.source,
    target: comparison.target,
    before: (id) => before.objects.get(id),
    after: (id) => after.objects.get(id),
    partsBefore: (id) => before.parts.get(id) ?? [],
    partsAfter: (id) => after.parts.get(id) ?? [],
    dependentsBefore: (id) => before.dependents.get(id) ?? [],
    isNew: (id) => made.created.has(id),
    isDropped: (id) => made.dropped.has(id),
    letsGoOf: (id) => made.letGo?.get(id) ?? [],
    options,
  }
}

/** Ordered actions become the steps of a plan: transaction groups, timeouts, what undoes them. */
import type { Dialect } from '../dialects/dialect.ts'
import type { Action, PlanOptions } from './action.ts'
import type { Node } from './nodes.ts'
import { joinParts } from './join-parts.ts'
import type { PlanStep } from './plan.ts'

/** @param reversals for each node, see `reversals.ts`; null when no way back is known */
export function stepsOf(
  dialect: Dialect,
  nodes: readonly Node[],
  options: PlanOptions,
  reversals: readonly (readonly string[])[] | null,
): PlanStep[] {
  const groups = groupsOf(dialect, nodes)
  const steps = nodes.map((node, at): PlanStep => {
    const { action } = node
    return {
      sql: action.sql,
      group: groups[at] ?? null,
      creates: node.creates,
      drops: node.drops,
      alters: node.alters,
      lock: action.lock ?? null,
      rewrites: action.rewrites ?? false,
      hazards: action.hazards ?? [],
      ...timeoutsOf(action, options),
      reversal: reversals === null ? null : (reversals[at] ?? []),
      after: null,
    }
  })
  return numbered(
    joinParts(
      steps,
      nodes.map((node) => node.action.part),
    ),
  )
}

/** Without gaps where transactions were joined. */
function numbered(steps: readonly PlanStep[]): PlanStep[] {
  const groups = [...new Set(steps.flatMap(({ group }) => group ?? []))]
  const numbers = new Map(groups.map((group, at) => [group, at + 1]))
  return steps.map((step) => ({
    ...step,
    group: step.group === null ? null : (numbers.get(step.group) ?? step.group),
  }))
}

/** Numbers of the transactions, null for what runs outside of any; an own transaction ends with its one action. */
function groupsOf(dialect: Dialect, nodes: readonly Node[]): (number | null)[] {
  let group = 0
  let open = false
  let last: number | undefined
  return nodes.map(({ action, unit }) => {
    if (!dialect.transactionalDdl || action.transactional === false) {
      open = false
      return null
    }
    if (!open || action.ownTransaction === true || unit !== last) group++
    open = action.ownTransaction !== true
    last = unit
    return group
  })
}

/**
 * A statement outside of transactions may have to wait for every older transaction to end, which counts against the
 * lock timeout (CREATE INDEX CONCURRENTLY waits on virtual transactions), so it gets the long one for both.
 */
function timeoutsOf(
  action: Action,
  options: PlanOptions,
): Pick<PlanStep, 'lockTimeoutMs' | 'statementTimeoutMs'> {
  const long = action.long === true || action.rewrites === true
  return {
    lockTimeoutMs:
      action.transactional === false && long ? options.longStatementTimeoutMs : options.lockTimeoutMs,
    statementTimeoutMs: long ? options.longStatementTimeoutMs : options.statementTimeoutMs,
  }
}

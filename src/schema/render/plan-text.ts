/** A plan as a person reads it: the steps with what each does to those who use the tables meanwhile. */
import { hazardsToAllow } from '../plan/allow.ts'
import type { HazardName } from '../plan/hazards.ts'
import { HAZARDS } from '../plan/hazards.ts'
import type { Plan, PlanStep } from '../plan/plan.ts'
import type { Style } from './style.ts'

/** Lines. @param allowed hazards that need not be named as open */
export function renderPlan(plan: Plan, allowed: readonly HazardName[], style: Style): string[] {
  if (plan.steps.length === 0)
    return ['Nothing to do: the schemas are equal.', ...unmodelledLines(plan, style)]
  const width = String(plan.steps.length).length
  const lines: string[] = []
  let group: number | null | undefined
  for (const [index, step] of plan.steps.entries()) {
    if (step.group !== group) lines.push(style.paint('bold', groupTitle(step.group)))
    group = step.group
    lines.push(...renderStep(step, index + 1, width, style))
  }
  return [...lines, ...openHazards(plan, allowed, style), ...unmodelledLines(plan, style)]
}

/** `5 steps, 2 of them outside of transactions` */
export function countSteps(plan: Plan): string {
  const alone = plan.steps.filter(({ group }) => group === null).length
  const steps = `${plan.steps.length} ${plan.steps.length === 1 ? 'step' : 'steps'}`
  if (alone === 0) return steps
  return `${steps}, ${alone} of them outside of transactions`
}

function groupTitle(group: number | null): string {
  return group === null ? 'outside of transactions' : `transaction ${group}`
}

function renderStep(step: PlanStep, number: number, width: number, style: Style): string[] {
  const indent = ' '.repeat(width + 4)
  const [first = '', ...more] = style.clean(step.sql).split('\n')
  const facts = [
    step.lock === null ? '' : `lock: ${step.lock}`,
    step.lock === null || step.lockTimeoutMs === 0 ? '' : `waits ${seconds(step.lockTimeoutMs)} for it`,
    step.rewrites ? 'rewrites the table' : '',
    step.statementTimeoutMs === 0 ? '' : `at most ${seconds(step.statementTimeoutMs)}`,
  ].filter((fact) => fact !== '')
  return [
    `  ${String(number).padStart(width)}  ${first}`,
    ...more.map((line) => `${indent}${line}`),
    ...(step.lock === null && !step.rewrites ? [] : [style.paint('dim', `${indent}  ${facts.join(' · ')}`)]),
    ...step.hazards.map(({ name, detail }) =>
      style.paint(HAZARDS[name].mustAllow ? 'red' : 'yellow', `${indent}  ! ${name}: ${style.clean(detail)}`),
    ),
  ]
}

function seconds(ms: number): string {
  return ms < 60_000 || ms % 60_000 !== 0 ? `${ms / 1000} s` : `${ms / 60_000} min`
}

function openHazards(plan: Plan, allowed: readonly HazardName[], style: Style): string[] {
  const names = [...new Set(hazardsToAllow(plan, allowed).map(({ name }) => name))].toSorted()
  if (names.length === 0) return []
  return [
    '',
    style.paint('red', `To run it, allow by name what it does: --allow ${names.join(',')}`),
    ...names.map((name) => `  ${name}: ${HAZARDS[name].means}`),
  ]
}

function unmodelledLines(plan: Plan, style: Style): string[] {
  if (plan.unmodelled.length === 0) return []
  return [
    '',
    style.paint('yellow', 'Found, and not looked at:'),
    ...plan.unmodelled.map(({ kind, name, detail }) => style.clean(`  ${kind} ${name}: ${detail}`)),
  ]
}

/** What a plan may do must be allowed by name before it is done. */
import { TenantryError } from '../../lib/errors.ts'
import { HAZARDS, type Hazard, type HazardName } from './hazards.ts'
import type { Plan } from './plan.ts'

/** Hazards of a plan that must be allowed and are not, each with what it would do. */
export function hazardsToAllow(plan: Pick<Plan, 'steps'>, allowed: readonly HazardName[]): Hazard[] {
  return plan.steps
    .flatMap((step) => step.hazards)
    .filter((hazard) => HAZARDS[hazard.name].mustAllow && !allowed.includes(hazard.name))
}

/**
 * The names behind `--allow`; `all` stands for every hazard.
 * @throws TenantryError `invalid_input` for an unknown name, with those that exist
 */
export function parseAllowed(names: readonly string[]): HazardName[] {
  const known = Object.keys(HAZARDS) as HazardName[]
  if (names.includes('all')) return known
  return names.map((name) => {
    const found = known.find((one) => one === name)
    if (found !== undefined) return found
    throw new TenantryError('invalid_input', `No hazard is called ${JSON.stringify(name)}.`, {
      nextSteps: [`Use one of: ${known.join(', ')}, all.`],
    })
  })
}

/** @throws TenantryError `conflict` naming each hazard that is not allowed, what it would do, and how to allow it */
export function refuseHazards(plan: Pick<Plan, 'steps'>, allowed: readonly HazardName[]): void {
  const open = hazardsToAllow(plan, allowed)
  if (open.length === 0) return
  const names = [...new Set(open.map((hazard) => hazard.name))].toSorted()
  const details = [...new Set(open.map((hazard) => `${hazard.name}: ${hazard.detail}`))]
  throw new TenantryError('conflict', `The plan is not run, since it needs leave for ${details.join(' ')}`, {
    nextSteps: [`If that is meant, allow it by name: --allow ${names.join(',')}`],
  })
}

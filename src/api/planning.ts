/** How a plan is made and what it may do, as endpoints take and tell it. */
import { z } from 'zod'
import { HAZARDS, type HazardName } from '../schema/plan/hazards.ts'

export const allow = z
  .array(z.enum([...(Object.keys(HAZARDS) as HazardName[]), 'all']))
  .max(20)
  .default([])
  .describe(
    'Hazards that are meant, by name; what must be allowed and is not stops the change before it begins.',
  )
export const style = z
  .enum(['online', 'plain', 'auto'])
  .optional()
  .describe(
    '`online`: no avoidable lock; `plain`: the shortest statements; `auto` (default): plain for small tables.',
  )

export const hazard = z.object({
  name: z.enum(Object.keys(HAZARDS) as [HazardName, ...HazardName[]]),
  detail: z.string(),
})

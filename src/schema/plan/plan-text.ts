/** A plan as a file: kept, looked at, and run later. */
import { z } from 'zod'
import { TenantryError } from '../../lib/errors.ts'
import { HAZARDS, type HazardName } from './hazards.ts'
import { LOCK_LEVELS, type Plan } from './plan.ts'

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/)
const hazard = z.strictObject({
  name: z.enum(Object.keys(HAZARDS) as [HazardName, ...HazardName[]]),
  detail: z.string(),
})

const step = z.strictObject({
  sql: z.string().min(1),
  group: z.int().nullable(),
  creates: z.array(z.string()),
  drops: z.array(z.string()),
  alters: z.array(z.string()),
  lock: z.enum(LOCK_LEVELS).nullable(),
  rewrites: z.boolean(),
  hazards: z.array(hazard),
  lockTimeoutMs: z.number().min(0),
  statementTimeoutMs: z.number().min(0),
  reversal: z.array(z.string().min(1)).nullable(),
  after: fingerprint.nullable(),
})

const plan = z.strictObject({
  format: z.literal(1),
  dialect: z.enum(['postgres', 'mysql', 'sqlite']),
  source: fingerprint,
  target: fingerprint,
  steps: z.array(step),
  unmodelled: z.array(z.strictObject({ kind: z.string(), name: z.string(), detail: z.string() })),
})

export function planText(value: Plan): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/**
 * @param where its name, for messages
 * @throws TenantryError `invalid_input`: no plan, or of a newer format
 */
export function parsePlan(text: string, where: string): Plan {
  const read = plan.safeParse(jsonOf(text))
  if (read.success) return read.data
  const newer = z.looseObject({ format: z.int().min(2) }).safeParse(jsonOf(text))
  const [issue] = read.error.issues
  const why = newer.success
    ? `it has format ${newer.data.format}, and this Tenantry reads format 1`
    : `/${issue?.path.map(String).join('/') ?? ''}: ${issue?.message ?? 'not valid'}`
  throw new TenantryError('invalid_input', `${where} is not a plan: ${why}.`, {
    nextSteps: ['Make one: tenantry schema plan --from X --to Y --format json --out plan.json'],
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

/**
 * Runs a plan on one database. Where it stands is told by the schema itself: the fingerprint is the plan's source,
 * its target, or the one that the proof saw after one of the steps; any other is refused. So a run that was killed
 * goes on at the right step, without a record of its own.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseFailure } from '../engine/failure.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import type { Dialect, InspectOptions, SchemaSession } from './dialects/dialect.ts'
import { refuseHazards } from './plan/allow.ts'
import type { HazardName } from './plan/hazards.ts'
import type { Plan, PlanStep } from './plan/plan.ts'

export type StepState = 'applied' | 'not applied' | 'in doubt'

export interface StepResult {
  readonly sql: string
  readonly state: StepState
  /** Milliseconds that it took; 0 for one that was applied before, or not begun. */
  readonly ms: number
}

export interface Execution {
  /** One for each step of the plan. */
  readonly steps: readonly StepResult[]
  /** Why it stopped; absent when every step is applied. */
  readonly failure?: { readonly step: number; readonly sqlstate: string; readonly message: string }
}

export interface ExecuteOptions {
  readonly allow?: readonly HazardName[]
  readonly inspect?: InspectOptions
  /** How often a step is tried again when a lock was not granted in time; default 10. */
  readonly lockRetries?: number
  /** Called before the first step, with those that are in place already, and after each transaction. */
  readonly onStep?: (done: number, of: number) => void
}

const DEFAULT_LOCK_RETRIES = 10
const LONGEST_PAUSE_MS = 5000

/**
 * @returns what became of each step; a step is in doubt when the connection was lost while it ran: run the plan
 * again, the schema will tell
 * @throws TenantryError `conflict` when hazards are not allowed or another session holds the tenant's lock,
 * `precondition_failed` when the schema is not the one that the plan begins with
 */
export async function executePlan(
  dialect: Dialect,
  session: SchemaSession,
  plan: Plan,
  options: ExecuteOptions = {},
): Promise<Execution> {
  refuseHazards(plan, options.allow ?? [])
  if (!(await dialect.lock(session))) {
    throw new TenantryError('conflict', `Another change of ${session.label} is running.`, {
      nextSteps: ['Wait until it has ended, then try again.'],
      retryable: true,
    })
  }
  await endInterrupted(dialect, session, plan)
  const first = await whereItStands(dialect, session, plan, options.inspect)
  const results: StepResult[] = plan.steps.map(({ sql }, at) => ({
    sql,
    state: at < first ? 'applied' : 'not applied',
    ms: 0,
  }))
  for (const statement of dialect.preamble) await session.query(statement)
  for (const step of plan.steps.slice(0, first)) {
    if (step.group === null) await dialect.clearLeftovers?.(session, step, 'applied')
  }
  options.onStep?.(first, plan.steps.length)
  for (const group of groupsFrom(plan, first)) {
    const failure = await runGroup(dialect, session, plan, group, results, options)
    if (failure !== undefined) return { steps: results, failure }
    options.onStep?.(group.end, plan.steps.length)
  }
  return { steps: results }
}

/** Before it is looked at where it stands: the schema in the middle of a statement is none of those on the way. */
async function endInterrupted(dialect: Dialect, session: SchemaSession, plan: Plan): Promise<void> {
  if (dialect.finishInterrupted === undefined) return
  for (const step of plan.steps) if (step.group === null) await dialect.finishInterrupted(session, step)
}

/** Number of the step to begin with: those before it are in place. */
async function whereItStands(
  dialect: Dialect,
  session: SchemaSession,
  plan: Plan,
  inspect: InspectOptions | undefined,
): Promise<number> {
  const position = positionOf(plan, (await dialect.inspect(session, inspect)).fingerprint)
  if (position !== undefined) return position
  throw new TenantryError(
    'precondition_failed',
    `The schema of ${session.label} is not the one that this plan begins with; nothing was done.`,
    {
      nextSteps: [
        'It has changed since the plan was made: make the plan again.',
        ...(canResume(plan) ? [] : [`Or a run of it was interrupted: ${NOT_PROVED}`]),
      ],
    },
  )
}

export const NOT_PROVED =
  'a plan that was not proved does not know the schemas on its way. Make it again from the database as it is.'

/** Whether a run of it that was interrupted can go on: it has but one way to end, or knows the schemas in between. */
export function canResume(plan: Plan): boolean {
  return groupsFrom(plan, 0).every(
    ({ end }) => end === plan.steps.length || plan.steps[end - 1]?.after !== null,
  )
}

function positionOf(plan: Plan, fingerprint: string): number | undefined {
  if (fingerprint === plan.target) return plan.steps.length
  if (fingerprint === plan.source) return 0
  // Of several steps with the same schema the first: those between may have changed rows, and can be done again.
  const at = plan.steps.findIndex((step) => step.after === fingerprint)
  return at === -1 ? undefined : at + 1
}

interface Group {
  readonly begin: number
  /** The step after its last one. */
  readonly end: number
  readonly transactional: boolean
}

export function groupsFrom(plan: Pick<Plan, 'steps'>, first: number): Group[] {
  const groups: Group[] = []
  let begin = first
  while (begin < plan.steps.length) {
    const number = plan.steps[begin]?.group ?? null
    const after = plan.steps.findIndex((step, at) => at > begin && (number === null || step.group !== number))
    const end = after === -1 ? plan.steps.length : after
    groups.push({ begin, end, transactional: number !== null })
    begin = end
  }
  return groups
}

async function runGroup(
  dialect: Dialect,
  session: SchemaSession,
  plan: Plan,
  group: Group,
  results: StepResult[],
  options: ExecuteOptions,
): Promise<Execution['failure']> {
  for (let attempt = 0; ; attempt++) {
    const failed = await tryGroup(dialect, session, plan.steps, group, results)
    if (failed === undefined) return undefined
    const again = isLockFailure(failed.thrown) && attempt < (options.lockRetries ?? DEFAULT_LOCK_RETRIES)
    if (!again) return described(failed, attempt + 1)
    // Exponential backoff with full jitter, so that those who wait do not come back together.
    await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 100 * 2 ** attempt))
  }
}

interface Failed {
  readonly step: number
  readonly thrown: unknown
}

async function tryGroup(
  dialect: Dialect,
  session: SchemaSession,
  steps: readonly PlanStep[],
  group: Group,
  results: StepResult[],
): Promise<Failed | undefined> {
  let at = group.begin
  let committing = false
  let waited = 0
  try {
    if (group.transactional) await session.query(dialect.begin)
    for (; at < group.end; at++) {
      const step = steps[at] as PlanStep
      const started = performance.now()
      const patient = group.transactional ? lessPatient(step, waited) : step
      if (!(await prepare(dialect, session, patient))) await session.query(step.sql)
      const ms = performance.now() - started
      if (!step.rewrites) waited += ms
      results[at] = { sql: step.sql, state: 'applied', ms }
    }
    committing = true
    if (group.transactional) await session.query('COMMIT')
    return undefined
  } catch (thrown) {
    const step = Math.min(at, group.end - 1)
    const lost = isLost(thrown)
    const inDoubt = lost && (committing || !group.transactional)
    for (let each = group.begin; each < group.end; each++) {
      const state = inDoubt && (committing || each === step) ? 'in doubt' : 'not applied'
      results[each] = { sql: (steps[each] as PlanStep).sql, state, ms: 0 }
    }
    if (group.transactional && !lost) await session.query('ROLLBACK')
    return { step, thrown }
  }
}

/** Of the time that it may wait for a lock at least this part is left, however long others have waited. */
const LEAST_PATIENCE = 0.1

/**
 * What a transaction has locked already is locked for as long as it waits for the rest: together its steps wait no
 * longer than one of them may.
 */
function lessPatient(step: PlanStep, waited: number): PlanStep {
  const { lockTimeoutMs } = step
  if (lockTimeoutMs === 0) return step
  const left = Math.max(lockTimeoutMs - waited, lockTimeoutMs * LEAST_PATIENCE, 1)
  return { ...step, lockTimeoutMs: Math.ceil(left) }
}

/** @returns whether the step is done by that: one that was interrupted is ended */
async function prepare(dialect: Dialect, session: SchemaSession, step: PlanStep): Promise<boolean> {
  for (const setting of dialect.settings(step)) await session.query(setting)
  if (step.group !== null) return false
  await dialect.clearLeftovers?.(session, step, 'before')
  return (await dialect.finishInterrupted?.(session, step)) === true
}

/** Whether the connection is gone, also where the server said so itself. */
function isLost(thrown: unknown): boolean {
  return thrown instanceof DatabaseFailure && /^(?:08|57P0|25P0[345])/.test(thrown.sqlstate)
}

function isLockFailure(thrown: unknown): boolean {
  return thrown instanceof DatabaseFailure && ['55P03', '40P01'].includes(thrown.sqlstate)
}

/** @throws what is not a failure of the database: a defect is not a result */
function described({ step, thrown }: Failed, attempts: number): Execution['failure'] {
  if (!(thrown instanceof DatabaseFailure)) throw thrown
  const detail = thrown.facts.detail === undefined ? '' : ` – ${thrown.facts.detail}`
  const busy = isLockFailure(thrown)
    ? ` – tried ${attempts === 1 ? 'once' : `${attempts} times`}, and given up so that nobody has to queue behind it: somebody has in use what it changes. Run it again later`
    : ''
  return { step, sqlstate: thrown.sqlstate, message: `${messageOf(thrown)}${detail}${busy}` }
}

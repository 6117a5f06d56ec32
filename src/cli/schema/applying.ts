/** `schema apply`: runs a plan that was kept on one database. */
import { TenantryError } from '../../lib/errors.ts'
import { dialectNamed } from '../../schema/dialects/index.ts'
import { canResume, executePlan, NOT_PROVED, type Execution, type StepResult } from '../../schema/execute.ts'
import { withLogin } from '../../schema/operand/login.ts'
import { parseOperand } from '../../schema/operand/operand.ts'
import { parseAllowed, refuseHazards } from '../../schema/plan/allow.ts'
import { parsePlan } from '../../schema/plan/plan-text.ts'
import type { Plan } from '../../schema/plan/plan.ts'
import type { Cli } from '../cli.ts'
import { EXIT, usageError } from '../errors.ts'
import { count, duration } from '../format.ts'
import type { View } from '../output.ts'
import { readText } from '../secret-input.ts'
import { stopSignal } from '../signals.ts'
import { cut, oneLine } from '../terminal.ts'
import { clearScreenLine, whileWaiting } from '../waiting.ts'

export interface ApplyOptions {
  readonly to: string
  readonly allow?: readonly string[]
  readonly maskSchema?: string
  readonly yes?: boolean
}

interface Shown extends StepResult {
  readonly number: number
}

const VIEW: View<Shown> = {
  name: (step) => step.number,
  columns: [
    { title: 'STEP', value: (step) => step.number, right: true },
    { title: 'STATE', value: (step) => step.state },
    { title: 'TOOK', value: (step) => duration(step.ms === 0 ? null : step.ms), right: true },
    { title: 'SQL', value: (step) => step.sql },
  ],
}

/** @returns the exit code */
export async function apply(cli: Cli, file: string, options: ApplyOptions): Promise<number> {
  const plan = parsePlan(await readText(file), file)
  const url = await urlFor(plan, options.to)
  // Before anything is asked or reached.
  const allow = parseAllowed(options.allow ?? [])
  refuseHazards(plan, allow)
  const dialect = await dialectNamed(plan.dialect)
  const session = await dialect.connect(await withLogin(url))
  try {
    if (plan.steps.length > 0)
      await cli.confirm(`Run ${plan.steps.length} steps on ${session.label}?`, options.yes)
    stopSignal().addEventListener('abort', () => {
      const next = canResume(plan) ? 'Run the same command again: it goes on where it stands.' : NOT_PROVED
      clearScreenLine(cli)
      cli.output.say(`Interrupted. What ran is ended and undone by the server where it can.\n  → ${next}`)
      process.exit(EXIT.interrupted)
    })
    const inspect = options.maskSchema === undefined ? {} : { maskSchema: options.maskSchema }
    let done = 0
    const onStep = (now: number): void => void (done = now)
    const execution = await whileWaiting(
      cli,
      () => stepText(plan, done),
      () => executePlan(dialect, session, plan, { allow, inspect, onStep }),
    )
    return report(cli, execution, session.label)
  } finally {
    await session.close()
  }
}

/** `step 2 of 6: CREATE INDEX …`; of a transaction its first. */
function stepText({ steps }: Plan, done: number): string {
  const step = steps[done]
  return step === undefined
    ? 'looking'
    : `step ${count(done + 1)} of ${count(steps.length)}: ${cut(oneLine(step.sql), 60)}`
}

async function urlFor(plan: Plan, to: string): Promise<string> {
  const target = await parseOperand(to)
  if (target.type !== 'database')
    throw usageError(`${to} is not a database.`, 'Give its URL: --to postgres://…')
  if (target.dialect === plan.dialect) return target.url
  throw new TenantryError(
    'invalid_input',
    `The plan is for ${plan.dialect}, the database is ${target.dialect}.`,
  )
}

function report(cli: Cli, execution: Execution, label: string): number {
  const steps = execution.steps.map((step, index) => ({ number: index + 1, ...step }))
  cli.output.list(steps, VIEW, {
    body: execution,
    empty: 'The schema is as the plan wants it: nothing to do.',
  })
  const { failure } = execution
  if (failure === undefined) return EXIT.ok
  throw new TenantryError(
    'server_refused',
    `Step ${failure.step + 1} failed on ${label}: ${failure.message}`,
    {
      sqlstate: failure.sqlstate,
      nextSteps: ['Run the same command again when the reason is gone: it goes on where it stopped.'],
    },
  )
}

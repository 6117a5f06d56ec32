/** `schema plan` and `schema prove`. */
import { TenantryError } from '../../lib/errors.ts'
import { dialectNamed } from '../../schema/dialects/index.ts'
import type { Schema } from '../../schema/operand/read-schemas.ts'
import type { PlanOptions } from '../../schema/plan/action.ts'
import { hazardsToAllow, parseAllowed } from '../../schema/plan/allow.ts'
import { makePlan } from '../../schema/plan/make-plan.ts'
import type { Plan } from '../../schema/plan/plan.ts'
import { countSteps, renderPlan } from '../../schema/render/plan-text.ts'
import type { Cli } from '../cli.ts'
import { EXIT } from '../errors.ts'
import { whileWaiting } from '../waiting.ts'
import { writeOut } from './out-file.ts'
import { compareSchemas, type RenamingOptions } from './renaming.ts'
import { styleOf, withSchemas, type SourceOptions } from './sources.ts'

export interface PlanningOptions extends RenamingOptions {
  readonly allow?: readonly string[]
  readonly style?: PlanOptions['style']
  readonly lockTimeout?: number
}

export interface PlanCommandOptions extends SourceOptions, PlanningOptions {
  readonly from: string
  readonly to: string
  readonly format?: 'text' | 'json' | 'sql'
  readonly out?: string
  readonly exitCode?: boolean
}

/** @returns the exit code */
export async function plan(cli: Cli, options: PlanCommandOptions): Promise<number> {
  return withSchemas(cli, [options.from, options.to], options, async (schemas) => {
    const [from, to] = schemas as [Schema, Schema]
    const made = await planBetween(cli, from, to, options)
    await printPlan(cli, made, options)
    return made.steps.length > 0 && options.exitCode === true ? EXIT.differences : EXIT.ok
  })
}

export async function prove(cli: Cli, options: PlanCommandOptions & { seed?: string }): Promise<void> {
  const { provePlan } = await import('../../schema/prove.ts')
  const { readSql } = await import('../../schema/operand/sql-text.ts')
  await withSchemas(cli, [options.from, options.to], options, async (schemas, shadows) => {
    const [from, to] = schemas as [Schema, Schema]
    const made = await planBetween(cli, from, to, options)
    const dialect = await dialectNamed(made.dialect)
    const seed = options.seed === undefined ? [] : await readSql(made.dialect, options.seed)
    const scratch = await shadows.empty(dialect, from.url ?? to.url)
    const statements = seed.map(({ text }) => text)
    const proved = await whileWaiting(
      cli,
      () => 'Running the plan on a copy of the schema',
      () => provePlan(dialect, scratch, from.snapshot, to.snapshot, made, statements),
      true,
    )
    await printPlan(cli, proved, options)
    cli.output.say('Proved: run on a copy of the schema, it led to the target.')
  })
}

/** The plan from one schema to another, renames told or found included. */
export async function planBetween(
  cli: Cli,
  from: Schema,
  to: Schema,
  options: PlanningOptions,
): Promise<Plan> {
  const dialect = await dialectNamed(from.snapshot.dialect)
  const { renames } = await compareSchemas(cli, from, to, options)
  const wanted = {
    ...(options.style === undefined ? {} : { style: options.style }),
    ...(options.lockTimeout === undefined ? {} : { lockTimeoutMs: options.lockTimeout }),
  }
  return makePlan(dialect, from.snapshot, to.snapshot, wanted, renames)
}

async function printPlan(cli: Cli, made: Plan, options: PlanCommandOptions): Promise<void> {
  const allowed = parseAllowed(options.allow ?? [])
  const format = options.format ?? (cli.output.forPeople ? 'text' : 'json')
  if (format === 'sql') return printScript(cli, made, options.allow ?? [], options.out)
  if (format === 'json') {
    const { planText } = await import('../../schema/plan/plan-text.ts')
    if (options.out === undefined) return cli.output.raw(planText(made))
    await writeOut(options.out, planText(made))
  } else {
    const lines = renderPlan(made, allowed, styleOf(cli))
    if (options.out === undefined) cli.output.raw(`${lines.join('\n')}\n`)
    else await writeOut(options.out, `${lines.join('\n')}\n`)
  }
  if (options.out !== undefined) cli.output.say(`${options.out}: ${countSteps(made)}`)
}

/**
 * The plan as a script. Hazards are comments in it, but what loses data is not written by accident.
 * @throws TenantryError `conflict`
 */
export async function printScript(
  cli: Cli,
  made: Plan,
  allow: readonly string[],
  out?: string,
): Promise<void> {
  const { planScript } = await import('../../schema/render/script.ts')
  const losses = hazardsToAllow(made, parseAllowed(allow)).filter(({ name }) => name === 'data-loss')
  if (losses.length > 0) {
    const details = [...new Set(losses.map(({ detail }) => detail.replace(/\.$/, '')))]
    throw new TenantryError('conflict', `No SQL is written, as it would lose data: ${details.join('; ')}.`, {
      nextSteps: ['If that is meant, say so: --allow data-loss', 'See the plan without --format sql.'],
    })
  }
  const script = await planScript(await dialectNamed(made.dialect), made)
  if (out === undefined) return cli.output.raw(script)
  await writeOut(out, script)
  cli.output.say(`${out}: ${countSteps(made)}`)
}

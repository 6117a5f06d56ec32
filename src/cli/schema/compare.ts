/** `schema inspect` and `schema diff`. */
import { diff } from '../../schema/diff/diff.ts'
import { parseAllowed } from '../../schema/plan/allow.ts'
import { countChanges, renderChanges } from '../../schema/render/changes.ts'
import { withoutPassword } from '../../schema/operand/operand.ts'
import type { Schema } from '../../schema/operand/read-schemas.ts'
import type { Cli } from '../cli.ts'
import { EXIT, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { writeOut } from './out-file.ts'
import { planBetween, printScript, type PlanningOptions } from './planning.ts'
import { compareSchemas } from './renaming.ts'
import { styleOf, withSchemas, type SourceOptions } from './sources.ts'

export async function inspect(
  cli: Cli,
  of: string,
  options: SourceOptions & { out?: string },
): Promise<void> {
  const { snapshotText } = await import('../../schema/snapshot/snapshot-text.ts')
  await withSchemas(cli, [of], options, async ([schema]) => {
    const { snapshot } = schema as Schema
    for (const { kind, name, detail } of snapshot.unmodelled)
      cli.output.say(`not described: ${kind} ${name}: ${detail}`)
    if (cli.output.format === 'name') return cli.output.raw(`${snapshot.fingerprint}\n`)
    if (options.out === undefined) return cli.output.raw(snapshotText(snapshot))
    await writeOut(options.out, snapshotText(snapshot))
    cli.output.say(
      `${options.out}: ${count(snapshot.objects.length)} objects, fingerprint ${snapshot.fingerprint}`,
    )
  })
}

export interface DiffOptions extends SourceOptions, PlanningOptions {
  readonly format?: 'text' | 'json' | 'sql'
  readonly sql?: boolean
  readonly exitCode?: boolean
}

/** @returns the exit code */
export async function compare(cli: Cli, from: string, to: string, options: DiffOptions): Promise<number> {
  // Before anything is read.
  parseAllowed(options.allow ?? [])
  const format = formatOf(cli, options)
  return withSchemas(cli, [from, to], options, async (schemas) => {
    const [a, b] = schemas as [Schema, Schema]
    for (const note of notCompared(a, b)) cli.output.say(note)
    if (format === 'sql') {
      const made = await planBetween(cli, a, b, options)
      await printScript(cli, made, options.allow ?? [])
      const equal = diff(a.snapshot, b.snapshot).length === 0
      return !equal && options.exitCode === true ? EXIT.differences : EXIT.ok
    }
    const { changes, renamed } = await compareSchemas(cli, a, b, options)
    if (format !== 'text') {
      const body = { equal: changes.length === 0, from: facts(a), to: facts(b), changes }
      if (format === 'json') cli.output.raw(`${JSON.stringify(body, null, 2)}\n`)
      else cli.output.value(body, a.snapshot.fingerprint)
    } else if (changes.length === 0) cli.output.print(`Equal: ${a.label} and ${b.label}`)
    else {
      const lines = renderChanges(changes, renamed, b.snapshot, styleOf(cli))
      cli.output.raw(`${lines.join('\n')}\n`)
      cli.output.say(`${countChanges(changes)}, from ${a.label} to ${b.label}`)
    }
    return changes.length > 0 && options.exitCode === true ? EXIT.differences : EXIT.ok
  })
}

/** `output`: as `--output` says. */
function formatOf(cli: Cli, { format, sql }: DiffOptions): 'text' | 'json' | 'sql' | 'output' {
  if (sql === true && format !== undefined && format !== 'sql')
    throw usageError(`--sql and --format ${format} exclude each other.`)
  return format ?? (sql === true ? 'sql' : cli.output.forPeople ? 'text' : 'output')
}

/** What no snapshot describes, and where it was found: nobody is to take it for equal. */
function notCompared(a: Schema, b: Schema): string[] {
  const [first, second] = [a, b].map(({ snapshot }) =>
    snapshot.unmodelled.map(({ kind, name, detail }) => `${kind} ${name}: ${detail}`),
  ) as [string[], string[]]
  const where = (note: string): string => {
    if (!second.includes(note)) return ` (only in ${a.label})`
    return first.includes(note) ? '' : ` (only in ${b.label})`
  }
  return [...new Set([...first, ...second])].map((note) => `not compared: ${note}${where(note)}`)
}

function facts({ label, snapshot }: Schema): Record<string, unknown> {
  const { dialect, serverVersion, fingerprint, objects, unmodelled } = snapshot
  const about = { dialect, serverVersion, fingerprint, objects: objects.length, unmodelled }
  return { label: withoutPassword(label), ...about }
}

/** `schema inspect` and `schema diff`. */
import { diff } from '../../schema/diff/diff.ts'
import { countChanges, renderChanges } from '../../schema/render/changes.ts'
import { withoutPassword } from '../../schema/operand/operand.ts'
import type { Schema } from '../../schema/operand/read-schemas.ts'
import type { Cli } from '../cli.ts'
import { EXIT } from '../errors.ts'
import { count } from '../format.ts'
import { writeOut } from './out-file.ts'
import { planBetween, printScript, type PlanningOptions } from './planning.ts'
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
  readonly sql?: boolean
  readonly exitCode?: boolean
}

/** @returns the exit code */
export async function compare(cli: Cli, from: string, to: string, options: DiffOptions): Promise<number> {
  return withSchemas(cli, [from, to], options, async (schemas) => {
    const [a, b] = schemas as [Schema, Schema]
    const changes = diff(a.snapshot, b.snapshot)
    for (const note of notCompared(a, b)) cli.output.say(note)
    if (options.sql === true)
      await printScript(cli, await planBetween(cli, a, b, options), options.allow ?? [])
    else if (!cli.output.forPeople) {
      const body = { equal: changes.length === 0, from: facts(a), to: facts(b), changes }
      cli.output.value(body, a.snapshot.fingerprint)
    } else if (changes.length === 0) cli.output.print(`Equal: ${a.label} and ${b.label}`)
    else {
      const lines = renderChanges(changes, a.snapshot, b.snapshot, styleOf(cli))
      cli.output.raw(`${lines.join('\n')}\n`)
      cli.output.say(`${countChanges(changes)}, from ${a.label} to ${b.label}`)
    }
    return changes.length > 0 && options.exitCode === true ? EXIT.differences : EXIT.ok
  })
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

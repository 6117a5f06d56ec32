/** `schema diff3`: two changes of one schema brought together. */
import { diff, type Change } from '../../schema/diff/diff.ts'
import { diff3, type Conflict } from '../../schema/diff/diff3.ts'
import type { Schema } from '../../schema/operand/read-schemas.ts'
import { countChanges, renderChanges } from '../../schema/render/changes.ts'
import type { Cli } from '../cli.ts'
import { EXIT } from '../errors.ts'
import { count } from '../format.ts'
import { writeOut } from './out-file.ts'
import { styleOf, withSchemas, type SourceOptions } from './sources.ts'

export interface MergeOptions extends SourceOptions {
  readonly out?: string
}

/** @returns the exit code: 5 when the two sides conflict */
export async function merge(
  cli: Cli,
  operands: readonly [base: string, ours: string, theirs: string],
  options: MergeOptions,
): Promise<number> {
  return withSchemas(cli, operands, options, async (schemas) => {
    const [base, ours, theirs] = schemas as [Schema, Schema, Schema]
    const { merged, conflicts } = diff3(base.snapshot, ours.snapshot, theirs.snapshot)
    const changes = diff(base.snapshot, merged)
    if (cli.output.forPeople) {
      const lines = renderChanges(changes, base.snapshot, merged, styleOf(cli))
      if (lines.length > 0) cli.output.raw(`${lines.join('\n')}\n`)
      cli.output.say(summaryOf(changes, conflicts, base.label))
      for (const { message } of conflicts) cli.output.say(`conflict: ${message}`)
    } else {
      const body = { clean: conflicts.length === 0, fingerprint: merged.fingerprint, conflicts, changes }
      cli.output.value(body, merged.fingerprint)
    }
    if (conflicts.length > 0) {
      if (options.out !== undefined) cli.output.say(`${options.out} is not written.`)
      return EXIT.conflict
    }
    if (options.out === undefined) return EXIT.ok
    const { snapshotText } = await import('../../schema/snapshot/snapshot-text.ts')
    await writeOut(options.out, snapshotText(merged))
    cli.output.say(
      `${options.out}: ${count(merged.objects.length)} objects, fingerprint ${merged.fingerprint}`,
    )
    return EXIT.ok
  })
}

function summaryOf(changes: readonly Change[], conflicts: readonly Conflict[], base: string): string {
  const both =
    changes.length === 0 ? `Neither side changes ${base}` : `Both together: ${countChanges(changes)}`
  if (conflicts.length === 0) return `${both}, no conflict`
  const word = conflicts.length === 1 ? 'conflict' : 'conflicts'
  return `${both}, ${count(conflicts.length)} ${word}; shown is ours where they conflict`
}

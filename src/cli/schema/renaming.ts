/** Renames as the command line takes and tells them. */
import { diffWithRenames, type Compared } from '../../schema/diff/with-renames.ts'
import type { RenameHint } from '../../schema/diff/renames.ts'
import { dialectNamed } from '../../schema/dialects/index.ts'
import type { Schema } from '../../schema/operand/read-schemas.ts'
import { idOf, indexObjects, type Snapshot } from '../../schema/snapshot/snapshot.ts'
import type { Cli } from '../cli.ts'
import { usageError } from '../errors.ts'

export interface RenamingOptions {
  readonly rename?: readonly string[]
  readonly detectRenames?: boolean
}

/**
 * The differences from one schema to another. Renames that have no other explanation are told on standard error; what
 * is only likely is shown with the option that tells it.
 */
export async function compareSchemas(
  cli: Cli,
  { snapshot: from }: Schema,
  { snapshot: to }: Schema,
  options: RenamingOptions,
): Promise<Compared> {
  const told = (options.rename ?? []).map((text) => hintOf(from, text))
  const detect = options.detectRenames !== false
  const compared = diffWithRenames(await dialectNamed(from.dialect), from, to, { told, detect })
  for (const { from: id, to: name, certain } of compared.found) {
    if (certain)
      cli.output.say(`${id} keeps its contents under the name ${name} (--no-detect-renames: drop it)`)
    else cli.output.say(`${id} may have got the name ${name}; if so: --rename ${quoted(`${id}=${name}`)}`)
  }
  return compared
}

function quoted(text: string): string {
  return /[^\w.:=/-]/.test(text) ? `'${text.replaceAll("'", `'\\''`)}'` : text
}

/** `column:public.orders.total=amount`, or `orders.total=amount` where only one object is called so. */
function hintOf(source: Snapshot, text: string): RenameHint {
  const at = text.lastIndexOf('=')
  const [old, to] = [text.slice(0, at), text.slice(at + 1)]
  if (at < 1 || to === '') {
    throw usageError(
      `${JSON.stringify(text)} is not of the form OLD=NEW.`,
      'Example: --rename public.orders.total=amount',
    )
  }
  if (indexObjects(source).has(old)) return { from: old, to }
  const called = source.objects.filter(({ name }) => {
    const whole = name.join('.')
    return whole === old || whole.endsWith(`.${old}`)
  })
  const [only, another] = called
  if (only !== undefined && another === undefined) return { from: idOf(only), to }
  throw usageError(
    only === undefined
      ? `Nothing in the source is called ${old}.`
      : `More than one object in the source is called ${old}.`,
    ...called.slice(0, 5).map((object) => `Say which: --rename ${quoted(`${idOf(object)}=${to}`)}`),
  )
}

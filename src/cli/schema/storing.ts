/** `snapshot put`. */
import type { Schema } from '../../schema/operand/read-schemas.ts'
import type { StoredVersion } from '../../schema/snapshot/stores/store.ts'
import type { Cli } from '../cli.ts'
import { withSchemas, type SourceOptions } from './sources.ts'
import { withStore } from './stores.ts'

export async function put(
  cli: Cli,
  name: string,
  of: string,
  options: SourceOptions & { message?: string },
): Promise<StoredVersion> {
  return withSchemas(cli, [of], options, async ([schema]) => {
    const { snapshot } = schema as Schema
    const { version, added } = await withStore(cli, options.store, (store) =>
      store.put(name, snapshot, options.message),
    )
    if (!added) cli.output.say(`It is the newest snapshot of ${name} already: nothing was stored.`)
    return version
  })
}

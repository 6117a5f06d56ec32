/** Schemas as commands take them: operands, with what is needed to load and look them up. */
import { text } from 'node:stream/consumers'
import { cacheDirectory } from '../../config.ts'
import { withoutPassword } from '../../schema/operand/operand.ts'
import { readSchemas, type Schema } from '../../schema/operand/read-schemas.ts'
import { Shadows } from '../../schema/operand/shadows.ts'
import type { DialectName } from '../../schema/snapshot/snapshot.ts'
import type { Style } from '../../schema/render/style.ts'
import type { Cli } from '../cli.ts'
import { paint, printable } from '../terminal.ts'
import { whileWaiting } from '../waiting.ts'
import { withStore } from './stores.ts'

export interface SourceOptions {
  readonly dialect?: DialectName
  readonly scratch?: string
  readonly maskSchema?: string
  readonly excludeSchema?: readonly string[]
  readonly store: string
}

/** Reads the schemas of operands; `work` runs while the shadow databases are still there. */
export async function withSchemas<T>(
  cli: Cli,
  texts: readonly string[],
  options: SourceOptions,
  work: (schemas: readonly Schema[], shadows: Shadows) => Promise<T>,
): Promise<T> {
  const shadows = new Shadows({ scratchUrl: options.scratch, cacheDir: cacheDirectory() })
  try {
    const reading = {
      dialect: options.dialect,
      inspect: {
        ...(options.maskSchema === undefined ? {} : { maskSchema: options.maskSchema }),
        ...(options.excludeSchema === undefined ? {} : { excludeSchemas: options.excludeSchema }),
      },
      shadows,
      stdin: () => text(process.stdin),
      stored: (reference: string) => withStore(cli, options.store, (store) => store.get(reference)),
      tenant: async (name: string) => (await import('./service.ts')).tenantSchema(await cli.api(), name),
      version: async (id: string) => (await import('./service.ts')).versionSchema(await cli.api(), id),
    }
    const what = `Reading ${texts.map(withoutPassword).join(' and ')}`
    const schemas = await whileWaiting(
      cli,
      () => what,
      () => readSchemas(texts, reading),
      true,
    )
    warnOfVersions(cli, schemas)
    return await work(schemas, shadows)
  } finally {
    await shadows.close()
  }
}

/** A definition that one major version writes differently from another shows as a difference. */
function warnOfVersions(cli: Cli, schemas: readonly Schema[]): void {
  const [a, b] = schemas
  if (a === undefined || b === undefined) return
  const [first, second] = [a, b].map(({ snapshot }) => snapshot.serverVersion.split('.')[0] ?? '')
  if (first === second || first === '' || second === '' || a.snapshot.dialect !== 'postgres') return
  cli.output.say(
    `${a.label} comes from PostgreSQL ${first}, ${b.label} from ${second}: what these write in different ways may show as a difference. SQL can be loaded into a server of your version with --scratch URL.`,
  )
}

/** For text on standard output. */
export function styleOf(cli: Cli): Style {
  return { paint: (colour, words) => paint(cli.terminal, colour, words), clean: printable }
}

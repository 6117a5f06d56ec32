/** node-pg-migrate: its own MigrationBuilder, which gathers SQL and needs a database only where a migration asks it. */
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { NeedsAnswer, shown } from './answers.ts'
import { type Exports, exportsOf, LibraryMissing } from './project.ts'
import type { RecordingJob } from './protocol.ts'
import { NoWayBack, type Recorder, type Unit } from './recorder.ts'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

interface Builder {
  enableReverseMode(): void
  getSqlSteps(): string[]
  isUsingTransaction(): boolean
}
type BuilderClass = new (db: object, shorthands: object, decamelize: boolean, logger: object) => Builder
type Action = (builder: Builder, done?: () => void) => unknown

const ask = (query: unknown): Promise<never> => {
  const text = typeof query === 'string' ? query : String((query as { text?: unknown } | null)?.text)
  return Promise.reject(new NeedsAnswer(`pgm.db: ${shown(text)}`))
}
const DATABASE = { query: ask, select: ask }
const quiet = (): void => undefined
const LOGGER = { debug: quiet, info: quiet, warn: quiet, error: quiet }

export async function nodePgMigrateRecorder(job: RecordingJob): Promise<Recorder> {
  const Builder = await builderOf(job.at)
  // As the tool has them: those of a migration hold for all after it.
  let shorthands: object = {}
  const units = (job.files ?? []).map((file): Unit => ({
    name: file.slice(0, -extname(file).length),
    file,
    path: join(job.at, file),
    run: async (direction) => {
      const actions = await actionsOf(join(job.at, file))
      shorthands = { ...shorthands, ...(actions.shorthands as object | undefined) }
      const builder = new Builder(DATABASE, shorthands, false, LOGGER)
      const isReversed = direction === 'down' && actions.down === undefined
      if (isReversed) builder.enableReverseMode()
      await call(actions[isReversed ? 'up' : direction], builder, direction)
      return {
        statements: builder.getSqlSteps().map((sql) => ({ sql })),
        transaction: builder.isUsingTransaction() ? undefined : false,
        doubtful: false,
      }
    },
  }))
  return { units }
}

async function call(action: unknown, builder: Builder, direction: string): Promise<void> {
  if (action === false) throw new NoWayBack('the migration says that it cannot be undone')
  if (typeof action !== 'function') throw new Error(`it has no function \`${direction}\``)
  if (action.length < 2) return void (await (action as Action)(builder))
  await new Promise<void>((settle) => {
    ;(action as Action)(builder, settle)
  })
}

async function builderOf(folder: string): Promise<BuilderClass> {
  let library: Exports
  try {
    const path = createRequire(`${folder}/`).resolve('node-pg-migrate')
    library = (await import(pathToFileURL(path).href)) as Exports
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : ''
    if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') throw thrown
    throw new LibraryMissing('node-pg-migrate')
  }
  const inner = library.default as Exports | undefined
  const found = library.MigrationBuilder ?? inner?.MigrationBuilder
  if (typeof found !== 'function') throw new LibraryMissing('node-pg-migrate 7 or newer')
  return found as BuilderClass
}

async function actionsOf(path: string): Promise<Exports> {
  if (!path.endsWith('.sql')) return await exportsOf(path)
  const text = readFileSync(path, 'utf8')
  const at = (direction: string): number =>
    text.search(new RegExp(`^\\s*--[\\s-]*${direction}\\s+migration`, 'im'))
  const [up, down] = [at('up'), at('down')]
  const part = (from: number, other: number): string => text.slice(from, other > from ? other : undefined)
  const script =
    (sql: string): Action =>
    (builder) =>
      (builder as unknown as { sql(text: string): void }).sql(sql)
  return {
    up: script(up === -1 ? text : part(up, down)),
    down: down === -1 ? false : script(part(down, up)),
  }
}

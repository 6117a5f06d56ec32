/**
 * Knex: the project's own knex with a client that has no driver. Migrations run as knex itself runs them: in a
 * transaction unless they say otherwise.
 */
import { readdirSync } from 'node:fs'
import { dirname, extname, join, relative, resolve } from 'node:path'
import type { VersionDialect } from '../../version-dialects.ts'
import { DIALECT_NAMES } from '../source.ts'
import { NeedsAnswer, shown, unreadable, valuesOf } from './answers.ts'
import type { Recorder, Unit } from './recorder.ts'
import { type Exports, exportsOf, LibraryMissing, requireFrom } from './project.ts'
import type { RecordedStatement, RecordingJob } from './protocol.ts'

type Config = Record<string, unknown>
interface Query {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  readonly method?: string
  readonly output?: unknown
  readonly returning?: unknown
}
interface Knex {
  transaction(): Promise<{ commit(): Promise<void>; rollback(): Promise<void> }>
}
type KnexFactory = (config: Config) => Knex

/** What knex itself takes for migrations. */
const EXTENSIONS = ['.co', '.coffee', '.eg', '.iced', '.js', '.cjs', '.litcoffee', '.ls', '.ts']

export async function knexRecorder(job: RecordingJob): Promise<Recorder> {
  const isConfig = job.files === undefined
  const folder = isConfig ? dirname(job.at) : job.at
  const config = isConfig ? await readKnexfile(job.dialect, job.at) : {}
  const migrations = (config.migrations ?? {}) as Config
  const factory = requireFrom(folder, 'knex') as KnexFactory
  const log: RecordedStatement[] = []
  const answers = { none: false, doubtful: false }
  const knex = factory({
    ...config,
    client: recordingClient(job.dialect, folder, log, answers),
    // Values are of a recording: nobody may look into them.
    postProcessResponse: undefined,
    connection: job.dialect === 'sqlite' ? { filename: ':memory:' } : {},
    ...(job.dialect === 'sqlite' ? { useNullAsDefault: config.useNullAsDefault ?? true } : {}),
    pool: { min: 0, max: 1 },
    // So that an error says which line of the migration asked.
    asyncStackTraces: true,
  })
  const files = isConfig
    ? configuredFiles(folder, migrations)
    : (job.files ?? []).map((file) => ({ name: file, path: join(folder, file) }))
  const units = files.map(({ name, path }): Unit => ({
    name,
    file: relative(folder, path),
    path,
    run: async (direction, none) => {
      answers.none = none
      answers.doubtful = false
      log.length = 0
      const exported = await exportsOf(path)
      const usesTransaction = transactionOf(exported) ?? migrations.disableTransactions !== true
      await runIn(knex, exported, direction, usesTransaction)
      const statements = usesTransaction ? withoutEnds(log) : [...log]
      return { statements, transaction: usesTransaction ? undefined : false, doubtful: answers.doubtful }
    },
  }))
  return { units }
}

function transactionOf(exported: Exports): boolean | undefined {
  const config = exported.config as Config | undefined
  return typeof config?.transaction === 'boolean' ? config.transaction : undefined
}

async function runIn(
  knex: Knex,
  exported: Exports,
  direction: 'up' | 'down',
  inTransaction: boolean,
): Promise<void> {
  const change = exported[direction]
  if (typeof change !== 'function') throw new Error(`it has no function \`${direction}\``)
  if (!inTransaction) {
    await (change as (on: unknown, promise: unknown) => unknown)(knex, Promise)
    return
  }
  const transaction = await knex.transaction()
  await (change as (on: unknown, promise: unknown) => unknown)(transaction, Promise)
  await transaction.commit()
}

/** Without the BEGIN and COMMIT around it: it is a version's own transaction. */
function withoutEnds(log: readonly RecordedStatement[]): RecordedStatement[] {
  return log.slice(1, -1)
}

async function readKnexfile(dialect: VersionDialect, path: string): Promise<Config> {
  const exported: unknown = await exportsOf(path)
  const inner = (exported as Exports).default
  const given: unknown = typeof inner === 'function' ? await (inner as () => unknown)() : exported
  const config = given as Config
  if (config.client !== undefined) {
    const { client } = config
    if (typeof client !== 'string' || CLIENTS[dialect].test(client)) return config
    throw new Error(`its client is ${client}, not one of ${DIALECT_NAMES[dialect]}`)
  }
  const found = ['production', 'staging', 'development', ...Object.keys(config)].find((name) =>
    CLIENTS[dialect].test(textOf((config[name] as Config | undefined)?.client)),
  )
  if (found === undefined) throw new Error(`no environment in it has a client of ${DIALECT_NAMES[dialect]}`)
  return config[found] as Config
}

function textOf(client: unknown): string {
  return typeof client === 'string' ? client : ''
}

/** As knexfiles name them. */
const CLIENTS: Readonly<Record<VersionDialect, RegExp>> = {
  postgres: /^(?:pg|pgnative|postgres|postgresql)$/,
  mysql: /^(?:mysql2?|mariadb)$/,
  sqlite: /^(?:better-)?sqlite3?$/,
}

/** Knex's own, in its package. */
const CLIENT_FILES: Readonly<Record<VersionDialect, string>> = {
  postgres: 'postgres',
  mysql: 'mysql2',
  sqlite: 'sqlite3',
}

function configuredFiles(folder: string, migrations: Config): { name: string; path: string }[] {
  if (migrations.migrationSource !== undefined) {
    throw new Error('it has a migrationSource of its own; name the folder with the migrations instead')
  }
  const directory = (migrations.directory ?? './migrations') as string | string[]
  const directories = Array.isArray(directory) ? directory : [directory]
  const extensions = (migrations.loadExtensions ?? EXTENSIONS) as string[]
  const files = directories.flatMap((entry) => {
    const path = resolve(folder, entry)
    const names = readdirSync(path).toSorted()
    return names.map((name) => ({ name, path: join(path, name) }))
  })
  const wanted = files.filter(({ name }) => extensions.includes(extname(name)) && !/\.d\.[mc]?ts$/.test(name))
  if (migrations.sortDirsSeparately === true) return wanted
  return wanted.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Knex's own client for the dialect, without a driver, a pool or a database. */
function recordingClient(
  dialect: VersionDialect,
  folder: string,
  log: RecordedStatement[],
  answers: { none: boolean; doubtful: boolean },
): unknown {
  type Constructor = new (...args: never[]) => object
  const library = requireFrom(folder, `knex/lib/dialects/${CLIENT_FILES[dialect]}/index.js`)
  const Client = ((library as Exports).default ?? library) as Constructor
  if (typeof Client !== 'function') throw new LibraryMissing('knex 1.0 or newer')
  return class extends Client {
    _driver(): object {
      return {}
    }
    acquireConnection(): Promise<object> {
      return Promise.resolve({ __knexUid: 'recording' })
    }
    releaseConnection(): Promise<void> {
      return Promise.resolve()
    }
    checkVersion(): Promise<string> {
      return Promise.resolve('')
    }
    _query(_connection: object, query: Query): Promise<Query> {
      if (isQuestion(query)) return Promise.reject(new NeedsAnswer(shown(query.sql)))
      log.push({ sql: query.sql, ...valuesOf(dialect, query.bindings ?? []) })
      return Promise.resolve(query)
    }
    _stream(_connection: object, query: Query): Promise<never> {
      return Promise.reject(new NeedsAnswer(shown(query.sql)))
    }
    processResponse(query: Query): unknown {
      const isCount = /^(?:update|del|delete)$/.test(query.method ?? '') && query.returning === undefined
      if (!isCount) return unreadable(shown(query.sql))
      answers.doubtful = true
      return answers.none ? 0 : unreadable(shown(query.sql))
    }
  }
}

/** Asked for its answer alone, which may be none: that could not be told from one that nobody looks into. */
function isQuestion({ method, output }: Query): boolean {
  return output !== undefined || /^(?:select|first|pluck|columnInfo)$/.test(method ?? '')
}

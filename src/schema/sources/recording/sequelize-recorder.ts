/**
 * Sequelize: the project's own sequelize, whose queries end in a list instead of a connection. Migrations are called
 * as sequelize-cli and umzug 2 do, `up(queryInterface, Sequelize)`, or as umzug 3 does, `up({ context })`.
 */
import { join } from 'node:path'
import type { VersionDialect } from '../../version-dialects.ts'
import { NeedsAnswer, shown, unreadable, valuesOf } from './answers.ts'
import { type Exports, exportsOf, requireFrom } from './project.ts'
import type { RecordedStatement, RecordingJob } from './protocol.ts'
import type { Recorder, Unit } from './recorder.ts'

interface QueryOptions {
  readonly type?: string
  readonly plain?: boolean
}
interface QueryInterface {
  renameColumn(table: unknown, before: string, after: string, options?: object): Promise<unknown>
  readonly queryGenerator: {
    renameColumnQuery(table: unknown, before: string, attributes: Record<string, string>): string
  }
}
interface SequelizeInstance {
  getQueryInterface(): QueryInterface
  query(sql: string, options?: object): Promise<unknown>
  dialect: { Query: QueryClass }
  connectionManager: Record<string, unknown>
}
interface QueryObject {
  readonly options: QueryOptions
}
type QueryClass = new (connection: object, sequelize: object, options: object) => QueryObject
interface SequelizeClass {
  new (options: object): SequelizeInstance
}

const QUESTIONS = new Set([
  'SELECT',
  'SHOWTABLES',
  'DESCRIBE',
  'SHOWINDEXES',
  'SHOWCONSTRAINTS',
  'FOREIGNKEYS',
  'VERSION',
])

/** What sequelize sends where a migration asks for a transaction. */
const TRANSACTION_ENDS =
  /^(?:START TRANSACTION|BEGIN(?: DEFERRED| IMMEDIATE| EXCLUSIVE)?(?: TRANSACTION)?|COMMIT);?$/i

/** How sequelize looks for a type of an ENUM before it makes it. */
const ENUM_QUESTION = /^SELECT t\.typname enum_name, .* t\.typname='((?:[^']|'')*)'/s

export async function sequelizeRecorder(job: RecordingJob): Promise<Recorder> {
  const folder = job.at
  const library = requireFrom(folder, 'sequelize') as Exports
  const Sequelize = (library.Sequelize ?? library) as unknown as SequelizeClass
  const record = new RecordingDatabase(job.dialect)
  const sequelize = new Sequelize({ dialect: job.dialect, dialectModule: DRIVER, logging: false })
  record.attach(sequelize)
  const queryInterface = sequelize.getQueryInterface()
  const units = (job.files ?? []).map((file): Unit => ({
    name: file,
    file,
    path: join(folder, file),
    run: async (direction, none) => {
      record.begin(none)
      const exported = await exportsOf(join(folder, file))
      const change = exported[direction]
      if (typeof change !== 'function') throw new Error(`it has no function \`${direction}\``)
      await callMigration(change as Migration, queryInterface, Sequelize, file)
      return { statements: record.taken(), transaction: undefined, doubtful: record.doubtful }
    },
  }))
  return { units }
}

type Migration = (...args: unknown[]) => unknown

/** Sequelize loads a driver when it is made; this one has what it looks at then. */
const DRIVER = { types: { setTypeParser: () => undefined, getTypeParser: () => undefined }, defaults: {} }

/**
 * One value stands for both ways of calling: it is the queryInterface, and it has the fields `context` and `name` that
 * umzug 3 hands over.
 */
async function callMigration(
  change: Migration,
  queryInterface: QueryInterface,
  Sequelize: SequelizeClass,
  name: string,
): Promise<void> {
  const umzug = { context: queryInterface, name, path: name, Sequelize }
  const both = new Proxy(queryInterface, {
    get: (target, key, receiver) =>
      Reflect.has(target, key)
        ? (Reflect.get(target, key, receiver) as unknown)
        : umzug[key as keyof typeof umzug],
  })
  await change(both, Sequelize)
}

/** By position, or for SQLite by the names `$1`, `$2` …. */
type Bound = readonly unknown[] | Readonly<Record<string, unknown>>

function inOrder(values: Bound): readonly unknown[] {
  if (Array.isArray(values)) return values
  const entries = Object.entries(values)
  if (!entries.every(([name]) => /^\$\d+$/.test(name))) throw new Error('it binds values by names of its own')
  return entries.toSorted(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1))).map(([, value]) => value)
}

/** Takes the place of the connection: keeps what is sent. */
class RecordingDatabase {
  doubtful = false
  #none = false
  #log: RecordedStatement[] = []
  /** Types of ENUM columns that migrations have made: before this one, and with it. */
  #enumsBefore = new Set<string>()
  #enums = new Set<string>()
  readonly #dialect: VersionDialect

  constructor(dialect: VersionDialect) {
    this.#dialect = dialect
  }

  begin(none: boolean): void {
    // The second run of the same migration meets what the first met.
    if (none) this.#enums = new Set(this.#enumsBefore)
    else this.#enumsBefore = new Set(this.#enums)
    this.#none = none
    this.doubtful = false
    this.#log = []
  }

  taken(): RecordedStatement[] {
    return this.#log
  }

  attach(sequelize: SequelizeInstance): void {
    const take = this.#take.bind(this)
    const Query = sequelize.dialect.Query
    class RecordingQuery extends Query {
      run(sql: string, values?: Bound): Promise<unknown> {
        return take(sql, values ?? [], this.options)
      }
    }
    Object.assign(sequelize.dialect, { Query: RecordingQuery })
    Object.assign(sequelize.connectionManager, {
      getConnection: () => Promise.resolve({}),
      releaseConnection: () => undefined,
      _refreshDynamicOIDs: () => Promise.resolve(),
    })
    // Elsewhere the type is used.
    if (this.#dialect !== 'postgres') return
    const queryInterface = sequelize.getQueryInterface()
    // Sequelize asks for the column's type, and then does not use it.
    queryInterface.renameColumn = async (table, before, after, options) =>
      await sequelize.query(
        queryInterface.queryGenerator.renameColumnQuery(table, before, { [after]: '' }),
        options,
      )
  }

  async #take(sql: string, values: Bound, options: QueryOptions): Promise<unknown> {
    await Promise.resolve()
    const asked = ENUM_QUESTION.exec(sql)?.[1]
    if (asked !== undefined && options.plain === true) {
      // Asked before CREATE TYPE, which does nothing when the type exists: only a type that is known to has an answer.
      if (this.#enums.has(asked)) throw new NeedsAnswer(shown(sql))
      this.#enums.add(asked)
      return null
    }
    // Of a version every statement finds its own transaction there.
    if (this.#dialect !== 'postgres' && TRANSACTION_ENDS.test(sql)) return undefined
    if (QUESTIONS.has(options.type ?? '')) throw new NeedsAnswer(shown(sql))
    this.#log.push({ sql, ...valuesOf(this.#dialect, inOrder(values)) })
    const answer = unreadable(shown(sql))
    if (!/^BULK(?:UPDATE|DELETE)$/.test(options.type ?? '')) return [answer, answer]
    this.doubtful = true
    return this.#none ? 0 : answer
  }
}

/** The real tools, as their users run them: each applies the first `count` migrations of its example. */
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import knexFactory from 'knex'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { Sequelize } from 'sequelize'
import { DataSource, type MigrationInterface } from 'typeorm'
import { SequelizeStorage, Umzug } from 'umzug'
import { openSource, type SourceVersion } from '../../src/schema/sources/index.ts'

export const EXAMPLES = join(import.meta.dirname, '../../examples')
const require = createRequire(import.meta.url)

export type Tool = (dsn: string, count: number) => Promise<void>

export interface Case {
  /** Of the example. */
  readonly path: string
  /** How many the example has. */
  readonly revisions: number
  readonly tool: Tool
}

export const knex: Tool = async (dsn, count) => {
  const directory = join(EXAMPLES, 'knex/migrations')
  const database = knexFactory({ client: 'pg', connection: dsn, migrations: { directory } })
  try {
    for (let done = 0; done < count; done += 1) await database.migrate.up()
  } finally {
    await database.destroy()
  }
}

interface SequelizeMigration {
  up(queryInterface: unknown, library: unknown): Promise<unknown>
}

export const sequelize: Tool = async (dsn, count) => {
  const database = new Sequelize(dsn, { logging: false })
  try {
    const umzug = new Umzug({
      migrations: {
        glob: join(EXAMPLES, 'sequelize/migrations/*.js'),
        resolve: ({ name, path = '', context }) => ({
          name,
          up: async () => (require(path) as SequelizeMigration).up(context, Sequelize),
        }),
      },
      context: database.getQueryInterface(),
      storage: new SequelizeStorage({ sequelize: database }),
      logger: undefined,
    })
    await umzug.up({ step: count })
  } finally {
    await database.close()
  }
}

const quiet = (): void => undefined

export const nodePgMigrate: Tool = async (dsn, count) => {
  await runner({
    databaseUrl: dsn,
    dir: join(EXAMPLES, 'node-pg-migrate/migrations'),
    direction: 'up',
    count,
    migrationsTable: 'pgmigrations',
    logger: { info: quiet, warn: quiet, error: quiet, debug: quiet },
  })
}

export const typeorm: Tool = async (dsn, count) => {
  const folder = join(EXAMPLES, 'typeorm/src/migrations')
  const files = (await readdir(folder)).toSorted().slice(0, count)
  const modules = await Promise.all(
    files.map(
      async (name) => (await import(join(folder, name))) as Record<string, new () => MigrationInterface>,
    ),
  )
  const migrations = modules.flatMap((exported) => Object.values(exported))
  const source = new DataSource({ type: 'postgres', url: dsn, migrations })
  await source.initialize()
  try {
    await source.runMigrations()
  } finally {
    await source.destroy()
  }
}

/** It takes seconds. */
let written: Promise<SourceVersion[]> | undefined

/** What `alembic upgrade --sql` writes, its own rows in alembic_version included, as its users pipe it into psql. */
export const alembic: Tool = async (dsn, count) => {
  written ??= openSource({ path: join(EXAMPLES, 'alembic') }).then((source) => source.list())
  for (const { upgradeSql } of (await written).slice(0, count)) {
    const blocks = upgradeSql.split(/^(?:BEGIN|COMMIT);$/m).filter((block) => /^\w/m.test(block))
    for (const block of blocks) await run(dsn, block)
  }
}

export async function run(dsn: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** What is recorded comes to what the real tool brings about: the same example, both ways, compared in the catalogue. */
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect } from 'vitest'
import { openSource, renderRange } from '../../../src/schema/sources/index.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import { knex, nodePgMigrate, sequelize, type Tool, typeorm } from '../../rollout/adopt-tools.ts'
import { createDatabase, test } from '../../support/postgres.ts'
import { EXAMPLES } from './folders.ts'

/** Tables of the tools themselves, with what belongs to them. */
const THEIRS = `'^(knex_migrations|SequelizeMeta|pgmigrations|migrations)'`

const CATALOGUE = `
  select format('column %s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
      pg_get_expr(adbin, adrelid)) as line
    from pg_attribute join pg_class on pg_class.oid = attrelid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
      and relname !~ ${THEIRS}
  union all select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where connamespace = 'public'::regnamespace and conrelid::regclass::text !~ replace(${THEIRS}, '^(', '^"?(')
  union all select format('index %s', indexdef) from pg_indexes where schemaname = 'public' and tablename !~ ${THEIRS}
  union all select format('enum %s %s', enumtypid::regtype, enumlabel) from pg_enum
  union all select format('customer %s %s', name, email) from customers
  order by 1`

async function catalogue(dsn: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  try {
    return (await client.query<{ line: string }>(CATALOGUE)).rows.map(({ line }) => line)
  } finally {
    await client.end()
  }
}

async function apply(dsn: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  try {
    for (const step of stepsOf(sql)) await client.query(step.sql)
  } finally {
    await client.end()
  }
}

describe('recorded, it is as the tool makes it', () => {
  test.for<[string, Tool, number]>([
    ['knex', knex, 3],
    ['sequelize', sequelize, 3],
    ['node-pg-migrate', nodePgMigrate, 3],
    ['typeorm', typeorm, 2],
  ])('%s', async ([example, tool, count], { database }) => {
    const other = await createDatabase('recorded')
    try {
      const source = await openSource({ path: join(EXAMPLES, example) })
      await apply(database.dsn, (await renderRange(source, { target: 'head' })).upgradeSql)
      await tool(other.dsn, count)
      const found = await catalogue(database.dsn)
      expect(found.length).toBeGreaterThan(10)
      expect(found).toEqual(await catalogue(other.dsn))
    } finally {
      await other.drop()
    }
  })
})

/** Schemas as they should be: what is loaded, in which order, and what is refused. */
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { describe, expect } from 'vitest'
import { readSql } from '../../../src/schema/operand/sql-text.ts'
import { readDesiredState } from '../../../src/schema/sources/desired-state.ts'
import { test } from '../../support/postgres.ts'
import { withProgram } from '../../support/programs.ts'
import { errorOf } from '../errors.ts'
import { EXAMPLES, folderWith } from './folders.ts'

/** The relations of a database after `sql`, run as one message as a shadow database would. */
async function relationsAfter(dsn: string, sql: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  try {
    await client.query(sql)
    const { rows } = await client.query<{ name: string }>(
      `select relname as name from pg_catalog.pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'i') order by 1`,
    )
    return rows.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

async function refusal(files: Record<string, string>, name = ''): Promise<string> {
  const folder = await folderWith(files)
  const error = await errorOf(() => readDesiredState(join(folder, name)))
  expect(['source_invalid', 'invalid_input']).toContain(error.code)
  expect(error.facts.nextSteps).toHaveLength(1)
  return error.message.replaceAll(folder, 'FOLDER')
}

test("Rails' structure.sql", async ({ database }) => {
  const state = await readDesiredState(join(EXAMPLES, 'rails/db/structure.sql'))
  expect(state).toMatchObject({ files: ['structure.sql'], versions: ['20260105091200', '20260107140100'] })
  expect(state.sql).not.toMatch(/INSERT INTO|restrict/)
  expect(await relationsAfter(database.dsn, state.sql)).toEqual([
    'customers',
    'customers_pkey',
    'index_customers_on_email',
    'schema_migrations',
    'schema_migrations_pkey',
  ])
})

test('a folder, with includes', async ({ database }) => {
  const state = await readDesiredState(join(EXAMPLES, 'sql/desired-state'))
  expect(state.files).toEqual(['00_types.sql', 'main.sql', 'tables/customers.sql', 'tables/orders.sql'])
  expect(state).not.toHaveProperty('versions')
  expect(await relationsAfter(database.dsn, state.sql)).toEqual([
    'customers',
    'customers_email_key',
    'customers_pkey',
    'order_count',
    'orders',
    'orders_customer_id_idx',
    'orders_pkey',
  ])
})

test('settings of one file do not reach the next', async ({ database }) => {
  const folder = await folderWith({
    '1.sql': "select pg_catalog.set_config('search_path', '', false); create table public.a ()",
    '2.sql': 'create table b ()',
  })
  const { sql } = await readDesiredState(folder)
  expect(await relationsAfter(database.dsn, sql)).toEqual(['a', 'b'])
})

test('quotes of psql commands are theirs; backslashes in strings and comments are no commands', async () => {
  const folder = await folderWith({
    '1.sql': "\\echo it's\n-- \\i x\nselect '\\i y', $$\\i z$$;\n\\set QUIET on\nselect 2",
  })
  const { sql } = await readDesiredState(folder)
  expect(sql).toBe("-- \\i x\nselect '\\i y', $$\\i z$$;\n\nselect 2;\n")
})

test('\\i begins at the folder, else at the file; \\ir at the file', async () => {
  const folder = await folderWith({
    'a/main.sql': "\\ir one.sql\n\\i a/two.sql\n\\i 'three.sql'\n",
    'a/one.sql': 'select 1',
    'a/two.sql': 'select 2',
    'a/three.sql': 'select 3',
  })
  const { sql, files } = await readDesiredState(folder)
  expect(files).toEqual(['a/main.sql', 'a/one.sql', 'a/two.sql', 'a/three.sql'])
  expect(sql).toBe('select 1;\n\nselect 2;\n\nselect 3;\n')
})

describe('refused', () => {
  test.for<[Record<string, string>, string]>([
    [{ 'a.sql': 'select 1;\n\\i ../b.sql' }, 'a.sql, line 2: \\i ../b.sql leads out of FOLDER'],
    [{ 'a.sql': '\\i /etc/passwd' }, 'a.sql, line 1: \\i /etc/passwd leads out of FOLDER'],
    [{ 'a.sql': '\\i b.sql' }, 'a.sql, line 1: \\i b.sql: there is no such file in FOLDER'],
    [
      { 'a.sql': '\\connect x' },
      'a.sql, line 1 has the psql command \\connect, which a schema does not need',
    ],
    [{ 'a.sql': 'create table t (a int);\ncopy t from stdin;\n1\n\\.\n' }, 'a.sql: The COPY … FROM STDIN'],
    [{ 'a.sql': "select '" }, 'a.sql: The SQL has an unterminated string'],
    [{ 'a.txt': '' }, 'FOLDER has no SQL files'],
  ])('%j', async ([files, message]) => {
    expect(await refusal(files)).toContain(message)
  })

  test('a circle', async () => {
    const files = { 'a.sql': '\\i b.sql', 'b.sql': '\\i a.sql', 'main.sql': '\\i a.sql' }
    expect(await refusal(files, 'main.sql')).toContain(
      'main.sql includes a.sql includes b.sql includes a.sql: the files include each other in a circle',
    )
    expect(await refusal({ 'a.sql': '\\i b.sql', 'b.sql': '\\i a.sql' })).toContain('in a circle')
  })

  test('a link that leads out of the folder', async () => {
    const outside = await folderWith({ 'x.sql': 'select 1' })
    const folder = await folderWith({ 'a.sql': '\\i x.sql' })
    await symlink(join(outside, 'x.sql'), join(folder, 'x.sql'))
    const error = await errorOf(() => readDesiredState(folder))
    expect(error.message).toContain('leads out of')
  })

  test('what is not there', async () => {
    expect((await errorOf(() => readDesiredState('nowhere.sql'))).message).toContain('does not exist')
  })
})

withProgram('alembic').describe('the models of SQLAlchemy', () => {
  test('as tables', async ({ database }) => {
    for (const attribute of ['Base', 'Base.metadata']) {
      const state = await readDesiredState(join(EXAMPLES, `sqlalchemy/models.py:${attribute}`))
      expect(state.files).toEqual(['models.py'])
      expect(state.sql.match(/^CREATE \w+ \w+/gm)).toEqual([
        'CREATE TYPE order_status',
        'CREATE TABLE customers',
        'CREATE TABLE orders',
        'CREATE INDEX orders_customer_id_idx',
      ])
    }
    const { sql } = await readDesiredState(join(EXAMPLES, 'sqlalchemy/models.py:Base'))
    expect(await relationsAfter(database.dsn, sql)).toContain('orders_customer_id_idx')
  })

  test('in the SQL of MySQL and of SQLite', async () => {
    const models = join(EXAMPLES, 'sqlalchemy/models.py:Base')
    const texts = async (dialect: 'mysql' | 'sqlite'): Promise<string> =>
      (await readSql(dialect, models)).map(({ text }) => text).join('\n')
    expect(await texts('mysql')).toMatch(
      /id BIGINT NOT NULL AUTO_INCREMENT[^]*status ENUM\('open','closed'\)/,
    )
    const sqlite = await texts('sqlite')
    expect(sqlite).toContain('status VARCHAR(6)')
    const database = new DatabaseSync(':memory:')
    database.exec(sqlite.replaceAll(/\n(?=CREATE)/g, ';\n'))
    expect(
      database.prepare('SELECT count(*) AS n FROM sqlite_schema WHERE sql IS NOT NULL').get(),
    ).toMatchObject({ n: 3 })
  })

  test('a package; what it prints is no matter', async () => {
    const folder = await folderWith({
      'app/__init__.py': '',
      'app/models/__init__.py': 'print("hello")\nfrom ..base import metadata\n',
      'app/base.py':
        'from sqlalchemy import *\nmetadata = MetaData()\nTable("t", metadata, Column("a", Integer))\n',
    })
    const { sql } = await readDesiredState(join(folder, 'app/models:metadata'))
    expect(sql).toContain('CREATE TABLE t')
  })

  test.for<[string, string, string]>([
    ['import nothing_of_this_name', 'Base', "No module named 'nothing_of_this_name'"],
    ['x = 1', 'Base', "module 'models' has no attribute 'Base'"],
    ['from sqlalchemy import MetaData\nm = MetaData()', 'm', 'has no tables'],
  ])('%j is refused', async ([text, attribute, message]) => {
    const folder = await folderWith({ 'models.py': text })
    const error = await errorOf(() => readDesiredState(join(folder, `models.py:${attribute}`)))
    expect(error.code).toBe('source_invalid')
    expect(error.message).toContain(message)
  })
})

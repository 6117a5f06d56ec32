/** Migrations that are programs: what is recorded of them, and what is refused. */
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect } from 'vitest'
import { recordMigrations } from '../../../src/schema/sources/recording/record.ts'
import { openSource, renderRange, type Rendered } from '../../../src/schema/sources/index.ts'
import { test } from '../../support/postgres.ts'
import { errorOf } from '../errors.ts'
import { folderWith } from './folders.ts'

const MODULES = join(import.meta.dirname, '../../../node_modules')

/** A project with these files, and the libraries that this package has for its tests. */
async function projectWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await folderWith({ 'package.json': '{"name":"shop"}', ...files })
  await symlink(MODULES, join(folder, 'node_modules'))
  return folder
}

async function rendered(files: Readonly<Record<string, string>>): Promise<Rendered> {
  return await renderRange(await openSource({ path: await projectWith(files) }), { target: 'head' })
}

async function refusal(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await projectWith(files)
  const error = await errorOf(async () => renderRange(await openSource({ path }), { target: 'head' }))
  expect(error.code).toBe('source_invalid')
  expect(error.facts.nextSteps).toHaveLength(1)
  return error.message.replaceAll(path, 'PROJECT')
}

const lines = (sql: string | null): string[] => (sql ?? '').split('\n').filter((line) => line !== '')

const knexFile = (up: string, down = ''): Record<string, string> => ({
  'migrations/1_a.js': `exports.up = async (knex) => {\n${up}\n}\nexports.down = async (knex) => { ${down} }`,
})
const sequelizeFile = (up: string): Record<string, string> => ({
  'migrations/1-a.js': `module.exports = {\nasync up(queryInterface, Sequelize) {\n${up}\n},\nasync down() {} }`,
})
const typeormFile = (up: string): Record<string, string> => ({
  'migrations/1-a.js': `exports.A1767604320000 = class A1767604320000 {\nasync up(queryRunner) {\n${up}\n}\nasync down() {} }`,
})
const pgmFile = (up: string): Record<string, string> => ({
  'migrations/1-a.js': `exports.up = async (pgm) => {\n${up}\n}\nexports.down = false`,
})

describe('what needs an answer from the database is refused, by file and call', () => {
  const needs = (call: string): string =>
    `line 3 needs an answer from the database, and there is none while its SQL is written: ${call}`
  test.for<[string, Record<string, string>, string]>([
    [
      'knex: hasTable',
      knexFile("\nif (!(await knex.schema.hasTable('t'))) await knex.raw('select 1')"),
      'select * from information_schema.tables where table_name = $1',
    ],
    ['knex: rows', knexFile("\nfor (const t of await knex('t').select('id')) t"), 'select "id" from "t"'],
    ['knex: the first row', knexFile("\nawait knex('t').first()"), 'select * from "t" limit $1'],
    ['knex: rows of raw SQL', knexFile("\nconst { rows } = await knex.raw('select 7')"), 'select 7'],
    [
      'knex: what an insert returned',
      knexFile("\nconst [id] = await knex('t').insert({ a: 1 }).returning('id')"),
      'insert into "t" ("a") values ($1) returning "id"',
    ],
    [
      'sequelize: describeTable',
      sequelizeFile("await queryInterface.describeTable('t')"),
      'SELECT pk.constraint_type as "Constraint"',
    ],
    [
      'sequelize: rows',
      sequelizeFile("const [rows] = await queryInterface.sequelize.query('select 7'); rows.length"),
      'select 7',
    ],
    ['typeorm: createTable', typeormFile('await queryRunner.createTable({})'), 'queryRunner.createTable'],
    ['typeorm: rows', typeormFile("(await queryRunner.query('select 7')).length"), 'select 7'],
    ['typeorm: manager', typeormFile("await queryRunner.manager.find('t')"), 'queryRunner.manager'],
    ['node-pg-migrate', pgmFile("\nawait pgm.db.select('select 7')"), 'pgm.db: select 7'],
  ])('%s', async ([, files, call]) => {
    const message = await refusal(files)
    expect(message).toMatch(/^PROJECT\/migrations\/1[_-]a\.js, line 3 needs an answer from the database/)
    expect(message).toContain(needs(call))
  })

  test('a count of rows that decides what is done', async () => {
    const files = knexFile("if (await knex('t').update({ a: 1 })) await knex.raw('select 1')")
    expect(await refusal(files)).toContain('how many rows a statement changed')
  })

  test('a question whose failure is caught', async () => {
    const files = knexFile("try { await knex('t').first() } catch {}")
    expect(await refusal(files)).toContain('needs an answer from the database')
  })

  test('a count of rows that decides nothing is no matter', async () => {
    const { upgradeSql } = await rendered(knexFile("return knex('t').update({ a: 1 })"))
    expect(lines(upgradeSql)).toEqual([`update "t" set "a" = '1';`])
  })
})

describe('nothing leaves the process', () => {
  test.for<[string, string, string]>([
    [
      'a connection',
      "await new (require('pg').Client)('postgres://127.0.0.1:5999/x').connect()",
      'a connection to 127.0.0.1:5999',
    ],
    ['a request', "await fetch('http://127.0.0.1:5999/')", 'a connection to 127.0.0.1:5999'],
    ['a name', "await require('node:dns').promises.lookup('example.com')", 'a connection'],
    ['a file', "require('node:fs').writeFileSync('x', '')", 'Access to this API has been restricted'],
    ['a program', "require('node:child_process').execSync('true')", 'Access to this API has been restricted'],
    ['the end of the process', 'process.exit(0)', '1_a.js cannot be run: it ended the process'],
  ])('%s is refused', async ([, code, message]) => {
    const refused = await refusal(knexFile(`${code}; await knex.raw('select 1')`))
    expect(refused).toContain('PROJECT/migrations/1_a.js')
    expect(refused).toContain(message)
  })

  test('a migration without an end is ended, by name', async () => {
    const at = join(await projectWith(knexFile('for (;;) {}')), 'migrations')
    const job = { tool: 'knex', dialect: 'postgres', at, files: ['1_a.js'], eachMs: 300 } as const
    const error = await errorOf(() => recordMigrations(job, at))
    expect(error.message).toBe(`${at}/1_a.js cannot be run: it did not end within 0.3 s`)
  })

  test('what is printed goes nowhere', async () => {
    const files = knexFile("console.log('{}'); process.stdout.write('x'); await knex.raw('select 1')")
    expect(lines((await rendered(files)).upgradeSql)).toEqual(['select 1;'])
  })
})

test('a library that is not installed', async () => {
  const path = await folderWith(knexFile(''))
  const error = await errorOf(async () => (await openSource({ path })).list())
  expect(error).toMatchObject({ code: 'program_missing' })
  expect(error.message).toBe(`The library knex, which ${path}/migrations needs, is not installed`)
})

test('a fault in a migration is named with its line', async () => {
  expect(await refusal(knexFile('\nundefined.x'))).toContain(
    'PROJECT/migrations/1_a.js, line 3 cannot be run: TypeError: Cannot read properties of undefined',
  )
})

test('a way back that cannot be recorded is none, with its reason', async () => {
  const files = knexFile("await knex.raw('select 1')", "await knex('t').first()")
  expect(await rendered(files)).toMatchObject({
    downgradeSql: null,
    downgradeMissing: 'There is no way back from 1_a (its way back reads select * from "t" limit $1).',
  })
})

test('values come as they were meant', async ({ database }) => {
  const { upgradeSql } = await rendered(
    knexFile(`
    await knex.raw('create table t (a text, b timestamptz, c jsonb, d text[], e bytea, f boolean, g int, h text)')
    await knex('t').insert({ a: "it's \\\\ $1 ?", b: new Date(0), c: { x: ['"'] }, d: ['a"b', null, '\\\\'],
      e: Buffer.from([0, 255]), f: true, g: -7, h: null })`),
  )
  const client = new pg.Client({ connectionString: database.dsn })
  await client.connect()
  try {
    await client.query(upgradeSql)
    const { rows } = await client.query('select * from t')
    expect(rows).toEqual([
      {
        a: "it's \\ $1 ?",
        b: new Date(0),
        c: { x: ['"'] },
        d: ['a"b', null, '\\'],
        e: Buffer.from([0, 255]),
        f: true,
        g: -7,
        h: null,
      },
    ])
  } finally {
    await client.end()
  }
})

describe('TypeScript and modules', () => {
  test('TypeScript as ts-node takes it: types imported unmarked, enums, files without their ending', async () => {
    const { upgradeSql, revisions } = await rendered({
      'package.json': '{"type":"commonjs"}',
      'src/migrations/1767604320000-A.ts': `
        import { MigrationInterface, QueryRunner } from 'typeorm'
        import names, { prefix, type Kind } from '../names'
        enum Size { Small = 7 }
        export class A1767604320000 implements MigrationInterface {
          constructor(private readonly kind: Kind = 'x') {}
          async up(queryRunner: QueryRunner) {
            const table: string = names.table
            await queryRunner.query(\`select '\${prefix}\${table}\${Size.Small}\${this.kind}' -- \${__dirname.length > 0}\`)
          }
          async down(queryRunner: QueryRunner) {}
        }`,
      'src/names.ts':
        "export type Kind = 'x'\nexport const prefix = 'p_'\nexport default { table: 'orders' }",
    })
    expect(revisions).toEqual(['A1767604320000'])
    expect(upgradeSql).toBe("select 'p_orders7x'; -- true\n")
  })

  test.for<[string, string]>([
    ['1_a.mjs', "export const up = (knex) => knex.raw('select 1')\nexport const down = () => {}"],
    ['1_a.cjs', "exports.up = (knex) => knex.raw('select 1')\nexports.down = () => {}"],
    ['1_a.ts', "exports.up = (knex: any) => knex.raw('select 1')\nexports.down = () => {}"],
    ['1_a.mts', "export default { up: (knex: unknown) => (knex as any).raw('select 1'), down() {} }"],
  ])('%s', async ([name, text]) => {
    expect(lines((await rendered({ [`migrations/${name}`]: text })).upgradeSql)).toEqual(['select 1;'])
  })

  test('a source and what was compiled from it', async () => {
    const text = "exports.up = (knex) => knex.raw('select 1'); exports.down = () => {}"
    expect(await refusal({ 'migrations/1_a.js': text, 'migrations/1_a.ts': text })).toContain(
      '1_a.js and 1_a.ts have the same version number',
    )
  })
})

describe('Knex', () => {
  const raw = (sql: string): string => `exports.up = (knex) => knex.raw('${sql}'); exports.down = () => {}`

  test('several folders, own names, no transaction by default: as the knexfile says', async () => {
    const { upgradeSql, revisions } = await rendered({
      'knexfile.ts': `import type { Knex } from 'knex'
        const config: Knex.Config = {
          client: 'pg',
          migrations: { directory: ['./b', './a'], disableTransactions: true, loadExtensions: ['.mjs', '.js'] },
          wrapIdentifier: (value: string, wrap: (name: string) => string) => wrap(value.toUpperCase()),
          postProcessResponse: (result: { rows: unknown[] }) => result.rows,
        }
        export default config`,
      'a/2.js': raw('select 2'),
      'b/1.js': raw('select 1'),
      'b/3.mjs': "export const up = (knex) => knex('t').insert({ a: 1 })\nexport const down = () => {}",
      'b/4.txt': '',
    })
    expect(revisions).toEqual(['1', '2', '3'])
    expect(lines(upgradeSql).filter((line) => !line.startsWith('-- '))).toEqual([
      'select 1;',
      'select 2;',
      `insert into "T" ("A") values ('1');`,
    ])
    expect(upgradeSql).toMatch(/^-- tenantry: no-transaction\n/)
  })

  test('a transaction inside the migration', async () => {
    const files = knexFile("await knex.transaction((trx) => trx.raw('select 1'))")
    expect(lines((await rendered(files)).upgradeSql)).toEqual([
      'SAVEPOINT trx2;',
      'select 1;',
      'RELEASE SAVEPOINT trx2;',
    ])
    const outside = {
      'migrations/1_a.js': `exports.config = { transaction: false };${files['migrations/1_a.js']}`,
    }
    expect(lines((await rendered(outside)).upgradeSql).slice(1)).toEqual(['BEGIN;', 'select 1;', 'COMMIT;'])
  })

  test('a knexfile without PostgreSQL, or with a source of its own', async () => {
    expect(await refusal({ 'knexfile.js': "module.exports = { development: { client: 'sqlite3' } }" })).toBe(
      'PROJECT/knexfile.js cannot be run: no environment in it has a client of PostgreSQL',
    )
    const own = "module.exports = { client: 'pg', migrations: { migrationSource: {} } }"
    expect(await refusal({ 'knexfile.js': own })).toContain('migrationSource of its own')
  })
})

describe('Sequelize', () => {
  test('an ENUM is made once, a column renamed, without asking', async () => {
    const { upgradeSql } = await rendered(
      sequelizeFile(`await queryInterface.createTable('t', { a: { type: Sequelize.ENUM('x', 'y') } })
        await queryInterface.bulkDelete('t', { a: 'x' })
        await queryInterface.renameColumn('t', 'a', 'b')`),
    )
    expect(upgradeSql).toContain('CREATE TYPE "public"."enum_t_a" AS ENUM')
    expect(upgradeSql).toContain('ALTER TABLE "t" RENAME COLUMN "a" TO "b";')
    const again = sequelizeFile(`const table = { a: { type: Sequelize.ENUM('x') } }
        await queryInterface.createTable('t', table); await queryInterface.createTable('t', table)`)
    expect(await refusal(again)).toContain('SELECT t.typname enum_name')
  })

  test('migrations as umzug 3 calls them', async () => {
    const { upgradeSql } = await rendered({
      'migrations/1-a.mjs': `import { DataTypes } from 'sequelize'
        export const up = async ({ context: queryInterface, name }) =>
          await queryInterface.addColumn('t', name.length > 0 ? 'b' : 'c', { type: DataTypes.TEXT })
        export const down = async ({ context }) => await context.removeColumn('t', 'b')`,
    })
    expect(lines(upgradeSql)).toEqual(['ALTER TABLE "public"."t" ADD COLUMN "b" TEXT;'])
  })

  test('bound values', async () => {
    const files = sequelizeFile(
      `await queryInterface.sequelize.query('update t set a = $a, b = $b', { bind: { b: "it's", a: 2 } })`,
    )
    expect((await rendered(files)).upgradeSql).toBe("update t set a = '2', b = 'it''s';\n")
  })
})

describe('node-pg-migrate', () => {
  test('order of the numbers; a migration without `down` is reversed; shorthands reach those after', async () => {
    const { upgradeSql, downgradeSql, revisions } = await rendered({
      'migrations/10_b.js': "exports.up = (pgm) => pgm.addColumns('t', { at: 'moment' })",
      'migrations/9_a.js':
        "exports.shorthands = { moment: 'timestamptz' }\nexports.up = (pgm) => pgm.createTable('t', { id: 'id' })",
    })
    expect(revisions).toEqual(['9_a', '10_b'])
    expect(upgradeSql).toContain('ADD "at" timestamptz')
    expect(lines(downgradeSql)).toEqual([
      '-- 10_b: b',
      'ALTER TABLE "t"',
      '  DROP "at";',
      '-- 9_a: a',
      'DROP TABLE "t";',
    ])
  })

  test('a project of SQL alone', async () => {
    const { upgradeSql, downgradeSql } = await rendered({
      'package.json': '{"devDependencies":{"node-pg-migrate":"^9.0.0"}}',
      'migrations/1_a.sql': '-- Down Migration\nselect -1;\n-- Up Migration\nselect 1;\n',
    })
    expect(lines(upgradeSql)).toEqual(['-- Up Migration', 'select 1;'])
    expect(lines(downgradeSql)).toEqual(['-- Down Migration', 'select -1;'])
  })
})

test('migrations of two tools side by side', async () => {
  const files = { ...knexFile(''), 'db/migrations/1-a.js': sequelizeFile('')['migrations/1-a.js'] ?? '' }
  expect(await refusal(files)).toBe('PROJECT has migrations of knex and sequelize')
})

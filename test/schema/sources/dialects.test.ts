/** Versions of a folder of SQL files that is not written for PostgreSQL. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateVersion } from '../../../src/schema/generate.ts'
import { mysqlStepsOf } from '../../../src/schema/dialects/mysql/version-steps.ts'
import { getVersion } from '../../../src/schema/versions.ts'
import { readVersion } from '../../../src/schema/version-files.ts'
import { startTestApi, type TestApi } from '../../http/api.ts'
import { testDirectory } from '../../support/directories.ts'

let api: TestApi
let folder: string
beforeAll(async () => {
  api = await startTestApi()
  folder = await testDirectory('sources')
})
afterAll(async () => {
  await api.close()
  await rm(folder, { recursive: true })
})

async function source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(path.join(folder, name))
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(folder, name, file), text)
  return name
}

const generate = (name: string, dialect: 'mysql' | 'sqlite' | undefined, targetRevision = 'head') =>
  generateVersion(
    api.app.control,
    { ...api.app.config, sqlVersionsDir: path.join(folder, 'versions') },
    { description: 'Made', targetRevision, source: name, dialect },
    folder,
  )

const MYSQL = {
  '1_items.up.sql': "CREATE TABLE `items` (`it\\'s` INT) # not a comment elsewhere\n",
  '1_items.down.sql': 'DROP TABLE `items`',
  '2_tidy.up.sql':
    "DELIMITER $$\nCREATE PROCEDURE tidy() BEGIN DELETE FROM items; SELECT 'it\\'s'; END$$\nDELIMITER ;\nCALL tidy();",
  '2_tidy.down.sql': 'DROP PROCEDURE tidy;',
}

test('a folder for MySQL makes a version for MySQL: its statements stay what they were', async () => {
  const { version, revisions } = await generate(await source('mysql', MYSQL), 'mysql')
  expect(revisions).toEqual(['1', '2'])
  expect(version.dialect).toBe('mysql')
  const stored = await getVersion(api.app.control, version.version_id)
  const statements = (sql: string | null): string[] =>
    mysqlStepsOf(sql ?? '').flatMap((step) => step.statements.map((statement) => statement.sql))
  expect(statements(stored.upgrade_sql)).toEqual([
    "CREATE TABLE `items` (`it\\'s` INT)",
    "CREATE PROCEDURE tidy() BEGIN DELETE FROM items; SELECT 'it\\'s'; END",
    'CALL tidy()',
  ])
  expect(statements(stored.downgrade_sql)).toEqual(['DROP PROCEDURE tidy', 'DROP TABLE `items`'])
  const file = await readVersion(path.join(folder, 'versions'), version.version_id)
  expect(file).toMatchObject({ dialect: 'mysql', checksum: version.checksum })
})

test('a folder for SQLite likewise; and one for no dialect that is said is PostgreSQL', async () => {
  const trigger = 'CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a WHERE 0; SELECT 1; END'
  const files = { '1_a.up.sql': 'CREATE TABLE a (b)', '2_t.up.sql': trigger }
  const { version } = await generate(await source('sqlite', files), 'sqlite')
  expect(version.dialect).toBe('sqlite')
  expect(await readFile(path.join(folder, 'versions', version.version_id, 'upgrade.sql'), 'utf8')).toContain(
    trigger,
  )
  const plain = await generate(await source('plain', { '1_a.up.sql': 'create table a (b int)' }), undefined)
  expect(plain.version.dialect).toBe('postgres')
})

test('what no version of the dialect can hold is refused with its file and line', async () => {
  const name = await source('bad', { '1_a.up.sql': 'CREATE TABLE a (b INT);\nUSE mysql;\n' })
  await expect(generate(name, 'mysql')).rejects.toMatchObject({
    code: 'source_invalid',
    message: expect.stringMatching(/1_a\.up\.sql.*Line 2: USE mysql/),
  })
  const lock = 'provider = "postgresql"\n'
  const prisma = await source('prisma', { 'migration_lock.toml': lock })
  await mkdir(path.join(folder, prisma, '20260101000000_a'))
  await writeFile(path.join(folder, prisma, '20260101000000_a', 'migration.sql'), 'create table a (b int);')
  await expect(generate(prisma, 'mysql')).rejects.toThrow(
    /migration_lock.toml is for postgresql, not for MySQL/,
  )
})

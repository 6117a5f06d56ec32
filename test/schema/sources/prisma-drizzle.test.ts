import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openSource, renderRange } from '../../../src/schema/sources/index.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import { errorOf } from '../errors.ts'
import { folderWith } from './folders.ts'

type Files = Record<string, string>

async function refusal(files: Files): Promise<string> {
  const path = await folderWith(files)
  const error = await errorOf(async () => renderRange(await openSource({ path }), { target: 'head' }))
  expect(error.facts.nextSteps).toHaveLength(1)
  return error.message.replaceAll(path, 'FOLDER')
}

describe('Prisma', () => {
  const LOCK = '# Please do not edit\nprovider = "postgresql"\n'

  test('order of the names as text; a down.sql is the way back', async () => {
    const path = await folderWith({
      'migration_lock.toml': LOCK,
      '20260107_b/migration.sql': 'select 2',
      '20260107_b/down.sql': 'select -2',
      '0_init/migration.sql': 'select 1',
      '0_init/down.sql': '-- none',
      '20260110/migration.sql': '',
    })
    expect(await (await openSource({ path })).list()).toMatchObject([
      { revision: '0_init', description: 'init', downgradeSql: null },
      { revision: '20260107_b', description: 'b', upgradeSql: 'select 2', downgradeSql: 'select -2' },
      { revision: '20260110', description: '', upgradeSql: '' },
    ])
  })

  test.each(['', 'migrations', 'prisma/migrations'])('found from above: %j', async (below) => {
    const path = await folderWith({
      [join(below, 'migration_lock.toml')]: LOCK,
      [join(below, '1_a/migration.sql')]: '',
    })
    const source = await openSource({ path })
    expect(source).toMatchObject({ kind: 'prisma', path })
    expect(await source.list()).toHaveLength(1)
  })

  test.each<[Files, string]>([
    [{ 'migration_lock.toml': 'provider = "mysql"' }, 'migration_lock.toml is for mysql, not for PostgreSQL'],
    [{ 'migration_lock.toml': '' }, 'migration_lock.toml is for no known provider'],
    [{ 'migration_lock.toml': LOCK, '1_a/notes.txt': '' }, 'FOLDER/1_a/migration.sql does not exist'],
    [
      { 'migration_lock.toml': LOCK, '1_a/migration.sql': 'select 1;\n/* ' },
      'Revision 1_a (1_a/migration.sql): The SQL has an unterminated comment that begins on line 2',
    ],
  ])('%j is refused', async (files, message) => {
    expect(await refusal(files)).toContain(message)
  })

  test('nothing yet', async () => {
    const path = await folderWith({ 'migration_lock.toml': LOCK })
    const error = await errorOf(async () => renderRange(await openSource({ path }), { target: 'head' }))
    expect(error.code).toBe('invalid_input')
    expect(error.message).toContain('The source has no revisions')
  })

  test('a migration that leads out of the folder', async () => {
    const outside = await folderWith({ 'migration.sql': 'select 1' })
    const path = await folderWith({ 'migration_lock.toml': LOCK })
    await symlink(outside, join(path, '1_a'))
    expect((await errorOf(async () => (await openSource({ path })).list())).message).toContain('leads out of')
  })
})

describe('Drizzle', () => {
  const journal = (entries: object[], dialect = 'postgresql'): string =>
    JSON.stringify({ version: '7', dialect, entries })
  const entry = (idx: number, tag: string, when = idx): object => ({
    idx,
    version: '7',
    when,
    tag,
    breakpoints: true,
  })

  test('order of idx, not of names or of when', async () => {
    const path = await folderWith({
      'meta/_journal.json': journal([entry(2, '0000_c', 1), entry(0, '0002_a', 9), entry(1, '0001_b', 5)]),
      'meta/0000_snapshot.json': '{}',
      '0000_c.sql': 'select 3',
      '0001_b.sql': 'select 2',
      '0002_a.sql': 'select 1',
    })
    const source = await openSource({ path })
    expect((await source.list()).map(({ revision }) => revision)).toEqual(['0002_a', '0001_b', '0000_c'])
    const { upgradeSql, downgradeSql } = await renderRange(source, { target: 'head' })
    expect(stepsOf(upgradeSql)[0]?.statements.map(({ text }) => text)).toEqual([
      'select 1',
      'select 2',
      'select 3',
    ])
    expect(downgradeSql).toBeNull()
  })

  test('a breakpoint ends a statement, semicolon or not; lines stay where they are', async () => {
    const text =
      'select 1--> statement-breakpoint\nselect 2;--> statement-breakpoint\n\n--> statement-breakpoint\nselect 3'
    const path = await folderWith({ 'meta/_journal.json': journal([entry(0, 'a')]), 'a.sql': text })
    const [version] = await (await openSource({ path })).list()
    expect(
      stepsOf(version!.upgradeSql)[0]?.statements.map((statement) => [statement.text, statement.line]),
    ).toEqual([
      ['select 1', 1],
      ['select 2', 2],
      ['select 3', 5],
    ])
  })

  test.each(['drizzle', 'migrations'])('found from above: %s', async (below) => {
    const path = await folderWith({
      [`${below}/meta/_journal.json`]: journal([entry(0, 'a')]),
      [`${below}/a.sql`]: '',
    })
    expect((await openSource({ path })).kind).toBe('drizzle')
  })

  test.each<[Files, string]>([
    [{ 'meta/_journal.json': journal([], 'mysql') }, '_journal.json is for mysql, not for PostgreSQL'],
    [{ 'meta/_journal.json': journal([entry(0, 'a')]) }, 'FOLDER/a.sql does not exist'],
    [{ 'meta/_journal.json': '{' }, '_journal.json is not JSON'],
    [
      { 'meta/_journal.json': '{"dialect":"postgresql"}' },
      '_journal.json is not a journal of Drizzle (entries: ',
    ],
    [{ 'meta/_journal.json': journal([entry(0, '../a')]) }, 'entries.0.tag: is not a file name'],
    [
      { 'meta/_journal.json': journal([entry(0, 'a'), entry(0, 'b')]) },
      'a and b have the same version number',
    ],
    [
      { 'meta/_journal.json': journal([entry(0, 'a'), entry(1, 'a')]) },
      'a and a have the same version number',
    ],
    [
      { 'meta/_journal.json': journal([entry(0, '0000_a')]), '0000_a.sql': '', '0001_b.sql': '' },
      '0001_b.sql is not in meta/',
    ],
    [
      { 'meta/_journal.json': journal([entry(0, 'a')]), 'a.sql': "select 'x" },
      'a.sql: The SQL has an unterminated string',
    ],
  ])('%j is refused', async (files, message) => {
    expect(await refusal(files)).toContain(message)
  })
})

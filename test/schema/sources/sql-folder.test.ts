/** Folders of SQL files: which layout they have, what is read from them, and what is refused. */
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openSource, renderRange, type SourceVersion } from '../../../src/schema/sources/index.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import { errorOf } from '../errors.ts'
import { folderWith } from './folders.ts'

type Files = Record<string, string | Uint8Array>

async function list(files: Files): Promise<SourceVersion[]> {
  return await (await openSource({ path: await folderWith(files) })).list()
}

const revisions = async (files: Files): Promise<string[]> =>
  (await list(files)).map(({ revision }) => revision)

/** The error of listing and rendering the folder: its code and message. */
async function refusal(files: Files): Promise<string> {
  const path = await folderWith(files)
  const error = await errorOf(async () => renderRange(await openSource({ path }), { target: 'head' }))
  expect(error.facts.nextSteps?.length).toBeGreaterThan(0)
  return `${error.code}: ${error.message.replaceAll(path, 'FOLDER')}`
}

const UP = '-- migrate:up\n'
const DOWN = '-- migrate:down\n'
const GOOSE = '-- +goose Up\n'

describe('order and numbers', () => {
  test('by number where the tool goes by number, as text where it goes by text', async () => {
    expect(await revisions({ '9_a.sql': 'select 9', '10_b.sql': 'select 10' })).toEqual(['9', '10'])
    expect(await revisions({ '9_a.up.sql': '', '10_b.up.sql': '' })).toEqual(['9', '10'])
    expect(await revisions({ '9_a.sql': GOOSE, '10_b.sql': GOOSE })).toEqual(['9', '10'])
    expect(await revisions({ '9_a.sql': UP, '10_b.sql': UP })).toEqual(['10', '9'])
    const flyway = {
      'V1_10__a.sql': '',
      'V1.9__b.sql': '',
      'deep/er/V1__c.sql': '',
      'V20260112.1430__d.sql': '',
    }
    expect(await revisions(flyway)).toEqual(['1', '1.9', '1.10', '20260112.1430'])
    const dates = { '2026-01-05_a.sql': '', '2026-01-10-b.sql': '', '2025-12-31.sql': '', '001-2fa.sql': '' }
    expect(await revisions(dates)).toEqual(['001', '2025-12-31', '2026-01-05', '2026-01-10'])
    expect(await revisions({ '99999999999999999999_a.sql': '', '100000000000000000000_b.sql': '' })).toEqual([
      '99999999999999999999',
      '100000000000000000000',
    ])
  })

  test('gaps are allowed, files that are no SQL are left alone', async () => {
    const files = {
      '001_a.sql': '',
      '007_b.sql': '',
      'README.md': '',
      '.gitkeep': '',
      'sums.txt': '',
      'sub/notes.txt': '',
    }
    expect(await revisions(files)).toEqual(['001', '007'])
  })

  test.each<[Files, string]>([
    [{ '1_a.sql': '', '001_b.sql': '' }, '001_b.sql and 1_a.sql'],
    [{ '1_a.up.sql': '', '01_b.up.sql': '' }, '01_b.up.sql and 1_a.up.sql'],
    [{ '1_a.up.sql': '', '1_a.down.sql': '', '1_b.down.sql': '' }, '1_a.down.sql and 1_b.down.sql'],
    [{ '1_a.sql': UP, '1_b.sql': UP }, '1_a.sql and 1_b.sql'],
    [{ '1_a.sql': GOOSE, '01_b.sql': GOOSE }, '01_b.sql and 1_a.sql'],
    [{ 'V1__a.sql': '', 'sub/V1.0__b.sql': '' }, 'V1__a.sql and sub/V1.0__b.sql'],
  ])('the same number twice: %j', async (files, names) => {
    expect(await refusal(files)).toBe(`source_invalid: ${names} have the same version number`)
  })

  test.each<[Files, string]>([
    [{ '1_a.sql': '', '2_b.down.sql': '' }, '2_b.down.sql undoes what is not there'],
    [{ '1_a.up.sql': '', '2_b.down.sql': '' }, '2_b.down.sql undoes what is not there'],
    [{ '2_b.down.sql': '' }, '2_b.down.sql undoes what is not there'],
    [{ 'V1__a.sql': '', 'U2__b.sql': '' }, 'U2__b.sql undoes version 2, which is not there'],
  ])('a way down without the way up: %j', async (files, message) => {
    expect(await refusal(files)).toBe(`source_invalid: ${message}`)
  })
})

describe('dbmate', () => {
  test('parts, lines and options', async () => {
    const text = `-- what it does\n\n${UP}select 1;\n-- migrate:down transaction:false\nvacuum;\nselect 2;\n`
    const [version] = await list({ '20260112143000_do_this.sql': text })
    expect(version).toEqual({
      revision: '20260112143000',
      description: 'do this',
      upgradeSql: 'select 1;',
      downgradeSql: '-- tenantry: no-transaction\nvacuum;\nselect 2;\n',
      upgradeAt: { file: '20260112143000_do_this.sql', line: 4 },
      downgradeAt: { file: '20260112143000_do_this.sql', line: 5 },
    })
  })

  test('an empty way down, as its template has it, is none', async () => {
    const [version] = await list({ '1_a.sql': `${UP}select 1;\n${DOWN}-- later\n;\n` })
    expect(version?.downgradeSql).toBeNull()
    const [nothing] = await list({ '1_a.sql': `${UP}${DOWN}` })
    expect(nothing?.downgradeSql).toBe('')
  })

  test('several pairs run in order and are undone in reverse, each in its own way', async () => {
    const pair = (n: number, options = ''): string =>
      `-- migrate:up${options}\nselect ${n}\n-- migrate:down\nselect -${n}; -- x\n`
    const [version] = await list({ '1_a.sql': pair(1) + pair(2, ' transaction:false') + pair(3) })
    expect(stepsOf(version!.upgradeSql).map(({ kind, sql }) => `${kind} ${sql}`)).toEqual([
      'transaction select 1',
      'single select 2',
      'transaction select 3',
    ])
    expect(stepsOf(version!.downgradeSql!).map(({ sql }) => sql.match(/-\d/g))).toEqual([['-3', '-2', '-1']])
    const [oneWay] = await list({ '1_a.sql': `${pair(1)}${UP}select 2` })
    expect(oneWay?.downgradeSql).toBeNull()
  })

  test.each([
    [`${DOWN}select 1;\n${UP}`, '1_a.sql begins with `-- migrate:down`'],
    [`select 0;\n${UP}select 1;`, '1_a.sql has SQL before its `-- migrate:up`'],
    [`-- migrate:up transaction:maybe\n`, '1_a.sql, line 1: "transaction:maybe" is not an option of dbmate'],
    [`${UP}${DOWN}${DOWN}`, '1_a.sql has two `-- migrate:down` in a row, at line 3'],
    [
      `\n${UP}select 1;\nselect 'x;\n`,
      'Revision 1 (1_a.sql): The SQL has an unterminated string that begins on line 4',
    ],
    [
      `${UP}select 1;\n${DOWN}\nrollback;`,
      'The downgrade of revision 1 (1_a.sql): Line 5: rollback cannot be part',
    ],
    [
      `-- migrate:up transaction:false\n\ncopy t from stdin;`,
      'Revision 1 (1_a.sql): The COPY … FROM STDIN on line 3',
    ],
  ])('%j is refused', async (text, message) => {
    expect(await refusal({ '1_a.sql': text })).toContain(message)
  })
})

describe('goose', () => {
  test('StatementEnd ends a statement; annotations keep the lines', async () => {
    const text = `${GOOSE}-- +goose StatementBegin\nselect 1\n-- +goose StatementEnd\nselect 2;\n-- +goose  down\nselect 3;`
    const [version] = await list({ '00001_a_b.sql': text })
    expect(version).toMatchObject({ revision: '00001', description: 'a b', downgradeSql: 'select 3;' })
    expect(stepsOf(version!.upgradeSql)[0]?.statements.map(({ text: sql, line }) => [sql, line + 1])).toEqual(
      [
        ['select 1', 3],
        ['select 2', 5],
      ],
    )
  })

  test('NO TRANSACTION holds for both ways', async () => {
    const [version] = await list({
      '1_a.sql': `-- +goose NO TRANSACTION\n${GOOSE}select 1;select 2;\n-- +goose Down\nselect 3`,
    })
    expect(stepsOf(version!.upgradeSql).map(({ kind }) => kind)).toEqual(['single', 'single'])
    expect(stepsOf(version!.downgradeSql!).map(({ kind }) => kind)).toEqual(['single'])
  })

  test.each([
    ['-- +goose Down\n', '1_a.sql, line 1: there is no Up before this Down'],
    [GOOSE + GOOSE, '1_a.sql, line 2: there is more than one Up'],
    ['-- +goose NO TRANSACTION\n', '1_a.sql has no `-- +goose Up`'],
    [`select 1;\n${GOOSE}`, '1_a.sql has SQL before its `-- +goose Up`'],
    [`${GOOSE}-- +goose StatementBegin\nselect 1`, '1_a.sql, line 2: StatementBegin is never followed'],
    [`${GOOSE}-- +goose StatementEnd\n`, '1_a.sql, line 2: StatementEnd without'],
    [`${GOOSE}-- +goose ENVSUB ON\n`, '1_a.sql, line 2: `+goose ENVSUB ON` cannot be followed'],
    [
      `${GOOSE}\nselect $$x;`,
      'Revision 1 (1_a.sql): The SQL has an unterminated dollar quote $$ that begins on line 3',
    ],
  ])('%j is refused', async (text, message) => {
    expect(await refusal({ '1_a.sql': text })).toContain(message)
  })
})

describe('Flyway', () => {
  test('placeholders that are meant as they stand', async () => {
    const files = {
      'V1__a.sql': "select '${x}'",
      'V1__a.sql.conf': '# as it is\nplaceholderReplacement = false\nencoding=UTF-8\n',
    }
    expect(await list(files)).toMatchObject([{ upgradeSql: "select '${x}'" }])
  })

  test.each<[Files, string]>([
    [
      { 'V1__a.sql': "select 1;\nselect '${schema}'" },
      'V1__a.sql, line 2: the placeholder ${schema} has no value',
    ],
    [{ 'V1__a.sql': '', 'R__views.sql': '' }, 'R__views.sql is a repeatable migration'],
    [{ 'V2__a.sql': '', 'B1__base.sql': '' }, 'B1__base.sql is a baseline'],
    [{ 'V1__a.sql': '', 'V2_b__c.sql': '' }, 'V2_b__c.sql is not named as Flyway wants it'],
    [{ 'V1__a.sql': '', 'V2__b.java': '' }, 'V2__b.java in FOLDER is a program'],
    [{ 'V1__a.sql': '', 'V1__a.sql.conf': 'shouldExecute=${x}' }, 'V1__a.sql.conf sets shouldExecute=${x}'],
    [{ 'V1__a.sql': '', 'V1__a.sql.conf': 'encoding=latin1' }, 'V1__a.sql.conf sets encoding=latin1'],
    [{ 'V1__a.sql': '', 'afterMigrate.sql': '' }, 'afterMigrate.sql in FOLDER is not named as a migration'],
    [{ 'V1__a.sql': '', 'sub/extra.sql': '' }, 'FOLDER has SQL in sub-folders (sub/extra.sql)'],
    [
      { 'V1__a.sql': 'select 1;\nabort', 'V1__a.sql.conf': 'executeInTransaction=false' },
      'Revision 1 (V1__a.sql): Line 2: abort cannot be part of a version',
    ],
  ])('%j is refused', async (files, message) => {
    expect(await refusal(files)).toContain(`source_invalid: ${message}`)
  })
})

describe('layouts', () => {
  test.each<[Files, string]>([
    [{ '1_a.sql': UP, '2_b.sql': 'select 1' }, 'several layouts: 1_a.sql (dbmate), 2_b.sql (numbered files)'],
    [{ '1_a.sql': UP, '2_b.sql': GOOSE }, 'several layouts: 1_a.sql (dbmate), 2_b.sql (goose)'],
    [
      { '1_a.up.sql': '', 'V1__a.sql': '' },
      'several layouts: 1_a.up.sql (golang-migrate), V1__a.sql (Flyway)',
    ],
    [{ '1_a.up.sql': '', '2b.down.sql': '' }, '2b.down.sql is not named as golang-migrate wants it'],
    [{ '1_a.sql': GOOSE, '2b.sql': GOOSE }, '2b.sql is not named as goose wants it'],
    [{ '1_a.sql': '', 'seed.sql': '' }, 'seed.sql in FOLDER is not named as a migration'],
    [{ '1_a.sql': '', '2_b.js': '' }, '2_b.js in FOLDER is a program'],
    [{ '1_a.sql': GOOSE, '2_b.go': '' }, '2_b.go in FOLDER is a program'],
    [{ '20260112_a.py': '' }, '20260112_a.py in FOLDER is a program'],
    [{ 'README.md': '' }, 'FOLDER has no migrations in any known layout'],
    [{}, 'FOLDER has no migrations in any known layout'],
  ])('%j is refused', async (files, message) => {
    expect(await refusal(files)).toContain(message)
  })

  test('what was looked for is named', async () => {
    const error = await errorOf(async () => openSource({ path: await folderWith({}) }))
    expect(error.facts.nextSteps?.join()).toMatch(
      /alembic\.ini.*migration_lock\.toml.*_journal\.json.*dbmate.*golang-migrate.*Flyway.*goose.*numbered/,
    )
  })

  test('no such path, a kind that is not there, two kinds at once', async () => {
    expect((await errorOf(() => openSource({ path: '' }))).code).toBe('source_invalid')
    expect((await errorOf(() => openSource({ path: '/nowhere/at/all' }))).message).toContain(
      '"/nowhere/at/all" does not exist',
    )
    const path = await folderWith({ '1_a.sql': '', 'alembic.ini': '', 'migration_lock.toml': '' })
    expect((await errorOf(() => openSource({ path, kind: 'drizzle' }))).message).toContain(
      'has no migrations for drizzle',
    )
    expect((await errorOf(() => openSource({ path }))).message).toContain(
      'has migrations of alembic and prisma',
    )
    expect((await openSource({ path, kind: 'sql' })).kind).toBe('sql')
    expect((await errorOf(() => openSource({ path: join(path, '1_a.sql') }))).code).toBe('source_invalid')
  })
})

describe('files that are not to be read', () => {
  test('outside of the folder, through links', async () => {
    const outside = await folderWith({ 'secret.sql': 'select 1', 'deep/V2__b.sql': 'select 2' })
    const path = await folderWith({ '1_a.sql': '' })
    await symlink(join(outside, 'secret.sql'), join(path, '2_b.sql'))
    expect((await errorOf(async () => (await openSource({ path })).list())).message).toContain('leads out of')
    const flyway = await folderWith({ 'V1__a.sql': '' })
    await symlink(join(outside, 'deep'), join(flyway, 'deep'))
    const error = await errorOf(async () => (await openSource({ path: flyway })).list())
    expect(error.message).toContain('is a symbolic link to a folder')
    await rm(join(flyway, 'deep'))
    await symlink(flyway, join(flyway, 'circle'))
    expect((await errorOf(async () => openSource({ path: flyway }))).code).toBe('source_invalid')
  })

  test('a link inside of the folder is fine', async () => {
    const path = await folderWith({ '1_a.sql': 'select 1' })
    await symlink('1_a.sql', join(path, '2_b.sql'))
    const listed = await (await openSource({ path })).list()
    expect(listed.map(({ upgradeSql }) => upgradeSql)).toEqual(['select 1', 'select 1'])
  })

  test('no UTF-8, a link to nothing, too large', async () => {
    expect(await refusal({ '1_a.sql': Uint8Array.of(0x73, 0xe9, 0x20) })).toContain(
      '1_a.sql is not valid UTF-8',
    )
    const path = await folderWith({ '1_a.sql': '' })
    await symlink('gone.sql', join(path, '2_b.sql'))
    expect((await errorOf(async () => (await openSource({ path })).list())).message).toContain(
      '2_b.sql does not exist',
    )
    await rm(join(path, '2_b.sql'))
    await writeFile(join(path, '3_c.sql'), '')
    await truncate(join(path, '3_c.sql'), 64 * 2 ** 20 + 1)
    expect((await errorOf(async () => (await openSource({ path })).list())).message).toContain(
      'at most 64 MB',
    )
  })

  test('a folder named like a file is none', async () => {
    const path = await folderWith({ '1_a.sql': '' })
    await mkdir(join(path, '2_b.sql'))
    expect((await (await openSource({ path })).list()).map(({ revision }) => revision)).toEqual(['1'])
  })
})

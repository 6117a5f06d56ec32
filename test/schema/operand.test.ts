/** What schemas are taken from: told apart, read, loaded; logins; statements and their places. */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { withLogin } from '../../src/schema/operand/login.ts'
import { splitStatements } from '../../src/schema/operand/mysql-statements.ts'
import { parseOperand, withoutPassword } from '../../src/schema/operand/operand.ts'
import { readSql } from '../../src/schema/operand/sql-text.ts'
import { testDirectory } from '../support/directories.ts'
import { errorOf } from './errors.ts'

let directory = ''
beforeAll(async () => {
  directory = await testDirectory('operand')
})
afterAll(() => rm(directory, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

describe('an operand', () => {
  test.each([
    ['-', { type: 'stdin' }],
    ['snapshot:shop@3', { type: 'stored', reference: 'shop@3' }],
    ['postgres://a@b/c', { type: 'database', dialect: 'postgres', url: 'postgres://a@b/c' }],
    ['postgresql://a@b/c', { type: 'database', dialect: 'postgres' }],
    ['mariadb://a@b/c', { type: 'database', dialect: 'mysql' }],
    ['sqlite:some.db', { type: 'database', dialect: 'sqlite' }],
    ['models.py:Base', { type: 'sql', path: 'models.py:Base' }],
  ])('%s', async (text, operand) => {
    expect(await parseOperand(text)).toMatchObject(operand)
  })

  test('a file is what its first bytes say', async () => {
    const file = (name: string): string => path.join(directory, name)
    new DatabaseSync(file('data')).exec('create table a (b)')
    await writeFile(file('empty.db'), '')
    await writeFile(file('schema.txt'), 'create table a (b int);')
    await writeFile(file('snapshot'), '\n{"format": 1}')
    await writeFile(file('empty.json'), '')
    await mkdir(file('folder.json'))
    expect(await parseOperand(file('data'))).toMatchObject({ type: 'database', dialect: 'sqlite' })
    expect(await parseOperand(file('empty.db'))).toMatchObject({ type: 'database', dialect: 'sqlite' })
    await writeFile(file('damaged.db'), Buffer.alloc(4096, 0xff))
    expect(await parseOperand(file('damaged.db'))).toMatchObject({ type: 'database', dialect: 'sqlite' })
    expect(await parseOperand(file('schema.txt'))).toMatchObject({ type: 'sql' })
    expect(await parseOperand(file('snapshot'))).toMatchObject({ type: 'snapshot' })
    expect(await parseOperand(file('empty.json'))).toMatchObject({ type: 'snapshot' })
    expect(await parseOperand(file('folder.json'))).toMatchObject({ type: 'sql' })
  })

  test('another scheme is refused, its password not shown', async () => {
    const error = await errorOf(() => parseOperand('oracle://scott:tiger@db/orcl'))
    expect(error.message).toBe('oracle://scott:***@db/orcl is no database that Tenantry knows.')
    expect((await errorOf(() => parseOperand('nowhere.sql'))).message).toBe('There is no file nowhere.sql.')
  })

  test.each([
    ['postgres://a:b@c/d', 'postgres://a:***@c/d'],
    ['postgres://a:b@x@c/d', 'postgres://a:***@c/d'],
    ['mysql://a@c/d?password=x&y=1', 'mysql://a@c/d?password=***&y=1'],
    ['postgres://a@c:5432/d', 'postgres://a@c:5432/d'],
  ])('%s is shown as %s', (url, shown) => {
    expect(withoutPassword(url)).toBe(shown)
  })
})

describe('a login that the URL leaves out', () => {
  test('comes from the environment', async () => {
    vi.stubEnv('PGUSER', 'ada')
    vi.stubEnv('PGPASSWORD', 'p@ss')
    vi.stubEnv('MYSQL_PWD', 'm:y')
    expect(await withLogin('postgres://db.internal/shop')).toBe('postgres://ada:p%40ss@db.internal/shop')
    expect(await withLogin('postgres://bob:own@db/shop')).toBe('postgres://bob:own@db/shop')
    expect(await withLogin('postgres:///shop')).toBe(
      'postgres://ada:p%40ss@localhost/shop?host=%2Fvar%2Frun%2Fpostgresql',
    )
    expect(await withLogin('postgres://db')).toBe('postgres://ada:p%40ss@db/ada')
    expect(await withLogin('mysql://root@db/shop')).toBe('mysql://root:m%3Ay@db/shop')
    expect(await withLogin('sqlite:a.db')).toBe('sqlite:a.db')
  })

  test('comes from the password file, unless others can read it', async () => {
    const file = path.join(directory, 'pgpass')
    await writeFile(file, '# mine\nelsewhere:*:*:*:no\ndb:5433:shop:ada:one\n*:*:*:ada:t\\:wo\\\\\n')
    await chmod(file, 0o600)
    vi.stubEnv('PGPASSWORD', undefined)
    vi.stubEnv('PGPASSFILE', file)
    expect(await withLogin('postgres://ada@db:5433/shop')).toBe('postgres://ada:one@db:5433/shop')
    expect(await withLogin('postgres://ada@db/shop')).toBe('postgres://ada:t%3Awo%5C@db/shop')
    expect(await withLogin('postgres://bob@db/shop')).toBe('postgres://bob@db/shop')
    await chmod(file, 0o644)
    expect(await withLogin('postgres://ada@db/shop')).toBe('postgres://ada@db/shop')
  })
})

describe('SQL with its places', () => {
  test('statements know their files and lines, in a folder as well', async () => {
    const folder = path.join(directory, 'sql')
    await mkdir(path.join(folder, 'more'), { recursive: true })
    await writeFile(
      path.join(folder, '1.sql'),
      '-- first\ncreate table a (\n  b int\n);\ncreate table c (d int);',
    )
    await writeFile(path.join(folder, 'more/2.sql'), '\n\ncreate view e as\nselect 1;\n')
    for (const dialect of ['postgres', 'sqlite', 'mysql'] as const) {
      const places = (await readSql(dialect, folder)).map(({ place }) => path.relative(folder, place))
      expect(places).toEqual(['1.sql:2', '1.sql:5', 'more/2.sql:3'])
    }
  })

  test.each(['1_items.down.sql', 'U1__items.sql'])('a folder of migrations says so: %s', async (name) => {
    const folder = path.join(directory, `migrations-${name}`)
    await mkdir(folder)
    await writeFile(path.join(folder, '0_items.sql'), 'create table items (id integer)')
    await writeFile(path.join(folder, name), 'drop table items')
    await expect(readSql('postgres', folder)).rejects.toThrow(`migrations: ${name} takes away`)
  })

  test('an empty folder says so', async () => {
    const folder = path.join(directory, 'nothing')
    await mkdir(folder)
    expect((await errorOf(() => readSql('sqlite', folder))).message).toMatch(/has no SQL files/)
  })
})

describe('statements for MySQL', () => {
  test.each<[string, string, string[]]>([
    ['comments', '-- a;b\n# c;d\n/* e;f */ select 1; select 2 -- g', ['select 1', 'select 2']],
    ['a minus is no comment', 'select 5--2', ['select 5--2']],
    [
      'quotes',
      "select 'a;''b\\';', \"c;\", `d;``e`; select 2",
      ["select 'a;''b\\';', \"c;\", `d;``e`", 'select 2'],
    ],
    [
      'hints are part of it',
      '/*!40101 SET NAMES utf8 */; /*M! select 1 */;',
      ['/*!40101 SET NAMES utf8 */', '/*M! select 1 */'],
    ],
    [
      'delimiters',
      'delimiter $$\ncreate trigger t before insert on a for each row begin set @a = 1; end$$\nDELIMITER ;\nselect 1;',
      ['create trigger t before insert on a for each row begin set @a = 1; end', 'select 1'],
    ],
    [
      'bodies without a delimiter',
      'create procedure p() begin if 1 then select 1; end if; case 1 when 1 then select case 1 when 1 then 2 end; end case; loop select 1; end loop; end; select 3',
      [
        'create procedure p() begin if 1 then select 1; end if; case 1 when 1 then select case 1 when 1 then 2 end; end case; loop select 1; end loop; end',
        'select 3',
      ],
    ],
    ['a transaction is no body', 'begin; select 1; commit', ['begin', 'select 1', 'commit']],
    ['nothing', ' ; -- x\n;', []],
    ['a quote without an end', "select 'a; b", ["select 'a; b"]],
  ])('%s', (_name, sql, statements) => {
    expect(splitStatements(sql)).toEqual(statements)
  })
})

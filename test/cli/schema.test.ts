/** `tenantry schema` and `tenantry snapshot` as programs: no control database, no server of ours beside them. */
import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { adminClient, adminQuery, createDatabase, sharedServer } from '../support/postgres.ts'
import { programPath, withProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { Running, STARTER, tenantry, type Ended } from './tenantry.ts'

const exec = promisify(execFile)

let directory = ''
const run = (args: readonly string[], input = ''): Promise<Ended> =>
  tenantry(args, { cwd: directory, input, env: { XDG_CACHE_HOME: path.join(directory, 'cache') } })
const schema = (...args: string[]): Promise<Ended> => run(['schema', ...args])
const file = (name: string): string => path.join(directory, name)

const LITE_A = `
create table customers (id integer primary key, email text not null unique);
create table orders (id integer primary key, note text, total int);
create index orders_total on orders (total);
`
const LITE_B = `
create table customers (id integer primary key, email text not null unique, name text);
create table orders (id integer primary key, total int);
create index orders_total on orders (total, id);
create trigger tidy after delete on customers begin delete from orders where id = old.id; end;
`

beforeAll(async () => {
  directory = await testDirectory('schema')
  await writeFile(file('a.sql'), LITE_A)
  await writeFile(file('b.sql'), LITE_B)
  for (const name of ['a', 'b']) {
    const ended = await schema('inspect', `${name}.sql`, '--dialect', 'sqlite', '--out', `${name}.json`)
    expect(ended.stderr).toMatch(/^[ab]\.json: \d+ objects, fingerprint [0-9a-f]{64}\n$/)
  }
})
afterAll(() => rm(directory, { recursive: true }))

describe('diff', () => {
  test('says what differs, object by object, property by property', async () => {
    const { code, stdout, stderr } = await schema('diff', 'a.json', 'b.json')
    expect(code).toBe(0)
    expect(stderr).toBe('2 created, 1 dropped, 1 altered, from a.json to b.json\n')
    expect(stdout).toMatch(/^ {2}table customers\n {4}\+ column name {2}type text\n {4}\+ trigger tidy/)
    expect(stdout).toMatch(/\n {2}table orders\n {4}- column note\n {4}~ index orders_total\n/)
    expect(stdout).toMatch(/definition: .*total.* → .*total.*id/)
  })

  test('exit codes: 6 for differences only where asked', async () => {
    expect((await schema('diff', 'a.json', 'b.json', '--exit-code')).code).toBe(6)
    const equal = await schema('diff', 'a.sql', 'a.json', '--exit-code')
    expect(equal).toMatchObject({ code: 0, stdout: 'Equal: a.sql and a.json\n' })
  })

  test('as JSON', async () => {
    const { stdout } = await schema('diff', 'a.json', 'b.json', '-o', 'json')
    expect((await schema('diff', 'a.json', 'b.json', '--format', 'json')).stdout).toBe(stdout)
    const body = JSON.parse(stdout) as { equal: boolean; changes: { type: string; id: string }[] }
    expect(body).toMatchObject({ equal: false, from: { label: 'a.json', dialect: 'sqlite' } })
    expect(body.changes.map(({ type, id }) => `${type} ${id}`)).toContain('drop column:orders.note')
  })

  test('standard input is one of the two', async () => {
    const snapshot = await run(
      ['schema', 'diff', 'b.json', '-', '--exit-code'],
      await readFile(file('b.json'), 'utf8'),
    )
    expect(snapshot.code).toBe(0)
    expect((await run(['schema', 'diff', 'b.json', '-', '--exit-code'], LITE_B)).code).toBe(0)
    expect((await schema('diff', '-', '-')).code).toBe(2)
  })
})

describe('plan', () => {
  test('in words, with what must be allowed', async () => {
    const { code, stdout } = await schema('plan', '--from', 'a.json', '--to', 'b.json')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^transaction 1\n {2}1 {2}\S/)
    expect(stdout).toMatch(/! data-loss: /)
    expect(stdout).toMatch(/\nTo run it, allow by name what it does: --allow \S*data-loss/)
    const allowed = await schema('plan', '--from', 'a.json', '--to', 'b.json', '--allow', 'all')
    expect(allowed.stdout).not.toMatch(/--allow/)
  })

  test('as SQL nothing is written that loses data unasked', async () => {
    const refused = await schema('plan', '--from', 'a.json', '--to', 'b.json', '--format', 'sql')
    expect(refused).toMatchObject({ code: 5, stdout: '' })
    expect(refused.stderr).toMatch(/it would lose data: .*note/)
    const unknown = await schema('plan', '--from', 'a.json', '--to', 'b.json', '--allow', 'dataloss')
    expect(unknown).toMatchObject({ code: 2, stdout: '' })
    const nothing = await schema('plan', '--from', 'a.json', '--to', 'a.sql', '--format', 'sql')
    expect(nothing).toMatchObject({ code: 0, stdout: '-- The schemas are equal: there is nothing to do.\n' })
  })

  test('kept, run, and not run twice or elsewhere', async () => {
    await makeLite('target.db', LITE_A)
    await makeLite('elsewhere.db', 'create table other (id int)')
    const planned = await schema(
      'plan',
      '--from',
      'target.db',
      '--to',
      'b.sql',
      '--format',
      'json',
      '--out',
      'plan.json',
    )
    expect(planned).toMatchObject({ code: 0, stdout: '' })
    const apply = (...args: string[]): Promise<Ended> => schema('apply', 'plan.json', '-y', ...args)
    const unallowed = await apply('--to', 'sqlite:target.db')
    expect(unallowed.code).toBe(5)
    expect(unallowed.stderr).toMatch(/--allow data-loss/)
    expect(await apply('--to', 'sqlite:elsewhere.db', '--allow', 'all')).toMatchObject({ code: 5 })
    expect(await apply('--to', 'sqlite:target.db', '--allow', 'all')).toMatchObject({ code: 0 })
    expect((await schema('diff', 'target.db', 'b.sql', '--exit-code')).code).toBe(0)
    expect(await apply('--to', 'sqlite:target.db', '--allow', 'all')).toMatchObject({ code: 0 })
    expect((await schema('apply', 'a.json', '--to', 'sqlite:target.db', '-y')).stderr).toMatch(/not a plan/)
  })

  test('proved on a copy, rows included', async () => {
    await writeFile(file('seed.sql'), "insert into customers values (1, 'a@b.c');")
    const proved = await schema(
      'prove',
      '--from',
      'a.sql',
      '--to',
      'b.json',
      '--seed',
      'seed.sql',
      '--format',
      'json',
      '--dialect',
      'sqlite',
    )
    expect(proved.stderr).toMatch(/Proved: /)
    const plan = JSON.parse(proved.stdout) as { target: string; steps: { after: string | null }[] }
    expect(plan.steps.at(-1)?.after).toBe(plan.target)
  })

  test('renames that are told keep what is there', async () => {
    await writeFile(file('r1.sql'), 'create table a (id integer primary key, old_name text);')
    await writeFile(file('r2.sql'), 'create table a (id integer primary key, new_name text);')
    const ends = ['--from', 'r1.sql', '--to', 'r2.sql', '--dialect', 'sqlite']
    const guess = await schema('plan', ...ends)
    expect(guess.stderr).toMatch(/--rename column:a\.old_name=new_name/)
    expect(guess.stdout).toMatch(/data-loss/)
    const told = await schema('plan', ...ends, '--rename', 'a.old_name=new_name', '--format', 'sql')
    expect(told.stdout).toMatch(/RENAME COLUMN/i)
    expect((await schema('plan', ...ends, '--rename', 'nothing=x')).code).toBe(2)
    // A difference is told as the plan will treat it, and takes the same options.
    const diff = (...rest: string[]) => schema('diff', 'r1.sql', 'r2.sql', '--dialect', 'sqlite', ...rest)
    expect((await diff()).stdout).toBe('  table a\n    + column new_name  type text\n    - column old_name\n')
    const renamed = await diff('--rename', 'a.old_name=new_name', '--exit-code')
    expect(renamed).toMatchObject({ code: 6, stdout: '  table a\n    ~ column new_name (was old_name)\n' })
    expect((await diff('--rename', 'a.old_name=new_name', '--format', 'sql')).stdout).toMatch(
      /RENAME COLUMN/i,
    )
    for (const wrong of [
      ['--rename', 'nothing=x'],
      ['--rename', 'a.old_name'],
      ['--allow', 'data_loss'],
      ['--sql', '--format', 'json'],
    ])
      expect([wrong, await diff(...wrong)]).toMatchObject([wrong, { code: 2, stdout: '' }])
  })
})

test('two changes of one schema go together, or are named where they conflict', async () => {
  await writeFile(file('one.sql'), LITE_A.replace('note text', 'note text, paid date'))
  await writeFile(file('two.sql'), LITE_A.replace('total int', 'total int, sent date'))
  await writeFile(file('three.sql'), LITE_A.replace('total int', 'total real'))
  await writeFile(file('four.sql'), LITE_A.replace('total int', 'total text'))
  const merge = (...rest: string[]) => schema('diff3', 'a.json', ...rest, '--out', 'merged.json')
  expect(await merge('one.sql', 'two.sql')).toMatchObject({
    code: 0,
    stdout: '  table orders\n    + column paid  type date\n    + column sent  type date\n',
    stderr: expect.stringMatching(
      /^Both together: 2 created, no conflict\nmerged\.json: 13 objects, fingerprint /,
    ) as string,
  })
  await writeFile(file('both.sql'), LITE_A.replace('note text', 'note text, paid date, sent date'))
  expect((await schema('diff', 'merged.json', 'both.sql', '--exit-code')).code).toBe(0)
  const conflict = await merge('three.sql', 'four.sql')
  expect(conflict).toMatchObject({ code: 5, stdout: expect.stringContaining('type: int → real') as string })
  expect(conflict.stderr).toContain(
    'conflict: column:orders.total: ours sets type to "real", theirs sets type to "text"\nmerged.json is not written.\n',
  )
  const body = JSON.parse(
    (await schema('diff3', 'a.json', 'three.sql', 'four.sql', '-o', 'json')).stdout,
  ) as object
  expect(body).toMatchObject({
    clean: false,
    conflicts: [{ id: 'column:orders.total', properties: ['type'] }],
  })
})

withProgram('sqlite3').test('the SQL runs with sqlite3', async () => {
  await makeLite('script.db', LITE_A)
  await exec('sqlite3', [file('script.db'), "insert into customers values (1, 'it''s me')"])
  const ends = [
    '--from',
    'script.db',
    '--to',
    'b.json',
    '--format',
    'sql',
    '--allow',
    'all',
    '--out',
    'lite.sql',
  ]
  expect((await schema('plan', ...ends)).code).toBe(0)
  await exec('sh', ['-c', 'sqlite3 script.db < lite.sql'], { cwd: directory })
  expect((await schema('diff', 'script.db', 'b.json', '--exit-code')).code).toBe(0)
  const { stdout } = await exec('sqlite3', [file('script.db'), 'select * from customers'])
  expect(stdout).toBe("1|it's me|\n")
})

async function makeLite(name: string, sql: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(file(name))
  database.exec(sql)
  database.close()
}

describe('what a new user meets', () => {
  test.each<[string, string[], number, RegExp]>([
    ['a file that is not there', ['diff', 'a.json', 'nowhere.sql'], 2, /There is no file nowhere\.sql/],
    [
      'a wrong scheme',
      ['inspect', 'mongodb://me:secret@db/x'],
      2,
      /mongodb:\/\/me:\*\*\*@db\/x is no database/,
    ],
    ['nobody at the address', ['inspect', 'postgres://me:secret@127.0.0.1:1/x'], 1, /127\.0\.0\.1:1/],
    ['a SQLite file that is not there', ['inspect', 'sqlite:nowhere.db'], 1, /nowhere\.db/],
    ['SQL for MySQL and no server', ['inspect', 'a.sql', '--dialect', 'mysql'], 2, /--scratch mysql/],
    ['an unknown style', ['plan', '--from', 'a.json', '--to', 'b.json', '--style', 'x'], 2, /--style/],
    ['a store without it', ['inspect', 'snapshot:shop'], 1, /no snapshot shop in snapshots/],
  ])('%s', async (_name, args, code, message) => {
    const ended = await schema(...args)
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toMatch(message)
    expect(ended.stderr).not.toMatch(/secret| at .*\.ts/)
  })

  test('SQL that its database refuses, with file and line', async () => {
    await writeFile(file('bad.sql'), 'create table a (b int);\n\ncreate table c (\n  d int\n) wrong;\n')
    const lite = await schema('inspect', 'bad.sql', '--dialect', 'sqlite')
    expect(lite.code).toBe(2)
    expect(lite.stderr).toMatch(/bad\.sql:3: unknown table option: wrong/)
    const postgres = await schema('inspect', 'bad.sql')
    expect(postgres.code).toBe(2)
    expect(postgres.stderr).toMatch(/bad\.sql:3: syntax error at or near "wrong"/)
    expect(postgres.stderr).toMatch(/SQLSTATE 42601/)
  })

  test('schemas of different databases, edited and newer snapshots', async () => {
    await writeFile(file('pg.sql'), 'create table a (b int);')
    const text = await readFile(file('a.json'), 'utf8')
    await writeFile(file('edited.json'), text.replace('orders_total', 'orders_totals'))
    await writeFile(file('newer.json'), text.replace('"format": 1', '"format": 7'))
    const json = await schema('inspect', 'pg.sql', '--out', 'pg.json')
    expect(json.code).toBe(0)
    expect((await schema('diff', 'a.json', 'pg.json')).stderr).toMatch(
      /a\.json is sqlite and pg\.json is postgres/,
    )
    expect((await schema('diff', 'a.json', 'edited.json')).stderr).toMatch(
      /edited\.json was edited \(index:\S*orders_totals\): it says/,
    )
    expect((await schema('diff', 'a.json', 'newer.json')).stderr).toMatch(/format 7/)
  })
})

describe('snapshot', () => {
  test.each(['kept', 'git:repository'])('in %s', async (store) => {
    const snapshot = (...args: string[]): Promise<Ended> => run(['snapshot', ...args, '--store', store])
    const first = await snapshot('put', 'shop', 'a.json', '-m', 'The first', '-o', 'json')
    expect(JSON.parse(first.stdout)).toMatchObject({ name: 'shop', number: 1, message: 'The first' })
    const again = await snapshot('put', 'shop', 'a.sql', '--dialect', 'sqlite')
    expect(again.stderr).toMatch(/already: nothing was stored/)
    await snapshot('put', 'shop', 'b.json')
    expect((await snapshot('list')).stdout).toMatch(/^NAME .*\nshop +2 +sqlite/)
    expect((await snapshot('history', 'shop', '-o', 'name')).stdout).toBe('shop@2\nshop@1\n')
    expect((await snapshot('show', 'shop@1')).stdout).toBe(await readFile(file('a.json'), 'utf8'))
    expect(await snapshot('diff', 'shop@1', 'shop', '--exit-code')).toMatchObject({ code: 6 })
    const ends = ['diff', 'snapshot:shop', 'b.sql', '--exit-code', '--store', store]
    expect((await schema(...ends)).code).toBe(0)
  })

  test('in the control database', async () => {
    const database = await createDatabase('stored')
    const { openControl } = await import('../../src/control/control.ts')
    const { migrateControl } = await import('../../src/control/migrate.ts')
    const control = openControl({ url: database.dsn })
    await migrateControl(control)
    await control.close()
    const snapshot = (...args: string[]): Promise<Ended> =>
      tenantry(['snapshot', ...args, '--store', 'control'], {
        cwd: directory,
        env: { DATABASE_URL: database.dsn },
      })
    expect((await snapshot('put', 'shop', 'a.json')).code).toBe(0)
    expect((await snapshot('list', '-o', 'name')).stdout).toBe('shop@1\n')
    expect((await run(['snapshot', 'list', '--store', 'control'])).code).not.toBe(0)
    await database.drop()
  })
})

test('a folder of SQL for PostgreSQL, roles that it names included, is loaded into a server of its own', async () => {
  await writeFile(
    file('roles.sql'),
    'create table t (a int);\nbegin;\ngrant select on t to reader_of_nothing;\ncommit;\n',
  )
  const ended = await schema('inspect', 'roles.sql', '-o', 'name')
  expect(ended).toMatchObject({ code: 0 })
  expect(ended.stdout).toMatch(/^[0-9a-f]{64}\n$/)
  expect((await schema('inspect', 'roles.sql', '-o', 'name')).stdout).toBe(ended.stdout)
})

withProgram('psql').test('the SQL runs with psql', async () => {
  const database = await createDatabase('script')
  await writeFile(
    file('pa.sql'),
    'create table t (id bigint primary key, old text); create view v as select id from t;',
  )
  await writeFile(
    file('pb.sql'),
    `create table t (id bigint primary key, name varchar(20) not null default 'it''s; --');
     create index on t (name);
     create function f() returns int language sql as $$ select 1; -- one $$;`,
  )
  const { host, port, user, password } = sharedServer()
  const env = { PATH: process.env['PATH'] ?? '', PGPASSWORD: password }
  const place = ['-h', host, '-p', String(port), '-U', user, '-d', database.name]
  const psql = (...args: string[]) =>
    exec(programPath('psql'), ['-X', ...place, ...args], { env, cwd: directory })
  await psql('-f', 'pa.sql')
  const ends = [
    '--from',
    database.dsn,
    '--to',
    'pb.sql',
    '--format',
    'sql',
    '--allow',
    'all',
    '--out',
    'p.sql',
  ]
  expect(await schema('plan', ...ends)).toMatchObject({ code: 0 })
  await psql('-f', 'p.sql')
  expect((await schema('diff', database.dsn, 'pb.sql', '--exit-code')).code).toBe(0)

  // Its exit code when it stops at an error; it goes on and ends with 0 otherwise.
  await writeFile(file('unique.sql'), 'create table t (id bigint primary key, name varchar(20) unique);')
  expect(await schema('plan', ...ends.with(3, 'unique.sql'))).toMatchObject({ code: 0 })
  await adminQuery(`insert into t (id, name) values (1, 'twice'), (2, 'twice')`, database.name)
  await expect(psql('-f', 'p.sql')).rejects.toMatchObject({ code: 3 })
  await database.drop()
})

test.each([
  ['SIGKILL', /^(?:[\d.]+ s {2}.*\n)*$/],
  ['SIGINT', /Run the same command again: it goes on where it stands\./],
] as const)(
  'apply, ended by %s within a statement: the server ends that soon, and the next run goes on there',
  async (signal, said) => {
    const [from, to] = [await createDatabase('ended'), await createDatabase('ended')]
    await adminQuery('create table readings (value integer)', from.name)
    await adminQuery('create table readings (value integer, note text)', to.name)
    await adminQuery('create index on readings (value)', to.name)
    const plan = ['--from', from.dsn, '--to', to.dsn, '--format', 'json', '--out', 'ended.json']
    expect(await schema('prove', ...plan)).toMatchObject({ code: 0 })
    const reader = await adminClient(from.name)
    await reader.query('begin isolation level repeatable read; select from pg_class')
    const building = async (): Promise<boolean> => {
      const found = await adminQuery(
        `select from pg_stat_activity where datname = '${from.name}' and wait_event = 'virtualxid'`,
      )
      return found.length > 0
    }
    const apply = ['schema', 'apply', 'ended.json', '--to', from.dsn, '-y']
    const running = new Running(apply, { cwd: directory })
    await until(building, { what: 'the build to wait for the reader' })
    // What takes long is said, also to those who read a file.
    if (signal === 'SIGINT') await running.says(/^[\d.]+ s {2}step 2 of 2: CREATE INDEX CONCURRENTLY /m)
    running.kill(signal)
    const { stderr } = await running.ended
    expect(stderr).toMatch(said)
    await until(async () => !(await building()), { what: 'the server to notice' })
    await reader.end()
    expect(await run(apply)).toMatchObject({ code: 0 })
    expect(await schema('diff', from.dsn, to.dsn, '--exit-code')).toMatchObject({ code: 0 })
    await Promise.all([from.drop(), to.drop()])
  },
)

test('what is found and not compared is said, also where all else is equal', async () => {
  const [one, other] = [await createDatabase('unsaid'), await createDatabase('unsaid')]
  for (const { name } of [one, other])
    await adminQuery('create table t (id integer); create index i on t (id)', name)
  await adminQuery('create index half on t (id)', one.name)
  await adminQuery(`update pg_index set indisvalid = false where indexrelid = 'half'::regclass`, one.name)
  const said = await schema('diff', other.dsn, one.dsn, '--exit-code')
  expect(said).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Equal: /) as string })
  expect(said.stderr).toMatch(/^not compared: index public.half: The index is invalid.* \(only in .*\)\n$/)
  const ends = ['--from', other.dsn, '--to', one.dsn]
  expect((await schema('plan', ...ends)).stdout).toMatch(/^Nothing to do: [^]*index public.half: /)
  expect((await schema('plan', ...ends, '--format', 'sql')).stdout).toMatch(
    /\n-- Not looked at: index public.half/,
  )
  await Promise.all([one.drop(), other.drop()])
})

test('a result that cannot be written is a failure in words', async () => {
  const command = `${process.execPath} ${STARTER} schema inspect a.json > /dev/full`
  await expect(exec('sh', ['-c', command], { cwd: directory })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: The result cannot be written: ENOSPC[^\n]*\n$/) as string,
  })
})

test('rows of a seed go where anybody would put them, and must survive', async () => {
  const [from, to] = [await createDatabase('seed'), await createDatabase('seed')]
  await adminQuery('create table kept (id integer, name text); create table gone (id integer)', from.name)
  await adminQuery('create table kept (id integer, name text not null)', to.name)
  const prove = async (seed: string): Promise<Ended> => {
    await writeFile(file('rows.sql'), seed)
    return schema('prove', '--from', from.dsn, '--to', to.dsn, '--seed', 'rows.sql', '--allow', 'all')
  }
  expect(await prove(`insert into kept values (1, 'a')`)).toMatchObject({ code: 0 })
  const fails = await prove('insert into kept values (1, null)')
  expect(fails).toMatchObject({ code: 5, stderr: expect.stringMatching(/null values/) as string })
  const none = await prove('insert into nobody values (1)')
  expect(none.stderr).toMatch(/^error: The seed fails: relation "nobody" does not exist – insert into nobody/)
  await Promise.all([from.drop(), to.drop()])
})

test('a plan that was not proved cannot go on, and says so', async () => {
  const [from, to] = [await createDatabase('half'), await createDatabase('half')]
  await adminQuery('create table readings (value integer); insert into readings values (1)', from.name)
  await adminQuery('create table readings (value integer, note text)', to.name)
  await adminQuery('create index on readings (value)', to.name)
  const plan = ['--style', 'online', '--format', 'json', '--out', 'half.json']
  expect(await schema('plan', '--from', from.dsn, '--to', to.dsn, ...plan)).toMatchObject({ code: 0 })
  await adminQuery('alter table readings add column note text', from.name)
  const ended = await schema('apply', 'half.json', '--to', from.dsn, '-y')
  expect(ended.code).toBe(5)
  expect(ended.stderr).toContain('Or a run of it was interrupted: a plan that was not proved does not know')
  await Promise.all([from.drop(), to.drop()])
})

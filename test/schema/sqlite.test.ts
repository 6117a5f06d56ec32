/** The SQLite dialect on its own: renames, hazards, what a rebuild keeps, locks, files that cannot be used. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { isSqliteUrl, scriptOf, sqlite } from '../../src/schema/dialects/sqlite/index.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import type { RenameHint } from '../../src/schema/diff/renames.ts'
import { executePlan, type Execution } from '../../src/schema/execute.ts'
import { HAZARDS, type HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { provePlan } from '../../src/schema/prove.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { sqliteFolder } from '../support/sqlite.ts'

const ALL = Object.keys(HAZARDS) as HazardName[]

function makeFile(file: string, script: string): string {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  database.exec(script)
  database.close()
  return file
}

function rowsIn(file: string, sql: string): unknown[] {
  const database = new DatabaseSync(file)
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row))
  } finally {
    database.close()
  }
}

async function withSession<T>(file: string, work: (session: SchemaSession) => Promise<T>): Promise<T> {
  const session = await sqlite.connect(`sqlite:${file}`)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

const inspect = (file: string): Promise<Snapshot> => withSession(file, (session) => sqlite.inspect(session))

interface Pair {
  readonly file: string
  readonly source: Snapshot
  readonly target: Snapshot
  readonly plan: Plan
}

async function pair(from: string, to: string, hints: readonly RenameHint[] = []): Promise<Pair> {
  const folder = sqliteFolder()
  const file = makeFile(path.join(folder, 'tenant.db'), from)
  const source = await inspect(file)
  const target = await inspect(makeFile(path.join(folder, 'target.db'), to))
  return { file, source, target, plan: makePlan(sqlite, source, target, {}, hints) }
}

function execute(file: string, plan: Plan, allow: readonly HazardName[] = ALL): Promise<Execution> {
  return withSession(file, (session) => executePlan(sqlite, session, plan, { allow, lockRetries: 0 }))
}

test('a renamed table and column keep their rows, and what names them follows', async () => {
  const { file, target, plan } = await pair(
    `CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT);
     CREATE TABLE post (author INTEGER REFERENCES users (id));
     CREATE INDEX by_name ON users (username) WHERE username <> '';
     CREATE VIEW names AS SELECT username FROM users;
     CREATE TRIGGER post_ai AFTER INSERT ON post BEGIN UPDATE users SET username = upper(username); END;
     INSERT INTO users VALUES (1, 'ada'); INSERT INTO post VALUES (1);`,
    `CREATE TABLE account (id INTEGER PRIMARY KEY, handle TEXT);
     CREATE TABLE post (author INTEGER REFERENCES account (id));
     CREATE INDEX by_name ON account (handle) WHERE handle <> '';
     CREATE VIEW names AS SELECT handle FROM account;
     CREATE TRIGGER post_ai AFTER INSERT ON post BEGIN UPDATE account SET handle = upper(handle); END;`,
    [
      { from: 'table:users', to: 'account' },
      { from: 'column:account.username', to: 'handle' },
    ],
  )
  expect(plan.steps.map((step) => step.rewrites)).not.toContain(true)
  expect(plan.steps.flatMap((step) => step.hazards)).toEqual([])
  expect((await execute(file, plan, [])).failure).toBeUndefined()
  expect(diff(await inspect(file), target)).toEqual([])
  expect(rowsIn(file, 'SELECT * FROM account')).toEqual([[1, 'ADA']])
})

test('a rename that SQLite refuses is refused in words', async () => {
  const { source, target } = await pair(
    'CREATE TABLE a (x INTEGER); CREATE VIEW broken AS SELECT * FROM nowhere;',
    'CREATE TABLE b (x INTEGER); CREATE VIEW broken AS SELECT * FROM nowhere;',
  )
  expect(() => makePlan(sqlite, source, target, {}, [{ from: 'table:a', to: 'b' }])).toThrow(
    /table:a cannot be renamed: .*broken/,
  )
})

test('a rebuild keeps row numbers, the numbers that were given out, and other tables’ references', async () => {
  const { file, plan } = await pair(
    `CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
     CREATE TABLE plain (v TEXT); CREATE TABLE child (t INTEGER REFERENCES t (id) ON DELETE CASCADE);
     INSERT INTO t VALUES (7, 'a'), (90, 'b'); DELETE FROM t WHERE id = 90;
     INSERT INTO plain (rowid, v) VALUES (5, 'x'), (50, 'y'); INSERT INTO child VALUES (7);`,
    `CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL);
     CREATE TABLE plain (v TEXT NOT NULL); CREATE TABLE child (t INTEGER REFERENCES t (id) ON DELETE CASCADE);`,
  )
  expect((await execute(file, plan)).failure).toBeUndefined()
  expect(rowsIn(file, 'SELECT name, seq FROM sqlite_sequence')).toEqual([['t', 90]])
  expect(rowsIn(file, 'SELECT rowid, v FROM plain')).toEqual([
    [5, 'x'],
    [50, 'y'],
  ])
  expect(rowsIn(file, 'SELECT t FROM child')).toEqual([[7]])
  expect(rowsIn(file, 'PRAGMA foreign_key_check')).toEqual([])
})

test('a foreign key that the rows break stops the plan, and nothing has changed', async () => {
  const { file, source, plan } = await pair(
    'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER); INSERT INTO c VALUES (4);',
    'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id));',
  )
  const { failure, steps } = await execute(file, plan)
  expect(failure).toMatchObject({
    sqlstate: '23514',
    message: expect.stringContaining('no counterpart in p'),
  })
  expect(steps.map(({ state }) => state)).not.toContain('applied')
  expect((await inspect(file)).fingerprint).toBe(source.fingerprint)
})

test.each(['UNIQUE (v) ON CONFLICT REPLACE', 'UNIQUE (v) ON CONFLICT IGNORE', 'CHECK (id > 0)'])(
  'a conflict clause drops no rows while they are copied: %s',
  async (constraint) => {
    const { file, source, plan } = await pair(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (0, 1), (1, 1), (2, 2);',
      `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, ${constraint});`,
    )
    expect((await execute(file, plan)).failure?.sqlstate).toMatch(/^23/)
    expect(rowsIn(file, 'SELECT id FROM t ORDER BY id')).toEqual([[0], [1], [2]])
    expect((await inspect(file)).fingerprint).toBe(source.fingerprint)
  },
)

test('rows that were broken before stop no plan that leaves their key alone', async () => {
  const { file, plan } = await pair(
    'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id), v TEXT); INSERT INTO c VALUES (4, 1);',
    "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id), v TEXT, CHECK (v <> ''));",
  )
  expect((await execute(file, plan)).failure).toBeUndefined()
})

test.each<[string, string, string, readonly string[]]>([
  ['dropped table', 'CREATE TABLE t (a INTEGER);', '', ['data-loss']],
  [
    'dropped column',
    'CREATE TABLE t (a INTEGER, b TEXT);',
    'CREATE TABLE t (a INTEGER);',
    ['data-loss', 'table-rewrite'],
  ],
  [
    'text to number',
    'CREATE TABLE t (a TEXT);',
    'CREATE TABLE t (a INTEGER);',
    ['data-loss', 'table-rewrite'],
  ],
  ['number to text', 'CREATE TABLE t (a INTEGER);', 'CREATE TABLE t (a TEXT);', ['table-rewrite']],
  [
    'becomes generated',
    'CREATE TABLE t (a INT, b INT);',
    'CREATE TABLE t (a INT, b INT AS (a));',
    ['data-loss', 'table-rewrite'],
  ],
  ['added column', 'CREATE TABLE t (a INTEGER);', 'CREATE TABLE t (a INTEGER, b TEXT);', []],
  [
    'not null',
    'CREATE TABLE t (a INTEGER);',
    'CREATE TABLE t (a INTEGER NOT NULL);',
    ['may-fail', 'table-rewrite'],
  ],
  ['new index', 'CREATE TABLE t (a INTEGER);', 'CREATE TABLE t (a INTEGER); CREATE INDEX i ON t (a);', []],
  ['dropped full-text table', 'CREATE VIRTUAL TABLE t USING fts5(a);', '', ['data-loss']],
])('hazards of a %s', async (_name, from, to, hazards) => {
  const { plan } = await pair(from, to)
  expect([...new Set(plan.steps.flatMap((step) => step.hazards.map(({ name }) => name)))].toSorted()).toEqual(
    hazards,
  )
})

test('a plan is proved on a scratch file that is gone afterwards', async () => {
  const { source, target, plan } = await pair(
    'CREATE TABLE t (a INTEGER, b TEXT); CREATE VIEW v AS SELECT a FROM t;',
    'CREATE TABLE t (a INTEGER NOT NULL, b TEXT UNIQUE); CREATE VIEW v AS SELECT a, b FROM t;',
  )
  const scratch = await sqlite.scratch('sqlite:anything.db')
  const seed = ["INSERT INTO t VALUES (1, 'x')"]
  const proved = await provePlan(sqlite, scratch, source, target, plan, seed)
  await scratch.close()
  expect(proved.steps.at(-1)?.after).toBe(target.fingerprint)
  expect(existsSync(scratch.url.slice('sqlite:'.length))).toBe(false)
})

test('the fingerprint of a catalogue is equal exactly when the schemas are', async () => {
  const folder = sqliteFolder()
  const fingerprint = (name: string, script: string): Promise<string> =>
    withSession(makeFile(path.join(folder, name), script), (session) => sqlite.catalogueFingerprint(session))
  const made = await fingerprint('made.db', 'CREATE TABLE t (a INTEGER, b TEXT)')
  expect(
    await fingerprint('altered.db', 'CREATE TABLE "t"(a integer); ALTER TABLE t ADD COLUMN b TEXT'),
  ).toBe(made)
  expect(await fingerprint('other.db', 'CREATE TABLE t (a INTEGER, b TEXT NOT NULL)')).not.toBe(made)
})

test('one session at a time has the lock of a tenant, and a closed one has not', async () => {
  const file = makeFile(path.join(sqliteFolder(), 't.db'), 'CREATE TABLE t (a)')
  const [one, two] = [await sqlite.connect(file), await sqlite.connect(file)]
  expect(await sqlite.lock(one)).toBe(true)
  expect(await sqlite.lock(one)).toBe(true)
  expect(await sqlite.lock(two)).toBe(false)
  await two.query('INSERT INTO t VALUES (1)')
  await one.close()
  expect(await sqlite.lock(two)).toBe(true)
  await two.close()
  expect(readdirSync(path.dirname(file))).toEqual(['t.db'])
})

test('a file that somebody writes to is given up after the lock timeout, unchanged', async () => {
  const { file, source, plan } = await pair(
    'CREATE TABLE t (a INTEGER);',
    'CREATE TABLE t (a INTEGER, b TEXT);',
  )
  const writer = new DatabaseSync(file)
  writer.exec('BEGIN IMMEDIATE')
  const quick = { ...plan, steps: plan.steps.map((step) => ({ ...step, lockTimeoutMs: 50 })) }
  const { failure } = await execute(file, quick)
  writer.exec('ROLLBACK')
  writer.close()
  expect(failure).toMatchObject({ sqlstate: '55P03', message: expect.stringContaining('locked') })
  expect((await inspect(file)).fingerprint).toBe(source.fingerprint)
})

test('what is no database, damaged, missing or a folder is refused in words, and left as it is', async () => {
  const folder = sqliteFolder()
  const text = path.join(folder, 'text.db')
  writeFileSync(text, 'This is a text, and long enough to be taken for a header of a database file.')
  await expect(sqlite.connect(text)).rejects.toThrow(/text\.db is damaged, or no SQLite database/)
  const damaged = makeFile(path.join(folder, 'damaged.db'), 'CREATE TABLE t (a); CREATE INDEX i ON t (a)')
  const bytes = readFileSync(damaged)
  bytes.fill(0xff, 100, 120)
  writeFileSync(damaged, bytes)
  await expect(inspect(damaged)).rejects.toThrow(/damaged\.db is damaged/)
  expect(readFileSync(damaged).equals(bytes)).toBe(true)
  await expect(sqlite.connect(path.join(folder, 'none.db'))).rejects.toThrow(/There is no file/)
  expect(existsSync(path.join(folder, 'none.db'))).toBe(false)
  await expect(sqlite.connect(`sqlite:${folder}`)).rejects.toThrow(/is not a file/)
  await expect(sqlite.connect('sqlite://host/file.db')).rejects.toThrow(/names a host/)
})

test('a virtual table of an unknown module is reported', async () => {
  const file = makeFile(path.join(sqliteFolder(), 't.db'), 'CREATE TABLE t (a)')
  const database = new DatabaseSync(file, { defensive: false })
  database.exec(`PRAGMA writable_schema = ON;
    INSERT INTO sqlite_schema VALUES ('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING unheard_of(a)')`)
  database.close()
  const { unmodelled } = await inspect(file)
  expect(unmodelled).toEqual([expect.objectContaining({ kind: 'virtual_table', name: 'odd' })])
})

test('a script stops at the first error and ends each statement on its own', () => {
  expect(scriptOf(['BEGIN', 'CREATE TABLE t (a) -- why', 'COMMIT'])).toBe(
    '.bail on\nBEGIN;\nCREATE TABLE t (a) -- why\n;\nCOMMIT;\n',
  )
})

test.each([
  ['sqlite:a.db', true],
  ['sqlite:///var/a', true],
  ['file:a', true],
  ['dir/a.sqlite3', true],
  ['postgres://host/a.db', false],
  ['schema.sql', false],
])('%s names a SQLite file: %s', (url, expected) => {
  expect(isSqliteUrl(url)).toBe(expected)
})

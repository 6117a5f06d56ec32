/** What a plan for SQLite makes of the values that are there: where it names no loss, each of them is kept. */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { DatabaseFailure } from '../../src/engine/failure.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { scriptOf, sqlite } from '../../src/schema/dialects/sqlite/index.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { withProgram } from '../support/programs.ts'
import { sqlite3, sqliteFolder } from '../support/sqlite.ts'

interface Planned {
  readonly session: SchemaSession
  readonly plan: Plan
  readonly file: string
}

/** Works on a file with the first schema and its rows, and a plan that leads to the second. */
async function planned<T>(from: string, to: string, work: (planned: Planned) => Promise<T>): Promise<T> {
  const folder = sqliteFolder()
  const [file, other] = [path.join(folder, 'a.db'), path.join(folder, 'b.db')]
  makeFile(file, from)
  makeFile(other, to)
  const session = await sqlite.connect(`sqlite:${file}`)
  const target = await sqlite.connect(`sqlite:${other}`)
  try {
    const plan = makePlan(sqlite, await sqlite.inspect(session), await sqlite.inspect(target))
    for (const statement of sqlite.preamble) await session.query(statement)
    return await work({ session, plan, file })
  } finally {
    await session.close()
    await target.close()
  }
}

function makeFile(file: string, script: string): void {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  database.exec(`BEGIN; ${script}; COMMIT`)
  database.close()
}

async function run({ session, plan }: Planned): Promise<void> {
  await session.query(sqlite.begin)
  for (const step of plan.steps) await session.query(step.sql)
  await session.query('COMMIT')
}

function hazardsOf(steps: Plan['steps']): string[] {
  return [...new Set(steps.flatMap(({ hazards }) => hazards.map(({ name }) => name)))].toSorted()
}

interface ColumnType {
  readonly type: string
  /** Of its table. */
  readonly options: string
}

interface Case {
  readonly table: string
  readonly from: ColumnType
  readonly to: ColumnType
}

const TYPES: readonly ColumnType[] = [
  ...['', 'INTEGER', 'TEXT', 'BLOB', 'REAL', 'NUMERIC', 'ANY'].map((type) => ({ type, options: '' })),
  ...['INTEGER', 'TEXT', 'BLOB', 'REAL', 'ANY'].map((type) => ({ type, options: ' STRICT' })),
]
const VALUES = ["'007'", "'1.50'", "'abc'", "x'3031'", '7', '1.5', '0.1 + 0.2', '9007199254740993', '1e300']
const CASES: readonly Case[] = TYPES.flatMap((from, i) =>
  TYPES.flatMap((to, j) => (i === j ? [] : [{ table: `t_${i}_${j}_`, from, to }])),
)

function tables(side: 'from' | 'to'): string {
  return CASES.map((one) => {
    const { type, options } = one[side]
    return `CREATE TABLE ${one.table} (id INTEGER PRIMARY KEY, c ${type})${options};`
  }).join('\n')
}

/** Type and value of each row. */
async function valuesIn(session: SchemaSession, table: string): Promise<(readonly [string, string])[]> {
  const rows = await session.query(`SELECT typeof(c) AS type, quote(c) AS value FROM ${table} ORDER BY id`)
  return rows.map((row) => [String(row['type']), String(row['value']).replaceAll(/^'|'$/g, '')])
}

/** A number may be another kind of number, or be written as a text. */
function isSame(before: readonly [string, string], after: readonly [string, string] | undefined): boolean {
  if (after === undefined) return false
  const isNumber = before[0] === 'integer' || before[0] === 'real'
  if (!isNumber || after[0] === 'blob') return before.join(' ') === after.join(' ')
  return before[1] === after[1] || (before[0] === 'real' && Number(before[1]) === Number(after[1]))
}

/** The failure of statements, if they fail. */
async function failureOf(session: SchemaSession, statements: readonly string[]): Promise<string | undefined> {
  try {
    for (const statement of statements) await session.query(statement)
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof DatabaseFailure)) throw thrown
    return thrown.message
  }
}

/** What is wrong with how the values of one table fared. */
async function complaints(session: SchemaSession, table: string, steps: Plan['steps']): Promise<string[]> {
  const hazards = hazardsOf(steps)
  for (const value of VALUES) {
    const refused = await failureOf(session, [`INSERT INTO ${table} (c) VALUES (${value})`])
    if (refused !== undefined && !refused.startsWith('cannot store')) return [refused]
  }
  const before = await valuesIn(session, table)
  if (hazards.includes('data-loss')) return []
  const failure = await failureOf(
    session,
    steps.map(({ sql }) => sql),
  )
  if (failure !== undefined) return hazards.includes('may-fail') ? [] : [failure]
  const after = await valuesIn(session, table)
  return before.flatMap((value, at) =>
    isSame(value, after[at]) ? [] : [`${value.join(' ')} became ${after[at]?.join(' ')}`],
  )
}

test('values in a column that takes another type are kept, or their loss or failure is named', async () => {
  await planned(tables('from'), tables('to'), async ({ session, plan }) => {
    const steps = Map.groupBy(plan.steps, ({ sql }) => /t_\d+_\d+_/.exec(sql)?.[0])
    const found: string[] = []
    await session.query(sqlite.begin)
    for (const { table, from, to } of CASES) {
      const wrong = await complaints(session, table, steps.get(table) ?? [])
      const [one, other] = [`${from.type}${from.options}`, `${to.type}${to.options}`]
      found.push(...wrong.map((what) => `from ${one} to ${other}: ${what}`))
    }
    expect(found).toEqual([])
    expect(steps.size).toBe(CASES.length)
    const said = CASES.map(({ table }) => hazardsOf(steps.get(table) ?? []).join())
    expect(new Set(said)).toEqual(
      new Set([
        'table-rewrite',
        'data-loss,table-rewrite',
        'may-fail,table-rewrite',
        'data-loss,may-fail,table-rewrite',
      ]),
    )
  })
})

withProgram('sqlite3').test('a number has all of its digits as a text, whatever the SQLite', async () => {
  const [from, to] = [
    'CREATE TABLE t (a REAL, b INTEGER); INSERT INTO t VALUES (0.1 + 0.2, 1.0 / 3), (2.5, 7)',
    'CREATE TABLE t (a TEXT, b TEXT)',
  ]
  await planned(from, to, async ({ session, plan, file }) => {
    await session.close()
    sqlite3(file, scriptOf([...sqlite.preamble, sqlite.begin, ...plan.steps.map(({ sql }) => sql), 'COMMIT']))
    const rows = sqlite3(file, 'SELECT typeof(a), a, b FROM t').trim().split('\n')
    const numbers = rows.map((row) => row.split('|').slice(1).map(Number))
    expect(rows.map((row) => row.split('|')[0])).toEqual(['text', 'text'])
    expect(numbers).toEqual([
      [0.1 + 0.2, 1 / 3],
      [2.5, 7],
    ])
  })
})

test.each([
  ['INT PRIMARY KEY, v TEXT', 'INTEGER PRIMARY KEY, v TEXT'],
  ['INTEGER, v TEXT', 'INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT, CHECK (t.v IS NOT 0)'],
  ['INTEGER, v TEXT PRIMARY KEY', 'INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 8, v TEXT PRIMARY KEY'],
])('a null is no number afterwards: %s to %s', async (from, to) => {
  const rows = `INSERT INTO t VALUES (NULL, 'a'), (5, 'b')`
  await planned(`CREATE TABLE t (id ${from}); ${rows}`, `CREATE TABLE t (id ${to})`, async (one) => {
    expect(hazardsOf(one.plan.steps)).toContain('may-fail')
    await expect(run(one)).rejects.toThrow(/t\.id/)
    await one.session.query('ROLLBACK')
    await one.session.query("UPDATE t SET id = 6 WHERE v = 'a'")
    await run(one)
    expect(await one.session.query('SELECT id, v FROM t ORDER BY id')).toEqual([
      { id: 5, v: 'b' },
      { id: 6, v: 'a' },
    ])
  })
})

const TEXTS = "INSERT INTO f (rowid, a, b) VALUES (4, 'one', 'two'), (9, 'three', NULL)"

test('a full-text table that is made anew keeps its numbers, languages and settings', async () => {
  const languages = (name: string): string => `CREATE VIRTUAL TABLE g USING fts4(a, languageid="${name}")`
  const from = `CREATE VIRTUAL TABLE f USING fts5(A, b); ${TEXTS};
    INSERT INTO f (f, rank) VALUES ('rank', 'bm25(9.0)'); ${languages('lang')};
    INSERT INTO g (docid, a, lang) VALUES (3, 'drei', 49)`
  const to = `CREATE VIRTUAL TABLE f USING fts5(a, b, c UNINDEXED); ${languages('l')}`
  await planned(from, to, async (one) => {
    expect(hazardsOf(one.plan.steps)).toEqual(['table-rewrite'])
    await run(one)
    expect(await one.session.query('SELECT rowid, a, b FROM f')).toEqual([
      { rowid: 4, a: 'one', b: 'two' },
      { rowid: 9, a: 'three', b: null },
    ])
    expect(await one.session.query("SELECT v FROM f_config WHERE k = 'rank'")).toEqual([{ v: 'bm25(9.0)' }])
    expect(await one.session.query('SELECT docid, a, l FROM g')).toEqual([{ docid: 3, a: 'drei', l: 49 }])
  })
})

test.each([
  ['that keeps no texts', 'fts5(a, b)', "fts5(a, b, content='')"],
  ['that kept no texts', 'fts4(content=, a, b)', 'fts4(a, b)'],
  ['whose texts stand nowhere', 'fts5(a, b)', "fts5(a, b, content='gone')"],
  ['without languages', 'fts4(a, b, languageid=lang)', 'fts4(a, b)'],
  ['of boxes', 'fts5(a, b)', 'rtree(i, a, b)'],
  ['of coarser boxes', 'rtree_i32(i, a, b)', 'rtree(i, a, b)'],
  ['of boxes with more bounds', 'rtree(i, a, b, +c, +d)', 'rtree(i, a, b, c, d)'],
  ['numbered by what was a bound', 'rtree(i, a, b)', 'rtree(a, b, c)'],
])('the loss is named when a virtual table becomes one %s', async (_name, from, to) => {
  const table = (form: string): string => `CREATE VIRTUAL TABLE f USING ${form}`
  await planned(table(from), table(to), async ({ plan }) => {
    expect(hazardsOf(plan.steps)).toContain('data-loss')
  })
})

test('a full-text index over a view that is new is filled from it', async () => {
  const rows = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)'
  const over = (name: string): string =>
    `CREATE VIRTUAL TABLE f USING fts5(a, content='${name}', content_rowid='id')`
  const from = `${rows}; ${over('t')}; INSERT INTO t VALUES (1, 'here'); INSERT INTO f (f) VALUES ('rebuild')`
  const to = `${rows}; CREATE VIEW v AS SELECT id, upper(a) AS a FROM t; ${over('v')}`
  await planned(from, to, async (one) => {
    await run(one)
    expect(await one.session.query("SELECT rowid FROM f WHERE f MATCH 'here'")).toEqual([{ rowid: 1 }])
  })
})

test('a full-text index finds its rows where they get other numbers', async () => {
  const index = `CREATE VIRTUAL TABLE f USING fts5(a, content='t')`
  const from = `CREATE TABLE t (id INT PRIMARY KEY, a TEXT); ${index};
    INSERT INTO t VALUES (70, 'here'), (30, 'there'); INSERT INTO f (f) VALUES ('rebuild')`
  await planned(from, `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); ${index}`, async (one) => {
    await run(one)
    expect(await one.session.query("SELECT rowid, a FROM f WHERE f MATCH 'here'")).toEqual([
      { rowid: 70, a: 'here' },
    ])
  })
})

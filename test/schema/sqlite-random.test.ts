/** Random schemas with rows: from any one to any other and back, judged without our own inspection; rows survive. */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { sqlite } from '../../src/schema/dialects/sqlite/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import { HAZARDS, type HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { rowCounts, sqliteFacts, sqliteFolder } from '../support/sqlite.ts'

const ALL_HAZARDS = Object.keys(HAZARDS) as HazardName[]
const RUNS = Number(process.env['TENANTRY_RANDOM_RUNS'] ?? 120)

interface RandomColumn {
  readonly name: string
  readonly type: string
  readonly trait: string
}

interface RandomTable {
  readonly name: string
  readonly columns: readonly RandomColumn[]
  readonly key: string
  readonly options: string
  readonly constraints: readonly string[]
  readonly indexes: readonly string[]
  readonly trigger: boolean
}

/** Traits that any of the rows below satisfies, whatever the column's type. */
const TRAITS = [
  '',
  '',
  '',
  "NOT NULL DEFAULT '1'",
  "DEFAULT '7' COLLATE NOCASE",
  "CHECK (§ IS NOT 'never')",
  "CONSTRAINT named CHECK (§ <> 'never, (ever)')",
  'UNIQUE',
  'UNIQUE ON CONFLICT IGNORE',
  "DEFAULT (length('abc'))",
  'AS (id + 1)',
  'AS (id * 2) STORED',
  'DEFAULT -3 NOT NULL',
  'DEFAULT (1 + 2)',
]

const column = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'dD', 'order', 'e f'),
  type: fc.constantFrom('INTEGER', 'TEXT', 'REAL', 'INT', 'ANY', 'VARCHAR(10)', ''),
  trait: fc.constantFrom(...TRAITS),
})

const table = fc.record({
  name: fc.constantFrom('t', 'u', 'Mixed', 'w x'),
  columns: fc.uniqueArray(column, { selector: ({ name }) => name, maxLength: 5 }),
  key: fc.constantFrom(
    'INTEGER PRIMARY KEY',
    'INTEGER PRIMARY KEY AUTOINCREMENT',
    'INT PRIMARY KEY',
    'TEXT PRIMARY KEY ON CONFLICT ABORT',
    'INTEGER NOT NULL',
  ),
  options: fc.constantFrom('', '', ' STRICT', ' WITHOUT ROWID', ' STRICT, WITHOUT ROWID'),
  constraints: fc.subarray([
    'CHECK (id <> 0)',
    'UNIQUE (id, ref)',
    'CONSTRAINT up FOREIGN KEY (ref) REFERENCES t (id) ON DELETE CASCADE',
    'FOREIGN KEY (ref) REFERENCES u DEFERRABLE INITIALLY DEFERRED',
  ]),
  indexes: fc.subarray(['(ref)', '(ref DESC, id)', '(ref) WHERE id > 3', '(lower(ref))']),
  trigger: fc.boolean(),
})

const schema = fc.record({
  tables: fc.uniqueArray(table, { selector: ({ name }) => name, maxLength: 4 }),
  views: fc.subarray([
    'SELECT id FROM t',
    'SELECT count(*) AS n FROM u',
    'SELECT 1 AS "One"',
    'SELECT * FROM v0',
  ]),
})

function quoted(name: string): string {
  return `"${name}"`
}

function createTable({ name, columns, key, options, constraints }: RandomTable): string {
  // AUTOINCREMENT needs the rowid, WITHOUT ROWID a key, STRICT a type that it knows.
  const rowless = options.includes('ROWID')
  const strict = options.includes('STRICT')
  const id = rowless ? key.replace(' AUTOINCREMENT', '').replace('NOT NULL', 'PRIMARY KEY') : key
  const lines = columns.map((one) => {
    const type = strict && ['', 'VARCHAR(10)'].includes(one.type) ? 'ANY' : one.type
    return `${quoted(one.name)} ${type} ${one.trait.replaceAll('§', quoted(one.name))}`
  })
  return `CREATE TABLE ${quoted(name)} (${[`id ${id}`, 'ref TEXT', ...lines, ...constraints].join(', ')})${options}`
}

function statementsOf({
  tables,
  views,
}: {
  tables: readonly RandomTable[]
  views: readonly string[]
}): string[] {
  return [
    ...tables.map(createTable),
    ...tables.flatMap(({ name, indexes }) =>
      indexes.map((terms, at) => `CREATE INDEX ${quoted(`${name} ${at}`)} ON ${quoted(name)} ${terms}`),
    ),
    ...views.map((view, at) => `CREATE VIEW v${at} AS ${view}`),
    ...tables
      .filter(({ trigger }) => trigger)
      .map(
        ({ name }) =>
          `CREATE TRIGGER ${quoted(`on ${name}`)} AFTER DELETE ON ${quoted(name)} BEGIN DELETE FROM gone; END`,
      ),
  ]
}

function rowsOf({ name, columns }: RandomTable): string[] {
  const plain = columns.filter(({ trait }) => !trait.startsWith('AS'))
  const names = ['id', ...plain.map((one) => one.name)].map(quoted).join(', ')
  return [1, 2, 5].map(
    (row) =>
      `INSERT INTO ${quoted(name)} (${names}) VALUES (${[row, ...plain.map((_, at) => row * 10 + at)].join(', ')})`,
  )
}

function build(file: string, statements: readonly string[]): void {
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  try {
    for (const statement of statements) database.exec(statement)
  } finally {
    database.close()
  }
}

/** Rows are kept in every table that stays. */
async function become(file: string, target: Snapshot): Promise<void> {
  const session = await sqlite.connect(file)
  try {
    const plan = makePlan(sqlite, await sqlite.inspect(session), target)
    const before = rowCounts(file)
    expect((await executePlan(sqlite, session, plan, { allow: ALL_HAZARDS })).failure).toBeUndefined()
    expect(diff(await sqlite.inspect(session), target)).toEqual([])
    const after = rowCounts(file)
    const kept = Object.keys(before).filter((name) => after[name] !== undefined)
    expect(kept.map((name) => [name, after[name]])).toEqual(kept.map((name) => [name, before[name]]))
  } finally {
    await session.close()
  }
}

async function inspected(file: string): Promise<Snapshot> {
  const session = await sqlite.connect(file)
  try {
    return await sqlite.inspect(session)
  } finally {
    await session.close()
  }
}

test('any schema becomes any other and comes back, and its rows survive', async () => {
  const folder = sqliteFolder()
  let run = 0
  await fc.assert(
    fc.asyncProperty(schema, schema, async (from, to) => {
      run += 1
      const [a, b] = [path.join(folder, `a${run}.db`), path.join(folder, `b${run}.db`)]
      build(a, [...statementsOf(from), ...from.tables.flatMap(rowsOf)])
      build(b, statementsOf(to))
      const [source, target] = [await inspected(a), await inspected(b)]
      const facts = sqliteFacts(a)
      await become(a, target)
      expect(sqliteFacts(a)).toEqual(sqliteFacts(b))
      await become(a, source)
      expect(sqliteFacts(a)).toEqual(facts)
    }),
    { numRuns: RUNS },
  )
})

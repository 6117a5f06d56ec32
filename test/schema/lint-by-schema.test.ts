/** Versions for SQLite, MariaDB and MySQL, rehearsed: what is said of each statement, and what is not. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Dialect } from '../../src/schema/dialects/dialect.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { sqlite } from '../../src/schema/dialects/sqlite/index.ts'
import type { Finding } from '../../src/schema/lint/finding.ts'
import { lintVersion } from '../../src/schema/lint/lint.ts'
import { SchemaPlace } from '../../src/schema/lint/schema-place.ts'
import { withoutMeasures, type Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { onBoth } from '../support/mysql-products.ts'
import type { MysqlServer } from '../support/mysql-server.ts'

/** The schema that a script makes, as if nothing were known of its rows. */
async function schemaOf(dialect: Dialect, url: string, sql: readonly string[]): Promise<Snapshot> {
  const scratch = await dialect.scratch(url)
  try {
    for (const statement of sql) await scratch.session.query(statement)
    return withoutMeasures(await dialect.inspect(scratch.session))
  } finally {
    await scratch.close()
  }
}

async function placeOn(dialect: Dialect, url: string, source: Snapshot): Promise<SchemaPlace> {
  const scratch = await dialect.scratch(url)
  onTestFinished(() => scratch.close())
  return SchemaPlace.open(dialect, { ...scratch, isOwnServer: false }, source)
}

async function findingsOf(place: SchemaPlace, sql: string, downgrade?: string): Promise<Finding[]> {
  const input = {
    name: 'v',
    dialect: place.dialect.name,
    file: null,
    firstLine: 1,
    sql,
    ...(downgrade === undefined ? {} : { downgrade: { file: null, firstLine: 1, sql: downgrade } }),
  }
  const versions = await lintVersion(input, { squawk: undefined, place, allow: [] })
  return versions.flatMap(({ findings }) => findings)
}

/** `line rule` for each finding. */
function rulesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ line, rule }) => `${line} ${rule}`)
}

const TABLES = [
  'CREATE TABLE customers (id INTEGER PRIMARY KEY, email VARCHAR(100) NOT NULL)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total BIGINT, note VARCHAR(100))',
]

/** On the tables above: statements, each on a line, and what is expected to be said. */
const ON_SQLITE: readonly (readonly [string, readonly string[]])[] = [
  ['ALTER TABLE orders ADD COLUMN x TEXT', []],
  ['CREATE TABLE more (id INTEGER); INSERT INTO more VALUES (1); DROP TABLE more', []],
  ['ALTER TABLE orders DROP COLUMN note', ['1 data-loss', '1 table-rewrite']],
  ['DROP TABLE orders', ['1 data-loss']],
  ['DELETE FROM orders', ['1 removed-rows']],
  ['CREATE INDEX c ON orders (customer)', []],
  ['CREATE UNIQUE INDEX c ON orders (customer)', ['1 may-fail']],
  ['ALTER TABLE orders RENAME TO sales;\nALTER TABLE sales ADD COLUMN x TEXT', ['1 renamed']],
  ['ALTER TABLE orders RENAME COLUMN note TO remark', ['1 renamed']],
  [
    'ALTER TABLE orders RENAME TO sales;\nALTER TABLE sales DROP COLUMN note',
    ['1 renamed', '2 data-loss', '2 table-rewrite'],
  ],
  ['ALTER TABLE orders ADD COLUMN x TEXT;\nALTER TABLE orders DROP COLUMN x', ['2 table-rewrite']],
  [
    `CREATE TABLE fresh (id INTEGER PRIMARY KEY, customer INTEGER, total BIGINT, note VARCHAR(100), x TEXT);
INSERT INTO fresh SELECT *, NULL FROM orders;
DROP TABLE orders;
ALTER TABLE fresh RENAME TO orders`,
    ['3 table-rewrite'],
  ],
  [
    `CREATE TABLE fresh (id INTEGER PRIMARY KEY, customer INTEGER, total BIGINT);
INSERT INTO fresh SELECT id, customer, total FROM orders;
DROP TABLE orders;
ALTER TABLE fresh RENAME TO orders`,
    ['3 table-rewrite', '3 data-loss'],
  ],
  [
    `ALTER TABLE orders RENAME TO former;
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total BIGINT, note VARCHAR(100));
DROP TABLE former`,
    ['3 removed-rows', '3 table-rewrite'],
  ],
  ['UPDATE orders SET total = 1;\nDROP TABLE nothing', ['2 fails']],
]

describe('SQLite', () => {
  let source: Snapshot
  beforeAll(async () => {
    source = await schemaOf(sqlite, '', TABLES)
  })

  test.for(ON_SQLITE)('%s', async ([sql, expected]) => {
    const findings = await findingsOf(await placeOn(sqlite, '', source), sql)
    expect(rulesOf(findings).toSorted()).toEqual([...expected].toSorted())
  })

  test('a table that is known to be small is written anew in a moment; what it loses is lost', async () => {
    const objects = source.objects.map((one) =>
      one.kind === 'table' ? { ...one, facts: { ...one.facts, bytes: 8192 } } : one,
    )
    const place = await placeOn(sqlite, '', { ...source, objects })
    expect(rulesOf(await findingsOf(place, 'ALTER TABLE orders DROP COLUMN note'))).toEqual(['1 data-loss'])
  })

  test('a version that failed is taken back, and the next one goes on without it', async () => {
    const place = await placeOn(sqlite, '', source)
    const failing = 'ALTER TABLE orders DROP COLUMN note;\nDROP TABLE nothing'
    expect(rulesOf(await findingsOf(place, failing))).toContain('2 fails')
    expect(rulesOf(await findingsOf(place, `CREATE INDEX n ON orders (note)`))).toEqual([])
  })

  test('the way back: what the version itself has made is no loss; what is not taken back is said', async () => {
    const up = 'ALTER TABLE orders ADD COLUMN x TEXT'
    const back = await findingsOf(await placeOn(sqlite, '', source), up, 'ALTER TABLE orders DROP COLUMN x')
    expect(back).toMatchObject([{ rule: 'table-rewrite', level: 'warning' }])
    const lossy = 'ALTER TABLE orders DROP COLUMN x; ALTER TABLE orders DROP COLUMN note'
    const lost = await findingsOf(await placeOn(sqlite, '', source), up, lossy)
    expect(lost.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['data-loss', 'not-back']))
    const nothing = await findingsOf(await placeOn(sqlite, '', source), up, 'SELECT 1')
    expect(nothing.map(({ rule }) => rule).toSorted()).toEqual(['not-again', 'not-back'])
  })
})

const ON_MYSQL: readonly (readonly [string, readonly string[]])[] = [
  ['ALTER TABLE orders ADD COLUMN x TEXT', []],
  ['ALTER TABLE orders DROP COLUMN note', ['1 data-loss']],
  ['DROP TABLE orders', ['1 data-loss']],
  ['TRUNCATE orders', ['1 removed-rows']],
  ['DELETE FROM orders', ['1 removed-rows']],
  ['CREATE INDEX c ON orders (customer)', []],
  ['CREATE UNIQUE INDEX c ON orders (customer)', ['1 may-fail']],
  ['ALTER TABLE orders MODIFY customer BIGINT', ['1 long-lock']],
  ['ALTER TABLE orders MODIFY total INTEGER', ['1 data-loss', '1 long-lock', '1 may-fail']],
  ['ALTER TABLE orders ADD FULLTEXT INDEX (note)', ['1 long-lock']],
  ['RENAME TABLE orders TO sales', ['1 renamed']],
  ['ALTER TABLE orders CHANGE note remark VARCHAR(100)', ['1 renamed']],
  [
    `CREATE TABLE fresh LIKE orders;
INSERT INTO fresh SELECT * FROM orders;
RENAME TABLE orders TO former, fresh TO orders;
DROP TABLE former`,
    [],
  ],
  [
    `CREATE TABLE fresh LIKE orders;
RENAME TABLE orders TO former, fresh TO orders;
DROP TABLE former`,
    ['3 removed-rows'],
  ],
  ['UPDATE orders SET total = 1;\nDROP TABLE nothing', ['2 fails']],
]

onBoth('lint on', ({ start }) => {
  let server: MysqlServer
  let source: Snapshot
  beforeAll(async () => {
    server = await start()
    source = await schemaOf(mysql, server.url(''), TABLES)
  }, 120_000)
  afterAll(() => server.remove())

  test.for(ON_MYSQL)('%s', async ([sql, expected]) => {
    const findings = await findingsOf(await placeOn(mysql, server.url(''), source), sql)
    expect(rulesOf(findings).toSorted()).toEqual([...expected].toSorted())
  })

  test('after a version that failed half way nothing is tried', async () => {
    const place = await placeOn(mysql, server.url(''), source)
    const failing = 'ALTER TABLE orders DROP COLUMN note;\nDROP TABLE nothing'
    expect(rulesOf(await findingsOf(place, failing))).toEqual(['1 data-loss', '2 fails'])
    expect(await findingsOf(place, 'SELECT 1')).toMatchObject([{ rule: 'not-rehearsed', level: 'note' }])
  })
})

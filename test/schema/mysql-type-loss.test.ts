/**
 * Every type into every other, with values: where a plan names no loss, each value is what it was when a column of the
 * first type takes it back, or the statement fails. Where it names no failure, it does not fail.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DatabaseFailure } from '../../src/engine/failure.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import { onBoth } from '../support/mysql-products.ts'
import type { MysqlServer } from '../support/mysql-server.ts'

const VALUES: Readonly<Record<string, readonly string[]>> = {
  'int unsigned': ['70000', '4294967295'],
  bigint: ['1', '9007199254740993'],
  'decimal(12,4)': ['1.2345', '99999999'],
  float: ['1.5', '1234567.9', '0.1'],
  'float(10,2)': ['1.25'],
  double: ['0.1', '0.30000000000000004', '1.239'],
  'double(10,2)': ['1.25'],
  'char(10)': [`'abc'`, `'12'`],
  'varchar(20)': [`'abc  '`, `'1.239'`],
  text: [`'longer than twenty characters'`, `'2024-01-01 10:00:00.5'`],
  'varbinary(20)': [`x'610020'`],
  date: [`'2024-02-29'`],
  time: [`'10:00:01'`],
  'time(6)': [`'10:00:00.123456'`],
  datetime: [`'2024-01-01 10:00:00'`],
  'datetime(6)': [`'2024-01-01 10:00:00.123456'`],
  "enum('a','b')": [`'b'`],
  "enum('b')": [`'b'`],
  'bit(8)': [`b'10101'`],
}

const TYPES = Object.keys(VALUES)
const PAIRS = TYPES.flatMap((from, i) =>
  TYPES.flatMap((to, j) => (i === j ? [] : [{ name: `t_${i}_${j}_`, from, to }])),
)

interface Case {
  /** What stands between the brackets of the table, and behind them. */
  readonly from: string
  readonly rows: string
  readonly to: string
  /** What of the table must stay; left out: all. */
  readonly kept?: string
}

const ranges = (...parts: readonly string[]): string =>
  `y int) PARTITION BY RANGE (y) (${parts.map((part, at) => `PARTITION p${part === 'MAXVALUE' ? 'm' : at} VALUES LESS THAN (${part})`).join(', ')}`
const lists = (...parts: readonly string[]): string =>
  `y int) PARTITION BY LIST (y) (${parts.map((part) => `PARTITION p${part.replaceAll(',', '_')} VALUES IN (${part})`).join(', ')}`

/** Beside types: what else about a table can cost values. */
const CASES: readonly Case[] = [
  { from: 'c varchar(9)', rows: "('é'), ('漢')", to: 'c varchar(9) CHARACTER SET latin1' },
  { from: 'c varchar(9) CHARACTER SET latin1', rows: "('é')", to: 'c varchar(9)' },
  { from: 'c text CHARACTER SET latin1', rows: "(repeat('é', 65000))", to: 'c text' },
  { from: 'c varchar(255)', rows: "(repeat('漢', 200))", to: 'c tinytext' },
  { from: 'c varchar(9) COLLATE utf8mb4_bin UNIQUE', rows: "('a'), ('A')", to: 'c varchar(9) UNIQUE' },
  { from: "c enum('a','b')", rows: "('a'), ('b')", to: "c enum('a')" },
  { from: "c enum('a','b')", rows: "('a'), ('b')", to: "c enum('b','a')" },
  { from: "c enum('a','b')", rows: "('a'), ('zz')", to: "c enum('a','c','b')" },
  { from: "c set('a','b','c')", rows: "('a,c')", to: "c set('a','b')" },
  { from: 'c int', rows: '(-5)', to: 'c int unsigned' },
  { from: 'c int', rows: '(NULL)', to: 'c int NOT NULL DEFAULT 7' },
  { from: 'c varchar(9)', rows: '(NULL)', to: 'c varchar(9) NOT NULL' },
  { from: 'c timestamp NULL', rows: '(NULL)', to: 'c timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP' },
  { from: 'c timestamp NULL', rows: '(NULL)', to: "c timestamp NOT NULL DEFAULT '2020-01-01 00:00:00'" },
  { from: 'c datetime NULL', rows: '(NULL)', to: 'c datetime NOT NULL DEFAULT CURRENT_TIMESTAMP' },
  { from: 'c int, KEY (c)', rows: '(NULL), (5)', to: 'c int NOT NULL AUTO_INCREMENT, KEY (c)' },
  { from: 'c int NOT NULL PRIMARY KEY', rows: '(0), (5)', to: 'c int NOT NULL PRIMARY KEY AUTO_INCREMENT' },
  { from: 'c timestamp NOT NULL', rows: "('2020-01-01')", to: 'c timestamp NOT NULL, d int', kept: 'c' },
  {
    from: "c timestamp NOT NULL DEFAULT '2020-01-01 00:00:00', e int",
    rows: "('2020-01-02', 1)",
    to: "c timestamp NOT NULL DEFAULT '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP, e bigint",
  },
  { from: 'c datetime NOT NULL, e int', rows: "('0000-00-00', 1)", to: 'c datetime NOT NULL, e bigint' },
  { from: 'e int, c int AS (e + 1) STORED', rows: '(5, DEFAULT)', to: 'e int, c int' },
  { from: 'e int, c int AS (e + 1) VIRTUAL', rows: '(5, DEFAULT)', to: 'e int, c int' },
  { from: 'e int, c int', rows: '(5, 9)', to: 'e int, c int AS (e + 1) STORED' },
  { from: 'c binary(2)', rows: "('ab')", to: 'c binary(5)', kept: 'hex(c)' },
  { from: 'c char(5)', rows: "('ab')", to: 'c binary(5)', kept: 'hex(c)' },
  { from: 'c varchar(5)', rows: "('a  ')", to: 'c char(5)', kept: 'length(c)' },
  { from: 'c int', rows: '(7)', to: 'd int', kept: '1' },
  { from: 'c int', rows: '(7)', to: 'C int' },
  { from: 'c varchar(9) UNIQUE', rows: "('ab1'), ('ab2')", to: 'c varchar(9), UNIQUE KEY c (c(2))' },
  { from: 'c int', rows: '(-1)', to: 'c int CHECK (c > 0)' },
  { from: ranges('10', '20'), rows: '(5), (15)', to: ranges('10') },
  { from: ranges('10', '20'), rows: '(5), (19)', to: ranges('10', '15') },
  { from: ranges('10', 'MAXVALUE'), rows: '(5), (50)', to: ranges('10', '20') },
  { from: ranges('10', 'MAXVALUE'), rows: '(5), (50)', to: ranges('10', '20', 'MAXVALUE') },
  { from: ranges('0', '20'), rows: '(NULL)', to: ranges('20') },
  { from: lists('1,2', '3'), rows: '(1), (2), (3)', to: lists('1', '3') },
  { from: lists('1,2', '3'), rows: '(1), (2), (3)', to: lists('1,2') },
  { from: lists('1,2', '3'), rows: '(1), (2), (3)', to: lists('1', '2,3') },
  { from: lists('1,2', '3'), rows: '(1), (2), (3)', to: lists('1,2', '4') },
  { from: ranges('10'), rows: '(5), (6)', to: lists('5') },
  { from: 'y int', rows: '(5), (50)', to: ranges('10') },
  { from: 'c int) ENGINE=InnoDB', rows: '(5)', to: 'c int) ENGINE=MyISAM' },
]

/** Of the server: each would let another session lose values, or read a statement otherwise. */
const HOSTILE = `SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH',
  GLOBAL character_set_server = latin1, GLOBAL collation_server = latin1_german2_ci, GLOBAL sql_quote_show_create = 0,
  GLOBAL sql_select_limit = 3, GLOBAL autocommit = 0, GLOBAL completion_type = 1, GLOBAL foreign_key_checks = 0,
  GLOBAL unique_checks = 0, GLOBAL innodb_strict_mode = 0`

onBoth('types on', ({ product, start }) => {
  let server: MysqlServer
  beforeAll(async () => {
    server = await start()
  }, 120_000)
  afterAll(() => server.remove())

  test('nothing is lost unsaid', { timeout: 240_000 }, async () => {
    const [from, to] = [
      server.create('types_from', scriptFor('from')),
      server.create('types_to', scriptFor('to')),
    ]
    const session = await mysql.connect(server.url(from))
    const target = await mysql.connect(server.url(to))
    try {
      const plan = makePlan(mysql, await mysql.inspect(session), await mysql.inspect(target), {
        style: 'plain',
      })
      const steps = Map.groupBy(plan.steps, ({ sql }) => /t_\d+_\d+_/.exec(sql)?.[0] ?? '')
      const said: string[] = []
      let kept = 0
      for (const { name, from: type, to: other } of PAIRS) {
        const own = steps.get(name) ?? []
        const hazards = new Set(own.flatMap(({ hazards: named }) => named.map((one) => one.name)))
        if (hazards.has('data-loss')) continue
        const failure = await failureOf(
          session,
          own.map(({ sql }) => sql),
        )
        const wrong =
          failure === undefined
            ? await changed(session, name, type)
            : hazards.has('may-fail')
              ? undefined
              : failure
        if (wrong === undefined) kept += 1
        else said.push(`${type} to ${other}: ${wrong}`)
      }
      expect(said).toEqual([])
      expect(kept).toBeGreaterThan(PAIRS.length / 30)
    } finally {
      await session.close()
      await target.close()
    }
  })

  test('nothing else is lost unsaid, however the server is set up', { timeout: 240_000 }, async () => {
    const script = (side: 'from' | 'to'): string =>
      CASES.map((one, at) => {
        const options = one[side].includes(')') && /\) (?:PARTITION|ENGINE)/.test(one[side]) ? '' : ')'
        const closing = /PARTITION BY/.test(one[side]) ? ')' : options
        const table = `CREATE TABLE t_${at}_ (${one[side]}${closing};`
        return side === 'to' ? table : `${table} INSERT INTO t_${at}_ VALUES ${one.rows};`
      }).join('\n')
    const pinned = "SET sql_mode = '', explicit_defaults_for_timestamp = 1; "
    const charset = 'ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; '
    server.create('losses_from', pinned + charset + script('from'))
    server.create('losses_to', pinned + charset + script('to'))
    server.script(HOSTILE)
    if (product === 'MariaDB') {
      server.script('SET GLOBAL check_constraint_checks = 0, GLOBAL explicit_defaults_for_timestamp = 0')
    }
    const session = await mysql.connect(server.url('losses_from'))
    const target = await mysql.connect(server.url('losses_to'))
    try {
      const wanted = await mysql.inspect(target)
      const plan = makePlan(mysql, await mysql.inspect(session), wanted, { style: 'plain' })
      const steps = Map.groupBy(plan.steps, ({ sql }) => /t_\d+_/.exec(sql)?.[0] ?? '')
      expect(steps.size).toBe(CASES.length)
      const said: string[] = []
      const done: number[] = []
      for (const [at, { from, to, kept: expression = '*' }] of CASES.entries()) {
        const own = steps.get(`t_${at}_`) ?? []
        const hazards = new Set(own.flatMap(({ hazards: named }) => named.map((one) => one.name)))
        if (hazards.has('data-loss')) continue
        // An enum is ordered by the places of its members.
        const rows = async (): Promise<string[]> =>
          (await session.query(`SELECT ${expression} FROM t_${at}_`))
            .map((row) => JSON.stringify(row).toLowerCase())
            .toSorted()
        const before = await rows()
        const failure = await failureOf(
          session,
          own.map(({ sql }) => sql),
        )
        if (failure === undefined) {
          done.push(at)
          if (before.join() !== (await rows()).join()) said.push(`${from} to ${to}: values are lost`)
        } else if (!hazards.has('may-fail')) said.push(`${from} to ${to}: ${failure}`)
      }
      expect(said).toEqual([])
      expect(done.length).toBeGreaterThan(8)
      const tables = new Set(done.map((at) => `t_${at}_`))
      const left = diff(await mysql.inspect(session), wanted).map(({ id }) => /t_\d+_/.exec(id)?.[0] ?? id)
      expect(left.filter((name) => tables.has(name))).toEqual([])
    } finally {
      await session.close()
      await target.close()
    }
  })
})

function scriptFor(side: 'from' | 'to'): string {
  const tables = PAIRS.map((pair) => {
    const table = `CREATE TABLE ${pair.name} (id INT, c ${pair[side]});`
    return side === 'to' ? table : `${table} ${filled(pair.name, pair.from)}`
  })
  const originals = TYPES.map(
    (type, i) =>
      `CREATE TABLE o_${i} (id INT, c ${type}); CREATE TABLE b_${i} (id INT, c ${type});${side === 'from' ? filled(`o_${i}`, type) : ''}`,
  )
  return [...originals, ...tables].join('\n')
}

function filled(table: string, type: string): string {
  return `INSERT INTO ${table} VALUES ${(VALUES[type] ?? []).map((value, id) => `(${id}, ${value})`).join(', ')};`
}

async function failureOf(session: SchemaSession, statements: readonly string[]): Promise<string | undefined> {
  try {
    for (const statement of statements) await session.query(statement)
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof DatabaseFailure)) throw thrown
    return thrown.message
  }
}

/** What a column of the first type does not get back as it was. */
async function changed(session: SchemaSession, name: string, type: string): Promise<string | undefined> {
  const at = TYPES.indexOf(type)
  const failure = await failureOf(session, [
    `DELETE FROM b_${at}`,
    `INSERT INTO b_${at} SELECT id, c FROM ${name}`,
  ])
  if (failure !== undefined) return `no way back: ${failure}`
  const rows = await session.query(
    `SELECT CAST(o.c AS CHAR) AS was, CAST(b.c AS CHAR) AS has FROM o_${at} o LEFT JOIN b_${at} b USING (id)
     WHERE NOT (o.c <=> b.c) OR NOT (CAST(o.c AS BINARY) <=> CAST(b.c AS BINARY))`,
  )
  return rows.length === 0
    ? undefined
    : rows.map(({ was, has }) => `${String(was)} became ${String(has)}`).join(', ')
}

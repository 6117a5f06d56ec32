/**
 * Every type into every other, with values: where a plan names no loss, each value is what it was when a column of the
 * first type takes it back, or the statement fails. Where it names no failure, it does not fail.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DatabaseFailure } from '../../src/engine/failure.ts'
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

onBoth('types on', ({ start }) => {
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

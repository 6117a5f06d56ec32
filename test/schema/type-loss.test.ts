/**
 * Every type into every other, with values: where a plan names no loss, each value is what it was when it is cast back,
 * or the statement fails. Where it names no failure, it does not fail.
 */
import type pg from 'pg'
import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { PlanStep } from '../../src/schema/plan/plan.ts'
import { adminClient } from '../support/postgres.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'

const VALUES: Readonly<Record<string, readonly string[]>> = {
  smallint: ['1', '-32768'],
  integer: ['1', '2147483647', '70000'],
  bigint: ['1', '9007199254740993'],
  numeric: ['1', '1.5', '12345678901234567890.123', '-0.00001'],
  'numeric(10,2)': ['1.25', '12345678.99'],
  'numeric(6,0)': ['999999'],
  real: ['1.5', '3.4e38', '0.1', '16777216'],
  'double precision': ['1.5', '0.1', '1e300', '0.30000000000000004'],
  money: ['1.25'],
  text: ['a', '12', '1.239', 'hello world  ', '2024-01-01 10:00:00.5', String.raw`\101`, '101010'],
  'varchar(20)': ['abcdefghij', 'abc  '],
  'varchar(5)': ['abcde', 'ab   '],
  'character(10)': ['abcdefg'],
  boolean: ['t', 'f'],
  bytea: [String.raw`\x00ff`],
  date: ['2024-02-29', 'infinity'],
  time: ['10:00:00.123456'],
  timestamp: ['2024-01-01 10:00:00.123456', 'infinity'],
  'timestamp(0)': ['2024-01-01 10:00:00'],
  timestamptz: ['2024-01-01 10:00:00.123456+02'],
  interval: ['1 year 2 days 03:04:05.678'],
  'interval(0)': ['1 day 00:00:01'],
  'interval year to month': ['1 year 2 mons'],
  uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  json: ['{"b":1, "a":2,  "b":3}'],
  jsonb: ['{"a": 2}', '1.5'],
  inet: ['10.0.0.1', '10.0.0.1/8'],
  cidr: ['10.0.0.0/8'],
  'bit(5)': ['10101'],
  'bit varying(8)': ['10101'],
  'bit varying': ['1010101011'],
  '"char"': ['a'],
  name: ['abc'],
  mood: ['sad', 'happy'],
  'integer[]': ['{1,2}', '{70000}'],
  'numeric(10,2)[]': ['{1.25}'],
  'varchar(20)[]': ['{abcdefghij}'],
  'varchar(3)[]': ['{abc}'],
}

const FEW = [
  'numeric(10,2)',
  'numeric',
  'integer',
  'text',
  'varchar(5)',
  'timestamp',
  'date',
  'interval(0)',
  'time',
]

interface Shape {
  /** How often each type meets each: all of them in a column of their own. */
  readonly types: readonly string[]
  readonly make: (name: string, type: string) => string
  /** A value of the type as one of what the column holds, and back. */
  readonly wrap?: (value: string) => string
  readonly part?: string
}

const table = (name: string, type: string): string => `create table ${name} (id integer, c ${type})`

const SHAPES: Readonly<Record<string, Shape>> = {
  'a column': { types: Object.keys(VALUES), make: table },
  'a column of a domain': {
    types: FEW,
    make: (name, type) => `create domain d_${name} as ${type}; ${table(name, `d_${name}`)}`,
  },
  'an attribute of a composite type': {
    types: FEW,
    make: (name, type) => `create type y_${name} as (a ${type}, z integer); ${table(name, `y_${name}`)}`,
    wrap: (value) => `row(${value}, 1)`,
    part: '(c).a',
  },
  'a table made of a type': {
    types: FEW,
    make: (name, type) =>
      `create type y_${name} as (id integer, c ${type}); create table ${name} of y_${name}`,
  },
}

interface Pair {
  readonly name: string
  readonly from: string
  readonly to: string
}

function pairsOf({ types }: Shape): Pair[] {
  return types.flatMap((from, i) =>
    types.flatMap((to, j) => (i === j ? [] : [{ name: `t_${i}_${j}_`, from, to }])),
  )
}

const quoted = (value: string): string => `'${value.replaceAll(`'`, `''`)}'`
const ENUM = `create type mood as enum ('sad', 'happy')`
/** Mood is found where nothing else is. */
const typed = (type: string): string => (type === 'mood' ? 'public.mood' : type)

function filled({ make, wrap = (value) => value }: Shape, { name, from }: Pair): string {
  const rows = (VALUES[from] ?? []).map((value, id) => `(${id}, ${wrap(quoted(value))})`)
  return `${make(name, from)}; insert into ${name} values ${rows.join(', ')}`
}

test.for(Object.keys(SHAPES))('%s', { timeout: 180_000 }, async (key) => {
  const shape = SHAPES[key] as Shape
  const pairs = pairsOf(shape)
  const from = await databaseOf([ENUM, ...pairs.map((pair) => filled(shape, pair))].join(';\n'))
  const to = await databaseOf(
    [ENUM, ...pairs.map(({ name, to: type }) => shape.make(name, type))].join(';\n'),
  )
  const { steps } = makePlan(postgres, await inspected(from.dsn), await inspected(to.dsn))
  const byPair = Map.groupBy(steps, ({ sql }) => /t_\d+_\d+_/.exec(sql)?.[0] ?? '')
  const client = await adminClient(from.name)
  const said: string[] = []
  let kept = 0
  try {
    await client.query(`set search_path = ''; set timezone = 'America/New_York'`)
    for (const pair of pairs) {
      const own = byPair.get(pair.name) ?? []
      const hazards = new Set(own.flatMap(({ hazards: named }) => named.map(({ name }) => name)))
      if (hazards.has('data-loss')) continue
      const wrong = await runs(client, own, hazards, () => changed(client, shape, pair))
      if (wrong === undefined) kept += 1
      else said.push(`${pair.from} to ${pair.to}: ${wrong}`)
    }
  } finally {
    await client.end()
  }
  expect(said).toEqual([])
  expect(kept).toBeGreaterThan(pairs.length / 20)
})

/** @returns what went wrong */
async function runs(
  client: pg.Client,
  steps: readonly PlanStep[],
  hazards: ReadonlySet<HazardName>,
  look: () => Promise<string | undefined>,
): Promise<string | undefined> {
  await client.query('begin')
  try {
    for (const { sql } of steps) await client.query(sql)
  } catch (thrown) {
    await client.query('rollback')
    return hazards.has('may-fail') ? undefined : String(thrown)
  }
  const wrong = await look()
  await client.query('commit')
  return wrong
}

/** A value that is not what it was, once it is cast back. */
async function changed(
  client: pg.Client,
  shape: Shape,
  { name, from, to }: Pair,
): Promise<string | undefined> {
  const isListed = to.endsWith('[]') && !from.endsWith('[]')
  const part = isListed ? 'c[1]' : (shape.part ?? 'c')
  const type = typed(from)
  for (const [id, value] of (VALUES[from] ?? []).entries()) {
    const { rows } = await client.query<{ was: string }>(`select ${quoted(value)}::${type}::text as was`)
    let found: string | undefined
    for (const way of [part, `${part}::text`, `${part}::integer`]) {
      found ??= await readBack(
        client,
        `select ${way}::${type}::text as is from public.${name} where id = ${id}`,
      )
    }
    if (found !== rows[0]?.was) return `${rows[0]?.was} became ${found}`
  }
  return undefined
}

/** Undefined where that cast is not possible. */
async function readBack(client: pg.Client, query: string): Promise<string | undefined> {
  await client.query('savepoint direct')
  try {
    return (await client.query<{ is: string }>(query)).rows[0]?.is
  } catch (thrown) {
    if (!(thrown instanceof DatabaseError)) throw thrown
    await client.query('rollback to direct')
    return undefined
  }
}

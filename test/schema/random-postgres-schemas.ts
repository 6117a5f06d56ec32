/** Random schemas of PostgreSQL as statements, and pairs of them: any two, or one and what edits make of it. */
import fc from 'fast-check'
import { SCHEMA_EXTRAS } from './random-postgres-extras.ts'
import {
  createTable,
  extraStatements,
  indexStatements,
  leafStatements,
  NAMES,
  quoted,
  randomTable,
  type RandomTable,
  reference,
} from './random-postgres-tables.ts'

const randomSchema = fc.record({
  mood: fc.constantFrom("'1', '2', '3'", "'1', '2', '3', 'x'", "'3', 'q', '2', '1'"),
  positive: fc.constantFrom(
    'integer CHECK (VALUE > 0)',
    'bigint DEFAULT 3',
    'integer CONSTRAINT own CHECK (VALUE < 99)',
    'integer NOT NULL DEFAULT 2',
    'bigint CHECK (grown(VALUE::integer) > 0)',
  ),
  label: fc.constantFrom('text', 'varchar(20)', "text CHECK (VALUE <> 'none')", 'text COLLATE spelling'),
  feeling: fc.constantFrom('mood', "mood DEFAULT '3'", "mood CHECK (VALUE > '1' OR VALUE <= '1')", 'text'),
  pair: fc.constantFrom(
    'one integer, two text',
    'one bigint, two text',
    'one integer, two text, three mood',
    'one integer',
  ),
  nest: fc.constantFrom('p positive', 'p positive, m mood', 'p integer, l label[]', 'p bigint, r span'),
  span: fc.constantFrom(
    'subtype = integer',
    'subtype = bigint',
    'subtype = integer, multirange_type_name = spanss',
  ),
  spelling: fc.constantFrom("locale = 'C'", "lc_collate = 'C', lc_ctype = 'POSIX'"),
  // Bodies that change in place are not written into index expressions, which a session does not read again in the
  // transaction in which the table is written anew.
  grown: fc.constantFrom(
    '(integer) RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT $1 + 1 $$',
    '(integer) RETURNS integer LANGUAGE sql IMMUTABLE SET work_mem = 1000 RETURN $1 + 2',
    '(integer) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT $1 + 1 $$',
    '(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT $1 + 1 $$',
    '(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ begin return n + 1; end $$',
  ),
  counter: fc.constantFrom('', 'AS integer', 'INCREMENT 5 START 10 CYCLE', 'MINVALUE -3 CACHE 4'),
  tables: fc.uniqueArray(randomTable, { selector: ({ name }) => name, maxLength: 4 }),
  views: fc.subarray(SCHEMA_EXTRAS, { maxLength: 16 }),
})

export type RandomSchema = typeof randomSchema extends fc.Arbitrary<infer Shape> ? Shape : never

const SCALARS = [
  'mood',
  'positive',
  'label',
  'feeling',
  'pair',
  'nest',
  'span',
  'spelling',
  'grown',
  'counter',
] as const

const TABLE_FIELDS = [
  'columns',
  'key',
  'twice',
  'shape',
  'up',
  'refers',
  'constraints',
  'indexes',
  'extras',
  'leaf',
] as const

/** The first one with some of what the second one has instead; tables keep their names, but for one perhaps. */
const edited = fc
  .record({
    from: randomSchema,
    other: randomSchema,
    scalars: fc.subarray([...SCALARS], { maxLength: 2 }),
    fields: fc.array(fc.subarray([...TABLE_FIELDS], { maxLength: 2 }), { minLength: 4, maxLength: 4 }),
    renamed: fc.constantFrom(-1, -1, 0, 1),
    views: fc.boolean(),
  })
  .map(({ from, other, scalars, fields, renamed, views }): [RandomSchema, RandomSchema] => {
    const free = [...NAMES, 'renamed'].find((name) => from.tables.every((one) => one.name !== name))
    const tables = from.tables.map((table, at): RandomTable => {
      const [wanted, instead] = [fields[at] ?? [], other.tables[at]]
      const taken = instead === undefined ? [] : wanted.map((field) => [field, instead[field]])
      const name = at === renamed ? (free ?? table.name) : table.name
      return { ...table, ...(Object.fromEntries(taken) as Partial<RandomTable>), name }
    })
    const changes = Object.fromEntries(scalars.map((name) => [name, other[name]])) as Partial<RandomSchema>
    return [from, { ...from, ...changes, tables, views: views ? other.views : from.views }]
  })

export const randomPair = fc.oneof(fc.tuple(randomSchema, randomSchema), edited)

const NAMED = ['v0', 'v1', 'm0', 'many', 'pick', 'tight', 'total']

/** Whether all that the statement names is there. */
function isWhole(statement: string, all: readonly string[]): boolean {
  return NAMED.every((name) => {
    const made = new RegExp(`^CREATE (MATERIALIZED )?(VIEW|FUNCTION|DOMAIN|AGGREGATE) ${name}\\b`)
    return (
      made.test(statement) ||
      !new RegExp(`(?<![\\w.])${name}\\b`).test(statement) ||
      all.some((other) => made.test(other))
    )
  })
}

/** What older versions cannot have. */
const SINCE: readonly (readonly [number, RegExp])[] = [
  [15, /NULLS NOT DISTINCT|security_invoker|FOR TABLES IN SCHEMA|PUBLICATION .* (WHERE|\(id, ref\))/],
  [16, /CREATE STATISTICS ON/],
  [18, /NOT ENFORCED|NOT NULL ref/],
]

function inVersion(schema: RandomSchema, major: number): RandomSchema {
  const known = (text: string): boolean =>
    SINCE.every(([since, words]) => major >= since || !words.test(text))
  const tables = schema.tables.map((table) => ({
    ...table,
    twice: major < 18 ? table.twice.replace(' VIRTUAL', ' STORED') : table.twice,
    constraints: table.constraints.filter(known),
    extras: table.extras.filter(known),
  }))
  return { ...schema, tables, views: schema.views.filter(known) }
}

/** @param major version of the server that they are for */
export function statementsOf(schema: RandomSchema, major = 18): string[] {
  const { mood, positive, label, feeling, pair, nest, span, spelling, grown, counter, tables, views } =
    inVersion(schema, major)
  const [first] = tables
  return [
    `CREATE COLLATION spelling (${spelling})`,
    `CREATE FUNCTION grown${grown}`,
    `CREATE TYPE mood AS ENUM (${mood})`,
    `CREATE DOMAIN positive AS ${positive}`,
    `CREATE DOMAIN label AS ${label}`,
    `CREATE DOMAIN feeling AS ${feeling}`,
    `CREATE TYPE span AS RANGE (${span})`,
    `CREATE TYPE pair AS (${pair})`,
    `CREATE TYPE nest AS (${nest})`,
    `CREATE SEQUENCE counter ${counter}`,
    'CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ begin return new; end $$',
    'CREATE FUNCTION add_grown(bigint, integer) RETURNS bigint LANGUAGE sql AS $$ SELECT $1 + grown($2) $$',
    ...tables.flatMap(createTable),
    ...tables.flatMap(leafStatements),
    ...tables.flatMap((one) => reference(one, tables)),
    ...tables.flatMap(indexStatements),
    ...tables.flatMap(extraStatements),
    ...(first === undefined
      ? []
      : views.filter((view) => isWhole(view, views)).map((view) => view.replaceAll('§', quoted(first.name)))),
  ]
}

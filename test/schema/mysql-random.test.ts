/** Random schemas of MariaDB and MySQL with rows: from any one to any other and back, judged by mysqldump; rows survive. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import { HAZARDS, type HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { onBoth } from '../support/mysql-products.ts'
import { inSession, type MysqlServer } from '../support/mysql-server.ts'

const ALL_HAZARDS = Object.keys(HAZARDS) as HazardName[]
/** About a second each, there and back. */
const RUNS = Number(process.env['TENANTRY_RANDOM_RUNS'] ?? 40)

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
  readonly parts: readonly string[]
  readonly trigger: boolean
}

/** Of each of these the values 1 and 2 can be had, and become any other. */
const TYPES = [
  'int',
  'bigint unsigned',
  'smallint(4) unsigned zerofill',
  'decimal(10,2)',
  'double',
  'varchar(20)',
  'varchar(40) CHARACTER SET latin1',
  'char(12) COLLATE utf8mb4_bin',
  'text',
  'year',
  "enum('1','2','x''y')",
]

const TRAITS = [
  '',
  '',
  'DEFAULT 1',
  "COMMENT 'it''s; a -- comment'",
  'INVISIBLE',
  'NOT NULL DEFAULT 2',
  'DEFAULT (1 + 1)',
  'CHECK (§ <> 7)',
  'UNIQUE',
  'AS (id + 1) VIRTUAL',
  'AS (id + 1) STORED',
  'AS (id + 1) STORED UNIQUE',
]

const column = fc.record({
  name: fc.constantFrom('a', 'b', 'cC', 'order', 'e f', 'g`h'),
  type: fc.constantFrom(...TYPES),
  trait: fc.constantFrom(...TRAITS),
})

const table = fc.record({
  name: fc.constantFrom('t', 'u', 'Mixed', 'w x'),
  columns: fc.uniqueArray(column, { selector: ({ name }) => name, maxLength: 5 }),
  key: fc.constantFrom(
    'PRIMARY KEY (id)',
    'PRIMARY KEY (id, ref)',
    'PRIMARY KEY (id DESC)',
    'UNIQUE KEY (id)',
    'KEY (id)',
  ),
  options: fc.constantFrom(
    '',
    '',
    'ENGINE=MyISAM',
    'ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=4',
    "COMMENT='x' STATS_PERSISTENT=1",
    'DEFAULT CHARSET=latin1',
    'WITH SYSTEM VERSIONING',
  ),
  parts: fc.subarray([
    'KEY by_ref (ref)',
    'KEY pair (ref DESC, id)',
    'UNIQUE KEY once (id, note(5))',
    'FULLTEXT KEY words (note)',
    'KEY unused (note(3)) IGNORED',
    'KEY computed ((id + 1), ref)',
    'UNIQUE KEY doubled ((id * 2))',
    'CONSTRAINT `slack $` CHECK (id < 1000) NOT ENFORCED',
    'CHECK (id <> 9)',
    'CONSTRAINT known CHECK (ref IS NOT NULL OR id > 0)',
    'CONSTRAINT `up $` FOREIGN KEY (ref) REFERENCES base (id) ON DELETE CASCADE',
    'CONSTRAINT `follow $` FOREIGN KEY (ref) REFERENCES base (id) ON UPDATE CASCADE',
  ]),
  trigger: fc.boolean(),
})

const schema = fc.record({
  tables: fc.uniqueArray(table, { selector: ({ name }) => name.toLowerCase(), maxLength: 3 }),
  base: fc.constantFrom('int', 'bigint', 'int AUTO_INCREMENT'),
  views: fc.subarray([
    'SELECT id FROM base',
    'SELECT 1 AS `One`',
    'SELECT *, 2 AS two FROM v',
    'SELECT count(*) AS n FROM base',
  ]),
})

type RandomSchema = typeof schema extends fc.Arbitrary<infer One> ? One : never

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function isComputed({ trait }: RandomColumn): boolean {
  return trait.startsWith('AS ')
}

/** What MariaDB knows nothing of. */
function isOfMysql(part: string): boolean {
  return part.includes('((') || part.includes('ENFORCED')
}

/** What MySQL knows under another name, or not at all. */
function inMysql(text: string): string {
  return (text.includes('MyISAM') ? text.replaceAll(' DESC', '') : text)
    .replaceAll('IGNORED', 'INVISIBLE')
    .replaceAll('WITH SYSTEM VERSIONING', 'DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin')
    .replaceAll('text DEFAULT 1', 'text DEFAULT (1)')
    .replaceAll('text NOT NULL DEFAULT 2', 'text NOT NULL DEFAULT (2)')
}

function createTable(
  base: string,
  { name, columns, key, options, parts }: RandomTable,
  product: MysqlServer['product'],
): string {
  const type = base.replace(' AUTO_INCREMENT', '')
  const lines = columns.map((one) => {
    // A text has its key by a length, and a number computed fits neither a year nor a list of words.
    const own = isComputed(one) ? 'bigint' : one.trait === 'UNIQUE' && one.type === 'text' ? 'int' : one.type
    return `${quoted(one.name)} ${own} ${one.trait.replaceAll('§', quoted(one.name))}`
  })
  const cascades = parts.some((part) => part.includes('ON UPDATE'))
  const kept = parts
    .filter((part) => !(/FOREIGN|\(\(/.test(part) && options.includes('MyISAM')))
    .filter((part) => product === 'MySQL' || !isOfMysql(part))
    // A check must not read what a foreign key writes.
    .filter((part) => !(part.includes('known') && cascades))
  // Names of checks are the database's there.
  const known = product === 'MySQL' ? 'CONSTRAINT `known $`' : 'CONSTRAINT known'
  const all = [`id ${type} NOT NULL`, `ref ${type} NOT NULL`, 'note varchar(30)', ...lines, key, ...kept]
  return `CREATE TABLE ${quoted(name)} (${all
    .join(', ')
    .replaceAll('CONSTRAINT known', () => known)
    .replaceAll('$', () => name)}) ${options}`
}

function statementsOf({ tables, base, views }: RandomSchema, product: MysqlServer['product']): string[] {
  const statements = [
    `CREATE TABLE base (id ${base} PRIMARY KEY)`,
    ...tables.map((one) => createTable(base, one, product)),
    'CREATE VIEW v AS SELECT max(id) AS last FROM base',
    ...views.map((view, at) => `CREATE VIEW v${at} AS ${view}`),
    ...tables
      .filter(({ trigger }) => trigger)
      .map(
        ({ name }) =>
          `CREATE TRIGGER ${quoted(`on ${name}`)} BEFORE INSERT ON ${quoted(name)} FOR EACH ROW SET NEW.note = 'n'`,
      ),
  ]
  return product === 'MySQL' ? statements.map(inMysql) : statements
}

function rowsOf({ name, columns }: RandomTable): string[] {
  const plain = columns.filter((one) => !isComputed(one))
  const names = ['id', 'ref', ...plain.map((one) => one.name)].map(quoted).join(', ')
  return [1, 2].map(
    (row) =>
      `INSERT INTO ${quoted(name)} (${names}) VALUES (${[row, row, ...plain.map(() => row)].join(', ')})`,
  )
}

onBoth('random schemas on', ({ product, start }) => {
  let server: MysqlServer

  beforeAll(async () => {
    server = await start()
  })
  afterAll(async () => {
    await server.remove()
  })

  function rows(database: string, snapshot: Snapshot): string[][] {
    const tables = snapshot.objects
      .filter(({ kind }) => kind === 'table')
      .map(({ name }) => name[0] as string)
    const counts = tables.map((name) => `SELECT count(*) FROM ${quoted(name)};`).join('\n')
    const lines = server.script(counts, database).split('\n')
    return tables.map((name, at) => [name, lines[at * 2 + 1] ?? ''])
  }

  /** MySQL shows the year that a check compares with only once the table was altered. */
  const dumped = (database: string): string[] =>
    server.dump(database).map((text) => text.replaceAll(' <> 2007)', ' <> 7)'))

  /** Rows are kept in every table that stays, unless the plan itself says that some are lost. */
  async function become(database: string, target: Snapshot, style: 'online' | 'plain'): Promise<void> {
    await inSession(server, database, async (session) => {
      const source = await mysql.inspect(session)
      const plan = makePlan(mysql, source, target, { style })
      const before = rows(database, source)
      const { failure } = await executePlan(mysql, session, plan, { allow: ALL_HAZARDS })
      expect(failure).toBeUndefined()
      const now = await mysql.inspect(session)
      expect(diff(now, target)).toEqual([])
      const loses = plan.steps.some(({ hazards }) => hazards.some(({ name }) => name === 'data-loss'))
      const after = new Map(rows(database, now).map(([name, count]) => [name, count]))
      const kept = before.filter(([name]) => !loses && after.has(name as string))
      expect(kept.map(([name]) => [name, after.get(name as string)])).toEqual(kept)
    })
  }

  const inspected = (database: string): Promise<Snapshot> =>
    inSession(server, database, (session) => mysql.inspect(session))

  test('any schema becomes any other and comes back, and its rows survive', async () => {
    await fc.assert(
      fc.asyncProperty(schema, schema, async (from, to) => {
        const rowsIn = ['INSERT INTO base VALUES (1), (2)', ...from.tables.flatMap(rowsOf)]
        server.create('random_a', [...statementsOf(from, product), ...rowsIn].join(';\n'))
        server.create('random_b', statementsOf(to, product).join(';\n'))
        const [source, target] = [await inspected('random_a'), await inspected('random_b')]
        const dump = dumped('random_a')
        await become('random_a', target, 'online')
        expect(dumped('random_a')).toEqual(dumped('random_b'))
        await become('random_a', source, 'plain')
        expect(dumped('random_a')).toEqual(dump)
      }),
      {
        numRuns: product === 'MySQL' ? Math.ceil(RUNS / 2) : RUNS,
        seed: Number(process.env['TENANTRY_RANDOM_SEED'] ?? 20_261_121),
      },
    )
  }, 300_000)
})

/**
 * What plans do by the release of the server, told from texts as it shows them: MySQL 8 itself is not to be had here.
 * What MySQL does otherwise than MariaDB is tried on a real one (corpus-mysql, mysql-only).
 */
import { expect, test } from 'vitest'
import { readTable, tableObjects } from '../../src/schema/dialects/mysql/inspect/tables.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import { makeSnapshot, type Snapshot } from '../../src/schema/snapshot/snapshot.ts'

const TAIL = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci'

/** One table `t` with these lines, as SHOW CREATE TABLE gives them. */
function table(
  version: string,
  lines: readonly string[],
  tail = TAIL,
  size: { readonly rows: number; readonly bytes: number } = { rows: 1, bytes: 9 },
): Snapshot {
  const row = {
    name: 't',
    kind: 'table',
    collation: 'utf8mb4_0900_ai_ci',
    ...size,
    made: null,
  } as const
  const text = `CREATE TABLE \`t\` (\n  ${['`id` int NOT NULL', ...lines].join(',\n  ')}\n) ${tail}`
  const { objects, unmodelled } = tableObjects(
    [readTable(text, row, { version, defaultCollations: new Map() })],
    new Set(),
  )
  expect(unmodelled).toEqual([])
  return makeSnapshot('mysql', version, objects, [])
}

function statements(from: Snapshot, to: Snapshot): string[] {
  return makePlan(mysql, from, to, { style: 'online' }).steps.map(({ sql }) => sql)
}

const NOTHING = makeSnapshot('mysql', '8.0.36', [], [])

test('a text without a default is left as it is: MySQL never shows one', () => {
  const lines = ['`a` text', '`b` json DEFAULT NULL', '`c` int']
  const dropped = (version: string): string[] =>
    statements(NOTHING, table(version, lines)).filter((sql) => sql.includes('DROP DEFAULT'))
  expect(dropped('8.0.36')).toEqual(['ALTER TABLE `t` ALTER COLUMN `c` DROP DEFAULT'])
  expect(dropped('10.11.9-MariaDB')).toEqual([
    'ALTER TABLE `t` ALTER COLUMN `a` DROP DEFAULT, ALTER COLUMN `c` DROP DEFAULT',
  ])
})

test('a check that is enforced or not is changed in place', () => {
  const enforced = table('8.0.36', ['CONSTRAINT `c` CHECK ((`id` <> 0))'])
  const not = table('8.0.36', ['CONSTRAINT `c` CHECK ((`id` <> 0)) /*!80016 NOT ENFORCED */'])
  expect(statements(enforced, not)).toEqual([
    'ALTER TABLE `t` ALTER CHECK `c` NOT ENFORCED, ALGORITHM=INSTANT',
  ])
  expect(statements(not, enforced)).toEqual(['ALTER TABLE `t` ALTER CHECK `c` ENFORCED'])
  const other = table('8.0.36', ['CONSTRAINT `c` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */'])
  expect(statements(enforced, other)).toEqual([
    'ALTER TABLE `t` DROP CONSTRAINT `c`, ADD CONSTRAINT `c` CHECK ((`id` > 0)) NOT ENFORCED, ALGORITHM=INSTANT',
  ])
})

test('what comes in comments for newer versions is read, and written plainly', () => {
  const plain = table('8.0.36', ['`a` int DEFAULT NULL', '`g` point DEFAULT NULL', 'KEY `k` (`a`)'])
  const hidden = table('8.0.36', [
    '`a` int DEFAULT NULL /*!80023 INVISIBLE */',
    '`g` point DEFAULT NULL /*!80003 SRID 4326 */',
    'KEY `k` (`a`) /*!80000 INVISIBLE */',
    'KEY `f` ((lower(`g`)))',
  ])
  const all = statements(plain, hidden).join('\n')
  expect(all).toContain('MODIFY COLUMN `a` int NULL INVISIBLE DEFAULT NULL')
  expect(all).toContain('MODIFY COLUMN `g` point NULL DEFAULT NULL SRID 4326')
  expect(all).toContain('ALTER INDEX `k` INVISIBLE')
  expect(all).toContain('ADD KEY `f` ((lower(`g`)))')
  expect(statements(hidden, plain).join('\n')).toContain('ALTER INDEX `k` VISIBLE')
})

test.each([
  ['8.0.36', 'ALGORITHM=INPLACE, LOCK=NONE'],
  ['10.11.9-MariaDB', 'ALGORITHM=INSTANT'],
])('a longer varchar and a comment of the table on %s', (version, asked) => {
  const short = table(version, ['`a` varchar(10) DEFAULT NULL'])
  const long = table(version, ['`a` varchar(20) DEFAULT NULL'])
  const said = table(version, ['`a` varchar(10) DEFAULT NULL'], `${TAIL} COMMENT='x'`)
  expect(statements(short, long)[0]?.endsWith(`, ${asked}`)).toBe(true)
  expect(statements(short, said)).toEqual([`ALTER TABLE \`t\` COMMENT='x', ${asked}`])
})

test.each([
  ['8.0.28', 'INPLACE, LOCK=NONE', 'INPLACE, LOCK=NONE', 'INSTANT'],
  ['8.0.29', 'INSTANT', 'INSTANT', 'INSTANT'],
  ['8.4.2', 'INSTANT', 'INSTANT', 'INSTANT'],
  ['10.11.9-MariaDB', 'INSTANT', 'INSTANT', 'INSTANT'],
])(
  'columns on %s: dropped by %s, added in the middle by %s, at the end by %s',
  (version, drop, middle, end) => {
    const [a, ab, ba] = [
      ['`a` int DEFAULT NULL'],
      ['`a` int DEFAULT NULL', '`b` int DEFAULT NULL'],
      ['`b` int DEFAULT NULL', '`a` int DEFAULT NULL'],
    ].map((lines) => table(version, lines)) as [Snapshot, Snapshot, Snapshot]
    const asked = (from: Snapshot, to: Snapshot): string =>
      statements(from, to).join('\n').split(', ALGORITHM=')[1] ?? ''
    expect(asked(ab, a)).toBe(drop)
    expect(asked(a, ba)).toBe(middle)
    expect(asked(a, ab)).toBe(end)
  },
)

test('a table is known to be small by its rows too, as its size is noted later than they are', () => {
  const [short, long] = ['int', 'bigint'].map((type) => [`\`a\` ${type} DEFAULT NULL`]) as [
    string[],
    string[],
  ]
  const hazards = (rows: number): string[] => {
    const from = table('10.11.9-MariaDB', short, TAIL, { rows, bytes: 49_152 })
    const { steps } = makePlan(mysql, from, table('10.11.9-MariaDB', long), { style: 'auto' })
    return steps.flatMap((step) => step.hazards.map(({ name }) => name))
  }
  expect(hazards(600)).toEqual([])
  expect(hazards(600_000)).toEqual(['table-rewrite'])
})

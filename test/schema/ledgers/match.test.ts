/** What the entries of each tool's ledger mean for a source's revisions. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LEDGERS } from '../../../src/schema/ledgers/index.ts'
import type { EntryState, LedgerEntry, LedgerTool } from '../../../src/schema/ledgers/ledger.ts'
import { lineageOf, matchLedger } from '../../../src/schema/ledgers/match.ts'
import { openSource } from '../../../src/schema/sources/index.ts'
import type { SourceVersion } from '../../../src/schema/sources/source.ts'
import { EXAMPLES, folderWith } from '../sources/folders.ts'

const entry = (id: string, state: EntryState = 'applied', checksum: string | null = null): LedgerEntry => ({
  id,
  checksum,
  state,
})

const version = (revision: string, more: Partial<SourceVersion> = {}): SourceVersion => ({
  revision,
  description: '',
  upgradeSql: '',
  downgradeSql: null,
  ...more,
})

interface Found {
  applied: string[]
  unknown: string[]
  broken: string[]
  changed: string[]
}

function match(tool: LedgerTool, versions: readonly SourceVersion[], entries: readonly LedgerEntry[]): Found {
  const { applied, unknown, broken, changed } = matchLedger(LEDGERS[tool], versions, entries)
  const ids = (list: readonly LedgerEntry[]): string[] => list.map(({ id }) => id)
  return { applied: [...applied], unknown: ids(unknown), broken: ids(broken), changed: ids(changed) }
}

const nothing: Found = { applied: [], unknown: [], broken: [], changed: [] }

describe('what is there', () => {
  test.for<[LedgerTool, string[], LedgerEntry[], Partial<Found>]>([
    ['dbmate', ['1', '2', '3'], [entry('1'), entry('3')], { applied: ['1', '3'] }],
    ['golang-migrate', ['000001', '000002', '000010'], [entry('2')], { applied: ['000001', '000002'] }],
    ['golang-migrate', ['1', '2'], [entry('2', 'unfinished')], { broken: ['2'] }],
    ['golang-migrate', ['1', '2'], [entry('7')], { unknown: ['7'] }],
    ['goose', ['00001', '00002'], [entry('1'), entry('2'), entry('2', 'undone')], { applied: ['00001'] }],
    ['goose', ['1'], [entry('1', 'undone'), entry('1')], { applied: ['1'] }],
    ['flyway', ['1', '1.1', '2'], [entry('1.0'), entry('1.1')], { applied: ['1', '1.1'] }],
    ['flyway', ['1', '1.1', '2'], [entry('1.5', 'baseline'), entry('2')], { applied: ['1', '1.1', '2'] }],
    ['flyway', ['1', '2'], [entry('1'), entry('2'), entry('2', 'undone')], { applied: ['1'] }],
    ['flyway', ['1', '2'], [entry('1'), entry('2', 'failed')], { applied: ['1'], broken: ['2'] }],
    ['flyway', ['1'], [entry('R__views.sql')], { unknown: ['R__views.sql'] }],
    ['prisma', ['1_a', '2_b'], [entry('1_a'), entry('2_b', 'failed')], { applied: ['1_a'], broken: ['2_b'] }],
    ['atlas', ['1', '2', '3'], [entry('2', 'baseline'), entry('3')], { applied: ['1', '2', '3'] }],
    ['knex', ['1_a', '2_b'], [entry('1_a.js'), entry('2_b.ts')], { applied: ['1_a', '2_b'] }],
    ['sequelize', ['1-a'], [entry('1-a.cjs'), entry('9-z.js')], { applied: ['1-a'], unknown: ['9-z.js'] }],
    ['node-pg-migrate', ['1_a'], [entry('1_a')], { applied: ['1_a'] }],
    ['typeorm', ['A1'], [entry('A1')], { applied: ['A1'] }],
    ['rails', ['1'], [entry('1'), entry('2')], { applied: ['1'], unknown: ['2'] }],
  ])('%s: %j with %j', ([tool, revisions, entries, found]) => {
    const versions = revisions.map((revision) => version(revision))
    expect(match(tool, versions, entries)).toEqual({ ...nothing, ...found })
  })

  test("Alembic's heads stand for what they build on, over branches and merges", () => {
    const versions = [
      version('a', { requires: [] }),
      version('b', { requires: ['a'] }),
      version('c', { requires: ['a'] }),
      version('m', { requires: ['b', 'c'] }),
      version('d', { requires: ['a'] }),
    ]
    const sorted = (heads: string[]): string[] =>
      match(
        'alembic',
        versions,
        heads.map((head) => entry(head)),
      ).applied.toSorted()
    expect(sorted(['b'])).toEqual(['a', 'b'])
    expect(sorted(['b', 'd'])).toEqual(['a', 'b', 'd'])
    expect(sorted(['m'])).toEqual(['a', 'b', 'c', 'm'])
    expect(match('alembic', versions, [entry('x')]).unknown).toEqual(['x'])
  })

  test("Atlas's checkpoints stand for all before them", () => {
    const versions = [version('1'), version('2', { native: { standIns: ['3'] } }), version('4')]
    expect(match('atlas', versions, [entry('3', 'applied', 'x')]).applied).toEqual(['1', '2'])
  })

  test('a linear source: a revision needs all before it', () => {
    const versions = ['1', '2', '3'].map((revision) => version(revision))
    expect([...lineageOf(versions, '2')].toSorted()).toEqual(['1', '2'])
  })
})

describe('content', () => {
  test('other content is told, the same is not', () => {
    const versions = [version('1', { native: { checksums: ['aa', 'bb'] } })]
    for (const [checksum, changed] of [
      ['aa', []],
      ['bb', []],
      [null, []],
      ['cc', ['1']],
    ] as const) {
      expect(match('prisma', versions, [entry('1', 'applied', checksum)]).changed).toEqual(changed)
    }
  })

  test("Drizzle's entries are known by their hash, whatever their time", () => {
    const versions = [
      version('0000_a', { native: { id: '100', checksums: ['aa'] } }),
      version('0001_b', { native: { id: '200', checksums: ['bb'] } }),
    ]
    expect(match('drizzle', versions, [entry('999', 'applied', 'bb')]).applied).toEqual(['0001_b'])
    expect(match('drizzle', versions, [entry('200', 'applied', 'xx')]).changed).toEqual(['200'])
    expect(match('drizzle', versions, [entry('999', 'applied', 'xx')]).unknown).toEqual(['999'])
  })

  /** What the files of a source are to their tools, computed by other programs than this one. */
  test.for<[string, Record<string, string>, string[]]>([
    // python3: zlib.crc32 over the lines without their ends, as a signed number
    ['Flyway', { 'V1__a.sql': 'create table t (a int);\r\nselect 1;\n' }, ['-1260722702']],
    // sha256sum
    [
      'Prisma',
      { 'migration_lock.toml': 'provider = "postgresql"', '1_a/migration.sql': 'select 1;\n' },
      [
        '4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c',
        'a2efbdcd209e877d7c15164011fb713d9ecdc99ae8e5a695823aa8b1ac03b13f',
      ],
    ],
    [
      'Drizzle',
      {
        'meta/_journal.json': '{"dialect":"postgresql","entries":[{"idx":0,"when":7,"tag":"0000_a"}]}',
        '0000_a.sql': 'select 1;\n',
      },
      ['4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c'],
    ],
  ])('checksums of %s', async ([, files, checksums]) => {
    const [first] = await (await openSource({ path: await folderWith(files) })).list()
    expect(first?.native?.checksums).toEqual(checksums)
  })

  test('names in the ledgers of tools whose migrations are programs', async () => {
    const names = async (path: string): Promise<unknown> =>
      (await (await openSource({ path: join(EXAMPLES, path) })).list()).at(-1)?.native?.id
    expect(await names('knex')).toBe('20260108103000_index_orders_by_customer.js')
    expect(await names('sequelize')).toBe('20260108103000-index-orders-by-customer.js')
    expect(await names('node-pg-migrate')).toBe('1767868200000_index-orders-by-customer')
    expect(await names('typeorm')).toBe('OrderStatus1767794460000')
  })
})

/** Pairs of states, planned for in both directions on real servers, judged without what planned them. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ident } from '../../src/engine/sql.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import { detectRenames } from '../../src/schema/diff/renames.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { canonicalText } from '../../src/schema/dialects/postgres/inspect/text.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { PlanOptions } from '../../src/schema/plan/action.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { expectPlans } from '../support/plan-golden.ts'
import { adminQuery, createDatabase } from '../support/postgres.ts'
import { reversalsOf } from '../support/way-back.ts'
import type { SharedServer } from '../support/global-setup.ts'

const CORPUS = path.resolve(import.meta.dirname, '../corpus/postgres')
const PG_DUMP = '/usr/lib/postgresql/15/bin/pg_dump'
const run = promisify(execFile)
/** Understands all pairs: the plans that are kept are those for it. */
const NEWEST = 18

interface Meta {
  /** To be made before. */
  readonly roles?: readonly string[]
  /** The first major version of PostgreSQL that understands both states. */
  readonly since?: number
}

function text(name: string, file: string): string {
  const full = path.join(CORPUS, name, file)
  return existsSync(full) ? readFileSync(full, 'utf8') : ''
}

/** What is said of a database by something that is not our inspection. */
export type Judge = (session: SchemaSession, dsn: string) => Promise<string>

/**
 * There is no pg_dump of 18 in the test setup: the same pairs are dumped and compared on 15. What it would show
 * beyond that is who holds a NOT NULL, under which name; partitions are shown without it.
 */
export const byNotNulls: Judge = async (session) => {
  const rows = await session.query(`select format('%s.%s %s', k.conrelid::regclass, a.attname,
      case when k.conislocal then format('%s inherit %s valid %s', k.conname, not k.connoinherit, k.convalidated)
        else 'of a parent' end) as held
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    where k.contype = 'n' and c.oid >= 16384 and not c.relispartition`)
  return rows
    .map(({ held }) => String(held))
    .toSorted()
    .join('\n')
}

/** The entries of a dump; columns may stand in any order, and `varchar IN (…)` is shown in two forms. */
export const byDump: Judge = async (_, dsn) => {
  const { stdout } = await run(PG_DUMP, ['-s', '-O', '-d', dsn])
  const entries = stdout
    .replaceAll(/^\\.*$/gm, '')
    .split(/^--\n-- Name: .*\n--\n/m)
    .slice(1)
    .map((entry) =>
      canonicalText(entry.trim().replace(/^(CREATE [^(]*(?:TABLE|TYPE) [^(]*\(\n)(.*?)(\n\))/s, sortedLines)),
    )
  return entries.toSorted().join('\n')
}

function sortedLines(_: string, start: string, lines: string, end: string): string {
  const sorted = lines.split(',\n').toSorted()
  return `${start}${sorted.join(',\n')}${end}`
}

async function opened<T>(dsn: string, work: (session: SchemaSession) => Promise<T>): Promise<T> {
  const session = await postgres.connect(dsn)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

async function load(session: SchemaSession, script: string): Promise<void> {
  await session.query(`SET search_path = public; ${script}; SET search_path = pg_catalog`)
}

/** As `execute` does, without its guards. */
async function apply(session: SchemaSession, plan: Plan): Promise<void> {
  let group: number | null = null
  for (const statement of postgres.preamble) await session.query(statement)
  for (const step of plan.steps) {
    if (group !== null && group !== step.group) await session.query('COMMIT')
    if (step.group !== null && group !== step.group) await session.query('BEGIN')
    group = step.group
    await session.query(step.sql)
  }
  if (group !== null) await session.query('COMMIT')
}

/** Rows by table; those of partitions count for their parent as well. */
async function rowCounts(session: SchemaSession): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query(`select c.oid::regclass::text as name,
    (xpath('/row/n/text()', query_to_xml('select count(*) as n from ' || c.oid::regclass, false, true, '')))[1]::text as n
    from pg_class c where c.relkind in ('r', 'p') and c.oid >= 16384`)
  return new Map(rows.map((row) => [String(row['name']), String(row['n'])]))
}

/** The reversals of all steps lead back, and rows that the plan left alone are there still. */
async function expectToComeBack(
  session: SchemaSession,
  from: Snapshot,
  plan: Plan,
  before: ReadonlyMap<string, string>,
  back: readonly string[],
): Promise<void> {
  for (const statement of back) await session.query(statement)
  expect(diff(await postgres.inspect(session), from).map(({ id }) => id)).toEqual([])
  const after = await rowCounts(session)
  const lost = [...before].filter(([table, rows]) => after.get(table) !== rows)
  if (!mayLose(plan)) expect(lost.filter(([table]) => !movesRows(plan, table))).toEqual([])
}

function mayLose(plan: Plan): boolean {
  return plan.steps.some(({ hazards }) => hazards.some(({ name }) => name === 'data-loss'))
}

/** Brings the first database to the state of the second; judged equal, nothing is left to do, and no row is gone. */
async function expectToConverge(
  source: SchemaSession,
  target: SchemaSession,
  dsns: [string, string],
  judge: Judge,
  style: PlanOptions['style'],
): Promise<Plan> {
  const from = await postgres.inspect(source)
  const to = await postgres.inspect(target)
  const renames = detectRenames(postgres, from, to).filter(({ certain }) => certain)
  const plan = makePlan(postgres, from, to, { style }, renames)
  const before = await rowCounts(source)
  await apply(source, plan)
  const reached = await postgres.inspect(source)
  expect(makePlan(postgres, reached, to).steps.map(({ sql }) => sql)).toEqual([])
  expect(diff(reached, to).map(({ id }) => id)).toEqual([])
  expect(await judge(source, dsns[0])).toBe(await judge(target, dsns[1]))
  const after = await rowCounts(source)
  const lost = [...before].filter(([table, rows]) => after.has(table) && after.get(table) !== rows)
  if (!mayLose(plan)) expect(lost.filter(([table]) => !movesRows(plan, table))).toEqual([])
  const back = reversalsOf(plan, renames.length > 0)
  if (back !== undefined) await expectToComeBack(source, from, plan, before, back)
  return plan
}

/** Rows of a partition or a child that is attached or let go count elsewhere afterwards. */
function movesRows(plan: Plan, table: string): boolean {
  const bare = (names: string): string => names.replaceAll('"', '')
  return plan.steps.some(
    ({ sql }) =>
      / (ATTACH PARTITION|DETACH PARTITION|INHERITS?) /.test(sql) && bare(sql).includes(bare(table)),
  )
}

/** Two databases, the first with rows. */
async function converges(
  server: SharedServer,
  judge: Judge,
  [source, seed]: readonly [string, string],
  target: string,
  style: PlanOptions['style'],
): Promise<Plan> {
  const a = await createDatabase('pair_a', { server })
  const b = await createDatabase('pair_b', { server })
  try {
    return await opened(
      a.dsn,
      async (one) =>
        await opened(b.dsn, async (other) => {
          await load(one, source)
          // By itself: what the session learns of the schema for the rows, it knows still when the plan is run.
          await load(one, seed)
          await load(other, target)
          return await expectToConverge(one, other, [a.dsn, b.dsn], judge, style)
        }),
    )
  } finally {
    await Promise.all([a.drop(), b.drop()])
  }
}

function metaOf(name: string): Meta {
  return JSON.parse(text(name, 'meta.json') || '{}') as Meta
}

/** Roles belong to the whole server: those that a pair needs stay for the others. */
async function makeRoles(name: string, server: SharedServer): Promise<void> {
  const { roles = [] } = metaOf(name)
  const known = new Set(
    (await adminQuery<{ rolname: string }>('select rolname from pg_roles', 'postgres', server)).map(
      ({ rolname }) => rolname,
    ),
  )
  for (const role of roles.filter((one) => !known.has(one)))
    await adminQuery(`create role ${ident(role)}`, 'postgres', server)
}

/** @param major version of the server */
export function pairs(major: number, server: () => SharedServer, judge: Judge): void {
  const cases = readdirSync(CORPUS).filter((name) => (metaOf(name).since ?? 0) <= major)
  test('there are pairs', () => {
    expect(cases.length).toBeGreaterThan(20)
  })

  test.each(cases)('%s', async (name) => {
    const [a, b, seed] = [text(name, 'a.sql'), text(name, 'b.sql'), text(name, 'seed.sql')]
    await makeRoles(name, server())
    const plan = await converges(server(), judge, [a, seed], b, 'online')
    const back = await converges(server(), judge, [b, ''], a, 'auto')
    expect(name.startsWith('same--') ? plan.steps : []).toEqual([])
    if (major === NEWEST) await expectPlans(`corpus/postgres/${name}`, plan, back)
  })
}

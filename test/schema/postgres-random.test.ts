/**
 * Random schemas with rows: from any one to any other and back, judged by what the server itself says of its
 * objects, not by our inspection; rows survive. TENANTRY_RANDOM_RUNS pairs instead of the usual ones, from
 * TENANTRY_RANDOM_SEED on; with TENANTRY_RANDOM_MAJOR=15 on Debian's server.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ident } from '../../src/engine/sql.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import { detectRenames } from '../../src/schema/diff/renames.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import { HAZARDS, type HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan, PlanStep } from '../../src/schema/plan/plan.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { startDebianServer, type PrivateServer } from '../support/private-servers.ts'
import { said } from './postgres-said.ts'
import { randomPair, statementsOf } from './random-postgres-schemas.ts'
import { rowsOf } from './random-postgres-tables.ts'

const RUNS = Number(process.env['TENANTRY_RANDOM_RUNS'] ?? 30)
const SEED = Number(process.env['TENANTRY_RANDOM_SEED'] ?? 20_261_121)
const MAJOR = Number(process.env['TENANTRY_RANDOM_MAJOR'] ?? 18)
const ALL_HAZARDS = Object.keys(HAZARDS) as HazardName[]

let debian: PrivateServer | undefined
let databases: [TestDatabase, TestDatabase]
beforeAll(async () => {
  if (MAJOR === 15) debian = await startDebianServer({ settings: { fsync: 'off' } })
  const place = debian === undefined ? {} : { server: debian }
  databases = [await createDatabase('random_a', place), await createDatabase('random_b', place)]
})
afterAll(async () => {
  for (const database of databases) await database.drop()
  await debian?.remove()
})

async function build(session: SchemaSession, statements: readonly string[]): Promise<void> {
  const publications = await session.query('SELECT pubname FROM pg_publication')
  const script = [
    ...publications.map(({ pubname }) => `DROP PUBLICATION ${ident(String(pubname))}`),
    'DROP SCHEMA IF EXISTS other, far CASCADE',
    'DROP SCHEMA public CASCADE',
    'CREATE SCHEMA public',
    'SET search_path = public',
    ...statements,
  ]
  await session.query([...script, 'SET search_path = pg_catalog'].join(';\n'))
}

/** Rows by table, without those of partitions, which count for their parent. */
async function rowCounts(session: SchemaSession): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query(`select c.oid::regclass::text as name,
    (xpath('/row/n/text()', query_to_xml('select count(*) as n from ' || c.oid::regclass, false, true, '')))[1]::text as n
    from pg_class c where c.relkind in ('r', 'p') and not c.relispartition and c.oid >= 16384`)
  return new Map(rows.map((row) => [String(row['name']), String(row['n'])]))
}

async function converges(source: SchemaSession, target: SchemaSession): Promise<Plan> {
  const [from, to] = [await postgres.inspect(source), await postgres.inspect(target)]
  const renames = detectRenames(postgres, from, to).filter(({ certain }) => certain)
  const plan = makePlan(postgres, from, to, {}, renames)
  const before = await rowCounts(source)
  const { failure } = await executePlan(postgres, source, plan, { allow: ALL_HAZARDS })
  // Rows stay where they are: some no longer fit into a partition that gets other bounds, and the plan says so.
  fc.pre(!(/_tenantry_attach"|partition constraint/.test(failure?.message ?? '') && mayFail(plan)))
  // A column that is new has the same default in all rows, and is not to have it twice.
  fc.pre(!(failure?.sqlstate === '23505' && namesHazard(plan.steps[failure.step], 'may-fail')))
  expect(failure).toBeUndefined()
  expect(diff(await postgres.inspect(source), to).map(({ type, id }) => `${type} ${id}`)).toEqual([])
  expect(await said(source)).toEqual(await said(target))
  const after = await rowCounts(source)
  const kept = [...before].filter(([name]) => after.has(name) && renames.length === 0)
  expect(kept.map(([name]) => [name, after.get(name)])).toEqual(kept)
  return plan
}

function namesHazard(step: PlanStep | undefined, hazard: HazardName): boolean {
  return step?.hazards.some(({ name }) => name === hazard) === true
}

function mayFail(plan: Plan): boolean {
  return plan.steps.some(({ hazards }) => hazards.some(({ detail }) => /do not belong there/.test(detail)))
}

test('any schema becomes any other and comes back, and its rows survive', { timeout: 0 }, async () => {
  const [a, b] = databases
  await fc.assert(
    fc.asyncProperty(randomPair, async ([from, to]) => {
      const [source, target] = await Promise.all([a, b].map(async ({ dsn }) => await postgres.connect(dsn)))
      if (source === undefined || target === undefined) throw new Error('Two sessions were asked for.')
      try {
        await build(source, [...statementsOf(from, MAJOR), ...from.tables.flatMap(rowsOf)])
        await build(target, statementsOf(to, MAJOR))
        await converges(source, target)
        await build(target, statementsOf(from, MAJOR))
        await converges(source, target)
      } finally {
        await source.close()
        await target.close()
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  )
})

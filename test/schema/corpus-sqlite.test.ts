/** Pairs of states, planned for in both directions, applied by the sqlite3 program, judged without our own inspection. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { detectRenames } from '../../src/schema/diff/renames.ts'
import { scriptOf, sqlite } from '../../src/schema/dialects/sqlite/index.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { expectPlans } from '../support/plan-golden.ts'
import { withProgram } from '../support/programs.ts'
import { reversalsOf } from '../support/way-back.ts'
import { rowCounts, sqlite3, sqliteFacts, sqliteFile, sqliteFolder } from '../support/sqlite.ts'

const CORPUS = path.resolve(import.meta.dirname, '../corpus/sqlite')
const cases = readdirSync(CORPUS)

function text(name: string, file: string): string {
  const full = path.join(CORPUS, name, file)
  return existsSync(full) ? readFileSync(full, 'utf8') : ''
}

async function inspected(file: string): Promise<Snapshot> {
  const session = await sqlite.connect(`sqlite:${file}`)
  try {
    return await sqlite.inspect(session)
  } finally {
    await session.close()
  }
}

/** Runs statements as `schema plan --format sql | sqlite3 file` does. */
function apply(file: string, statements: readonly string[]): void {
  sqlite3(file, scriptOf([...sqlite.preamble, sqlite.begin, ...statements, 'COMMIT']))
}

/** Rows that are gone although their table is still there, and no hazard says so. */
function rowsLost(plan: Plan, before: Record<string, number>, after: Record<string, number>): string[] {
  return Object.entries(before)
    .filter(([table, rows]) => after[table] !== undefined && after[table] !== rows)
    .filter(([table]) => !plan.steps.some(({ drops }) => drops.includes(`table:${table}`)))
    .map(([table]) => table)
}

async function expectToConverge(source: string, target: string): Promise<Plan> {
  const [from, to] = [await inspected(source), await inspected(target)]
  const renames = detectRenames(sqlite, from, to).filter(({ certain }) => certain)
  const plan = makePlan(sqlite, from, to, {}, renames)
  const before = rowCounts(source)
  apply(
    source,
    plan.steps.map(({ sql }) => sql),
  )
  expect(sqliteFacts(source)).toEqual(sqliteFacts(target))
  expect(rowsLost(plan, before, rowCounts(source))).toEqual([])
  expect(makePlan(sqlite, await inspected(source), to).steps.map(({ sql }) => sql)).toEqual([])
  const back = reversalsOf(plan, renames.length > 0)
  apply(source, back ?? [])
  const left = diff(await inspected(source), from).map(({ id }) => id)
  expect(back === undefined ? [] : left).toEqual([])
  expect(sqlite3(source, 'PRAGMA integrity_check;').trim()).toBe('ok')
  return plan
}

withProgram('sqlite3').describe('pairs of SQLite schemas', () => {
  test.each(cases)('%s', async (name) => {
    const folder = sqliteFolder()
    const [a, b, seed] = [text(name, 'a.sql'), text(name, 'b.sql'), text(name, 'seed.sql')]
    const file = (which: string, script: string): string =>
      sqliteFile(path.join(folder, `${which}.db`), script)
    const plan = await expectToConverge(file('a', `${a};${seed}`), file('target-b', b))
    const back = await expectToConverge(file('b', b), file('target-a', a))
    expect(name.startsWith('same--') ? plan.steps : []).toEqual([])
    await expectPlans(`corpus/sqlite/${name}`, plan, back)
  })

  test('there are pairs', () => {
    expect(cases.length).toBeGreaterThan(100)
  })
})

/** Pairs of states, planned for in both directions, applied by the servers' own program, judged by mysqldump. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { planScript } from '../../src/schema/render/script.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { expectPlans } from '../support/plan-golden.ts'
import { onBoth } from '../support/mysql-products.ts'
import { inSession, type MysqlServer } from '../support/mysql-server.ts'
import { reversalsOf } from '../support/way-back.ts'

const CORPUS = path.resolve(import.meta.dirname, '../corpus/mysql')
/** Cases without such a file are for both. */
interface Meta {
  readonly servers?: readonly MysqlServer['product'][]
}

function text(name: string, file: string): string {
  const full = path.join(CORPUS, name, file)
  return existsSync(full) ? readFileSync(full, 'utf8') : ''
}

/** The plans that are kept are those for the first. */
function serversOf(name: string): readonly MysqlServer['product'][] {
  const { servers } = JSON.parse(text(name, 'meta.json') || '{}') as Meta
  return servers ?? ['MariaDB', 'MySQL']
}

function casesFor(product: MysqlServer['product']): string[] {
  return readdirSync(CORPUS).filter((name) => serversOf(name).includes(product))
}

onBoth('pairs of schemas on', ({ product, start }) => {
  const cases = casesFor(product)
  let server: MysqlServer

  beforeAll(async () => {
    server = await start()
  })
  afterAll(async () => {
    await server.remove()
  })

  const inspected = (database: string): Promise<Snapshot> =>
    inSession(server, database, (session) => mysql.inspect(session))

  function rowsOf(database: string, snapshot: Snapshot): Map<string, string> {
    const tables = snapshot.objects.filter(({ kind }) => kind === 'table')
    return new Map(
      tables.map(({ name }) => [
        name[0] as string,
        server.script(`SELECT count(*) FROM ${mysql.quote(name)}`, database).split('\n')[1] ?? '',
      ]),
    )
  }

  async function expectToConverge(source: string, target: string, style: 'online' | 'plain'): Promise<Plan> {
    const [from, to] = [await inspected(source), await inspected(target)]
    const plan = makePlan(mysql, from, to, { style })
    const before = rowsOf(source, from)
    server.script(await planScript(mysql, plan), source)
    expect(server.dump(source)).toEqual(server.dump(target))
    const now = await inspected(source)
    expect(makePlan(mysql, now, to).steps.map(({ sql }) => sql)).toEqual([])
    const losesRows = plan.steps.some(({ hazards }) => hazards.some(({ name }) => name === 'data-loss'))
    for (const [table, rows] of losesRows ? [] : rowsOf(source, now)) {
      expect([table, rows]).toEqual([table, before.get(table) ?? '0'])
    }
    const session = await mysql.connect(server.url(source))
    try {
      for (const statement of [...mysql.preamble, ...(reversalsOf(plan) ?? [])])
        await session.query(statement)
    } finally {
      await session.close()
    }
    expect(diff(await inspected(source), from).map(({ id }) => id)).toEqual([])
    return plan
  }

  test.each(cases)('%s', async (name) => {
    const [a, b, seed] = [text(name, 'a.sql'), text(name, 'b.sql'), text(name, 'seed.sql')]
    const targets = [server.create('target_a', a), server.create('target_b', b)] as const
    const plan = await expectToConverge(server.create('from_a', `${a};${seed}`), targets[1], 'online')
    const back = await expectToConverge(server.create('from_b', b), targets[0], 'plain')
    if (product === serversOf(name)[0]) await expectPlans(`corpus/mysql/${name}`, plan, back)
  })

  test('there are pairs', () => {
    expect(cases.length).toBeGreaterThan(60)
  })
})

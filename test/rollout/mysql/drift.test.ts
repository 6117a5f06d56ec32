/** Drift among tenants that are MariaDB databases: found, grouped, repaired; a selection brought to a snapshot. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Operation } from '../../../src/control/operations/operation.ts'
import { startRepair } from '../../../src/rollout/repair.ts'
import { effectOf } from '../../../src/schema/dialects/mysql/statement-effect.ts'
import { scriptOf } from '../../../src/schema/dialects/mysql/script.ts'
import { mysqlStepsOf } from '../../../src/schema/dialects/mysql/version-steps.ts'
import { listGroups } from '../../../src/schema/drift/findings.ts'
import { carriedOut, keepAsExpected, REPAIR_OPTIONS } from '../../support/drift.ts'
import type { MysqlServer } from '../../support/mysql-server.ts'
import { startMysqlFleet, startMysqlServer, type MysqlFleet } from '../../support/mysql-fleet.ts'
import { onBoth } from '../../support/mysql-products.ts'

const TENANT = `CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL) ENGINE=InnoDB; INSERT INTO item VALUES (1, 'one')`
/** Made by a version: what belongs to another account could not be made anew on a copy. */
const PROCEDURE = `CREATE PROCEDURE tidy() BEGIN DELETE FROM item WHERE id < 0; DO 'x;y'; END`

onBoth('drift on', ({ start }) => {
  let server: MysqlServer
  let fleet: MysqlFleet
  let tenants: string[]
  beforeAll(async () => {
    server = await startMysqlServer(start)
    fleet = await startMysqlFleet(server)
    tenants = await fleet.makeTenants(5, TENANT)
    await fleet.startWorker()
    await fleet.roll({ version: await fleet.version(PROCEDURE) })
  }, 120_000)
  afterAll(async () => {
    await fleet.close()
    await server.remove()
  })

  const run = (kind: string, input: Record<string, unknown>): Promise<Operation> =>
    carriedOut(fleet.app.control, kind, input)
  const schemaOf = (tenant: string): Promise<string> =>
    keepAsExpected(fleet.app, { server: 'maria', database: tenant })

  const repair = (key: string) =>
    startRepair(fleet.app, {
      key,
      allow: ['data-loss'],
      rollout: {
        dryRun: false,
        waves: [{ size: 'rest' }],
        options: { ...REPAIR_OPTIONS, selector: `drift:${key}` },
        createdBy: 'test',
      },
    })

  test('tenants that differ in one way are one group; a repair leaves those alone that changed meanwhile', async () => {
    const [, first = '', second = '', third = ''] = tenants
    const expected = await schemaOf(tenants[0] ?? '')
    expect((await run('drift-scan', { selector: '', expected })).result).toMatchObject({ in_sync: 5 })
    for (const name of [first, second]) fleet.write(name, 'ALTER TABLE item ADD COLUMN note TEXT')
    fleet.write(third, 'DROP PROCEDURE tidy')
    expect((await run('drift-scan', { selector: '', expected })).result).toMatchObject({
      in_sync: 2,
      different: 3,
    })
    const groups = await listGroups(fleet.app.control, '')
    expect(groups.map(({ tenants: count }) => count)).toEqual([2, 1])
    fleet.write(second, 'CREATE TABLE surprise (a INT)')
    const { id } = await repair(groups[0]?.key ?? '')
    await fleet.waitFor(id, 'completed', 60_000)
    expect(await fleet.targetsOf(id)).toMatchObject([
      { tenant: first, outcome: 'applied' },
      { tenant: second, state: 'failed', sqlstate: 'TN010' },
    ])
    expect(fleet.read(second, `SHOW COLUMNS FROM item LIKE 'note'`)).toHaveLength(1)
    expect(fleet.read(second, 'SELECT COUNT(*) FROM tenantry_ledger')).toEqual([['1']])
  })

  test('a selection is brought to a snapshot, routines with semicolons included', async () => {
    const expected = await schemaOf(tenants[0] ?? '')
    const sync = await run('schema-sync', {
      selector: '',
      expected,
      allow: ['data-loss'],
      waves: [{ size: 'rest' }],
      options: REPAIR_OPTIONS,
    })
    const started = (sync.result as { groups: { rollout?: string; refused?: string }[] }).groups
    expect(started.map(({ refused }) => refused)).toEqual(started.map(() => undefined))
    for (const { rollout = '' } of started) await fleet.waitFor(rollout, 'completed', 60_000)
    expect((await run('drift-scan', { selector: '', expected })).result).toMatchObject({
      in_sync: 5,
      different: 0,
    })
    for (const tenant of tenants) expect(fleet.read(tenant, 'SELECT name FROM item')).toEqual([['one']])
  })
})

test('a statement between settings of its own comes apart in a version, and is judged by itself', () => {
  const sql = scriptOf([
    `SET SESSION sql_mode = 'ANSI_QUOTES';\nCREATE PROCEDURE p() BEGIN SELECT "a;b"; SELECT 2; END;\nSET SESSION sql_mode = ''`,
    `SET STATEMENT sql_mode = '' FOR CREATE TABLE t (a INT)`,
  ])
  const effects = mysqlStepsOf(sql).map(({ statements }) => statements.map(({ effect }) => effect))
  expect(effects).toEqual([['session'], ['schema'], ['session'], ['schema']])
  expect(mysqlStepsOf(sql)[1]?.statements[0]?.sql).toBe(
    'CREATE PROCEDURE p() BEGIN SELECT "a;b"; SELECT 2; END',
  )
  expect(effectOf('SET STATEMENT max_statement_time = 1 FOR COMMIT')).toMatchObject({
    why: expect.any(String),
  })
})

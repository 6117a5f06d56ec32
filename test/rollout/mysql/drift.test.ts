/** Drift among tenants that are MariaDB databases: found, grouped, repaired; a selection brought to a snapshot. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getOperation } from '../../../src/control/operations/read.ts'
import type { Operation } from '../../../src/control/operations/operation.ts'
import { enqueueOperation } from '../../../src/control/operations/store.ts'
import { rolloutOptions } from '../../../src/rollout/rollout.ts'
import { startRepair } from '../../../src/rollout/repair.ts'
import { effectOf } from '../../../src/schema/dialects/mysql/statement-effect.ts'
import { versionScript } from '../../../src/schema/dialects/mysql/script.ts'
import { mysqlStepsOf } from '../../../src/schema/dialects/mysql/version-steps.ts'
import { listGroups } from '../../../src/schema/drift/findings.ts'
import { controlStore } from '../../../src/schema/snapshot/stores/control.ts'
import { openTenantDatabase, serverOf } from '../../../src/schema/tenant-session.ts'
import type { MariaDb } from '../../support/mariadb.ts'
import { startMysqlFleet, startMysqlServer, type MysqlFleet } from '../../support/mysql-fleet.ts'
import { withProgram } from '../../support/programs.ts'
import { until } from '../../support/wait.ts'

const OPTIONS = rolloutOptions.parse({
  selector: '',
  maxConnections: 10,
  errorThresholdPercent: 100,
  maxRetries: 3,
  lockTimeout: '1s',
  statementTimeout: '10s',
  via: 'direct',
})
const TENANT = `CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL) ENGINE=InnoDB; INSERT INTO item VALUES (1, 'one')`
/** Made by a version: what belongs to another account could not be made anew on a copy. */
const PROCEDURE = `CREATE PROCEDURE tidy() BEGIN DELETE FROM item WHERE id < 0; DO 'x;y'; END`

withProgram('mariadbd', 'mariadb', 'mariadbInstallDb').describe('drift on MariaDB', () => {
  let server: MariaDb
  let fleet: MysqlFleet
  let tenants: string[]
  beforeAll(async () => {
    server = await startMysqlServer()
    fleet = await startMysqlFleet(server)
    tenants = await fleet.makeTenants(5, TENANT)
    await fleet.startWorker()
    await fleet.roll({ version: await fleet.version(PROCEDURE) })
  }, 120_000)
  afterAll(async () => {
    await fleet.close()
    await server.remove()
  })

  async function run(kind: string, input: Record<string, unknown>): Promise<Operation> {
    const { id } = await enqueueOperation(fleet.app.control, { kind, input, createdBy: 'test' })
    return until(
      async () => {
        const operation = await getOperation(fleet.app.control, id)
        if (operation.state === 'succeeded') return operation
        throw new Error(`it is ${operation.state}: ${operation.error?.message ?? ''}`)
      },
      { what: `${kind} to succeed`, timeoutMs: 30_000 },
    )
  }

  async function schemaOf(tenant: string): Promise<string> {
    const { control, keyring } = fleet.app
    const { dialect, session } = await openTenantDatabase(await serverOf(control, keyring, 'maria'), tenant)
    try {
      const snapshot = await dialect.inspect(session)
      await controlStore(control).put('expected', snapshot)
      return snapshot.fingerprint
    } finally {
      await session.close()
    }
  }

  const repair = (key: string) =>
    startRepair(fleet.app, {
      key,
      allow: ['data-loss'],
      rollout: {
        dryRun: false,
        waves: [{ size: 'rest' }],
        options: { ...OPTIONS, selector: `drift:${key}` },
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
      options: OPTIONS,
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
  const sql = versionScript([
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

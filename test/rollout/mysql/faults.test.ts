/** What dies in the middle of a version on MariaDB: workers, connections, the server itself. */
import { afterAll, beforeAll, expect } from 'vitest'
import { faultTest, pick } from '../../support/faults.ts'
import type { MysqlServer } from '../../support/mysql-server.ts'
import { startMysqlFleet, startMysqlServer, type MysqlFleet } from '../../support/mysql-fleet.ts'
import { onBoth } from '../../support/mysql-products.ts'
import { until } from '../../support/wait.ts'

const PATIENT = { lockTimeout: '1min', maxConnections: 50, maxRetries: 3 } as const

/** Index without a name: made twice, there are two. Counter: counted twice, it is 2. */
const PAIRS = 4
const TABLES = Array.from(
  { length: PAIRS },
  (_, at) => `CREATE TABLE t${at} (a INT) ENGINE=InnoDB; INSERT INTO counter VALUES (${at}, 0);`,
)
const TENANT = `CREATE TABLE counter (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; ${TABLES.join(' ')}`
/** As many as a worker begins with side by side. */
const AT_ONCE = 8
const VERSION = Array.from(
  { length: PAIRS },
  (_, at) => `ALTER TABLE t${at} ADD INDEX (a);\nUPDATE counter SET n = n + 1 WHERE id = ${at};`,
).join('\n')

function expectOnce(fleet: MysqlFleet, tenant: string): void {
  const indexes = fleet.read(
    tenant,
    `SELECT table_name, COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE()
       AND table_name REGEXP '^t[0-9]' GROUP BY table_name ORDER BY table_name`,
  )
  expect(indexes).toEqual(TABLES.map((_, at) => [`t${at}`, '1']))
  expect(fleet.read(tenant, 'SELECT id, n FROM counter ORDER BY id')).toEqual(
    TABLES.map((_, at) => [String(at), '1']),
  )
  expect(fleet.read(tenant, 'SELECT COUNT(*) FROM tenantry_ledger')).toEqual([['1']])
  expect(fleet.read(tenant, 'SELECT * FROM tenantry_ledger_steps')).toEqual([])
}

/** Waits until the tenant runs a statement that looks so. @returns the number of its connection */
function stuckIn(fleet: MysqlFleet, tenant: string, statement: RegExp): Promise<number> {
  return until(() => fleet.running(tenant).find(({ info }) => statement.test(info))?.id, {
    what: `${tenant} to run ${String(statement)}`,
    timeoutMs: 30_000,
  })
}

function endOf(fleet: MysqlFleet, tenant: string, connection: number): Promise<true> {
  try {
    fleet.server.script(`KILL ${connection}`)
  } catch (thrown) {
    // The server has noticed by itself that nobody is there any more.
    if (!String(thrown).includes('Unknown thread id')) throw thrown
  }
  return until(() => !fleet.running(tenant).some(({ id }) => id === connection), {
    what: 'a connection to end',
  })
}

onBoth('on', ({ start }) => {
  let server: MysqlServer
  beforeAll(async () => {
    server = await startMysqlServer(start)
  }, 120_000)
  afterAll(() => server.remove())

  faultTest(
    'kill -9 before, in or after each statement: the next worker goes on there, and nothing is done twice',
    async ({ random, after }) => {
      const fleet = await startMysqlFleet(server)
      after(() => fleet.close())
      const tenants = await fleet.makeTenants(AT_ONCE, TENANT)
      const version = await fleet.version(VERSION)
      const cases = tenants.map((tenant, at) => ({
        tenant,
        table: at % PAIRS,
        when: pick(random, ['before the DDL', 'in the DDL', 'after the DDL', 'in the rows'] as const),
      }))
      const holders = await Promise.all(
        cases.map(({ tenant, table, when }) =>
          fleet.hold(
            tenant,
            when === 'in the rows'
              ? `SELECT * FROM counter WHERE id = ${table} FOR UPDATE`
              : `SELECT * FROM t${table}`,
          ),
        ),
      )
      const victim = await fleet.spawnWorker()
      const { id } = await fleet.rollout({ version, options: PATIENT })
      const connections: number[] = []
      for (const { tenant, table, when } of cases) {
        const statement = when === 'in the rows' ? /^UPDATE counter/ : new RegExp(`^ALTER TABLE t${table} `)
        connections.push(await stuckIn(fleet, tenant, statement))
      }
      const ledgers: { release: () => Promise<void> }[] = []
      for (const [at, { tenant, when }] of cases.entries()) {
        if (when !== 'after the DDL') continue
        ledgers.push(
          await fleet.hold(tenant, `SELECT * FROM tenantry_ledger_steps WHERE state = 'started' FOR UPDATE`),
        )
        await holders[at]?.release()
        await stuckIn(fleet, tenant, /^INSERT INTO tenantry_ledger_steps .*'done'/)
      }
      await victim.kill()
      for (const [at, { tenant, when }] of cases.entries()) {
        const connection = connections[at] ?? 0
        if (when === 'before the DDL' || when === 'after the DDL') {
          if (fleet.running(tenant).some(({ id: running }) => running === connection))
            await endOf(fleet, tenant, connection)
        }
        if (when !== 'after the DDL') await holders[at]?.release()
      }
      for (const ledger of ledgers) await ledger.release()
      await fleet.spawnWorker()
      await fleet.waitFor(id, 'completed', 60_000)
      const targets = await fleet.targetsOf(id)
      expect(targets.map(({ outcome, error }) => outcome ?? error)).toEqual(tenants.map(() => 'applied'))
      for (const tenant of tenants) expectOnce(fleet, tenant)
    },
  )

  faultTest(
    'a worker that freezes past its lease finds its connection ended when it wakes',
    async ({ after }) => {
      const fleet = await startMysqlFleet(server)
      after(() => fleet.close())
      const [tenant = ''] = await fleet.makeTenants(1, TENANT)
      const version = await fleet.version(VERSION)
      const holder = await fleet.hold(tenant, 'SELECT * FROM t1')
      const zombie = await fleet.spawnWorker()
      const { id } = await fleet.rollout({ version, options: PATIENT })
      await stuckIn(fleet, tenant, /^ALTER TABLE t1 /)
      zombie.signal('SIGSTOP')
      await holder.release()
      await fleet.spawnWorker()
      await fleet.waitFor(id, 'completed', 60_000)
      expectOnce(fleet, tenant)
      zombie.signal('SIGCONT')
      await until(() => zombie.log().includes('lease lost'), { what: 'the frozen worker to notice' })
      const next = await fleet.version('UPDATE counter SET n = n + 0')
      expect((await fleet.roll({ version: next })).targets).toMatchObject([{ outcome: 'applied' }])
      fleet.write(tenant, `DELETE FROM tenantry_ledger WHERE version_id = '${next}'`)
      expectOnce(fleet, tenant)
    },
  )

  faultTest('a statement that leaves no trace is reported in doubt, with what to do', async ({ after }) => {
    const fleet = await startMysqlFleet(server)
    after(() => fleet.close())
    const [done = '', undone = ''] = await fleet.makeTenants(2, TENANT)
    const version = await fleet.version(
      'ALTER TABLE t0 ADD COLUMN b INT;\nTRUNCATE TABLE t1;\nDROP TABLE t2;',
    )
    for (const tenant of [done, undone]) fleet.write(tenant, 'INSERT INTO t1 VALUES (1)')
    const holders = await Promise.all([done, undone].map((tenant) => fleet.hold(tenant, 'SELECT * FROM t1')))
    const victim = await fleet.spawnWorker()
    const { id } = await fleet.rollout({ version, options: PATIENT })
    const connections = [await stuckIn(fleet, done, /^TRUNCATE/), await stuckIn(fleet, undone, /^TRUNCATE/)]
    await victim.kill()
    for (const [at, tenant] of [done, undone].entries()) {
      const connection = connections[at] ?? 0
      if (fleet.running(tenant).some((one) => one.id === connection)) await endOf(fleet, tenant, connection)
      await holders[at]?.release()
    }
    await fleet.spawnWorker()
    await fleet.waitFor(id, 'completed', 60_000)
    const targets = await fleet.targetsOf(id)
    expect(targets).toMatchObject([{ sqlstate: 'TN004' }, { sqlstate: 'TN004' }])
    const error = targets[0]?.error ?? ''
    expect(error).toContain('In doubt (statement 2 of 3, line 2)')
    expect(error).toContain('What comes before it, statement 1, is in place; nothing after it was run')
    for (const tenant of [done, undone]) expect(fleet.read(tenant, 'SELECT a FROM t1')).toEqual([['1']])
    // As it says: once as one who has done it by hand, once as one who has not.
    const [, wasRun = '', , wasNot = ''] =
      /If it was run: (UPDATE .*?)(\. )If not: (DELETE .*?)\. /.exec(error) ?? []
    fleet.write(done, wasRun)
    fleet.write(undone, wasNot)
    expect((await fleet.roll({ version })).targets).toMatchObject([
      { outcome: 'applied' },
      { outcome: 'applied' },
    ])
    expect(fleet.read(done, 'SELECT a FROM t1')).toEqual([['1']])
    expect(fleet.read(undone, 'SELECT a FROM t1')).toEqual([])
    for (const tenant of [done, undone]) expect(fleet.read(tenant, `SHOW TABLES LIKE 't2'`)).toEqual([])
  })

  faultTest('two rollouts of one version by two workers: each tenant has it once', async ({ after }) => {
    const fleet = await startMysqlFleet(server)
    after(() => fleet.close())
    const tenants = await fleet.makeTenants(10, TENANT)
    const version = await fleet.version(VERSION)
    await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const both = await Promise.all([fleet.rollout({ version }), fleet.rollout({ version })])
    for (const { id } of both) await fleet.waitFor(id, 'completed', 90_000)
    const outcomes = await Promise.all(both.map(({ id }) => fleet.targetsOf(id)))
    for (const [at, tenant] of tenants.entries()) {
      expect(
        outcomes.map((targets) => targets[at]?.outcome ?? '').toSorted((a, b) => (a < b ? -1 : 1)),
      ).toEqual(['already_applied', 'applied'])
      expectOnce(fleet, tenant)
    }
  })

  faultTest(
    'the server dies in the middle of an ALTER: it is done once after the start, no row is lost',
    async ({ after }) => {
      const own = await startMysqlServer(start)
      after(() => own.remove())
      const fleet = await startMysqlFleet(own)
      after(() => fleet.close())
      const [tenant = ''] = await fleet.makeTenants(1, TENANT)
      fleet.write(
        tenant,
        `INSERT INTO t1 WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 547)
           SELECT a.i * 548 + b.i FROM n AS a CROSS JOIN n AS b;
         ALTER TABLE t1 ADD COLUMN pad CHAR(100) NOT NULL DEFAULT 'x', ALGORITHM=COPY`,
      )
      const version = await fleet.version(
        VERSION.replace('ADD INDEX (a)', 'ADD INDEX (a), ALGORITHM=COPY').replace(
          't1 ADD INDEX (a)',
          't1 ADD INDEX (a), ALGORITHM=COPY',
        ),
      )
      await fleet.startWorker()
      const { id } = await fleet.rollout({ version, options: { ...PATIENT, lockTimeout: '2s' } })
      await until(() => fleet.running(tenant).some(({ state }) => state === 'copy to tmp table'), {
        what: 'the table to be copied',
        timeoutMs: 30_000,
      })
      await own.kill()
      await until(async () => (await fleet.targetsOf(id))[0]?.sqlstate?.startsWith('08'), {
        what: 'the loss to be noticed',
      })
      await own.start()
      await fleet.waitFor(id, 'completed', 60_000)
      expect(await fleet.targetsOf(id)).toMatchObject([{ outcome: 'applied' }])
      expectOnce(fleet, tenant)
      expect(fleet.read(tenant, 'SELECT COUNT(*), MIN(pad) FROM t1')).toEqual([[String(548 * 548), 'x']])
    },
  )
})

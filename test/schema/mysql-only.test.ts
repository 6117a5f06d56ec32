/** What only MySQL has, and servers of it that are set up in other ways than usual. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { startMySql } from '../support/mysql.ts'
import { startMysqlFleet, startMysqlServer } from '../support/mysql-fleet.ts'
import { inSession, type MysqlServer } from '../support/mysql-server.ts'
import { withProgram } from '../support/programs.ts'

const inspected = (server: MysqlServer, database: string): Promise<Snapshot> =>
  inSession(server, database, (session) => mysql.inspect(session))

withProgram('mysqld', 'mysql', 'mysqldump').describe('MySQL', () => {
  let server: MysqlServer
  beforeAll(async () => {
    server = await startMySql()
  })
  afterAll(async () => {
    await server.remove()
  })

  test('a view whose text grows each time it is made from its own text is the same view', async () => {
    const tables = 'CREATE TABLE t (id int PRIMARY KEY, a int);'
    const view = 'CREATE VIEW v AS SELECT id FROM t INTERSECT SELECT a FROM t'
    const source = await inspected(server, server.create('a', tables))
    const target = await inspected(server, server.create('b', tables + view))
    const plan = makePlan(mysql, source, target)
    await inSession(server, 'a', (session) => executePlan(mysql, session, plan))
    expect(server.dump('a')).not.toEqual(server.dump('b'))
    expect(diff(await inspected(server, 'a'), target)).toEqual([])
    const other = `${tables} CREATE VIEW v AS SELECT id FROM t INTERSECT SELECT a + 1 FROM t`
    expect(diff(await inspected(server, server.create('b', other)), target)).toHaveLength(1)
  })

  test('a check that reads otherwise once its table was changed is the same check', async () => {
    const checks = [
      'y <> 7 AND y BETWEEN 0 AND 99 AND 70 <> y',
      `tm BETWEEN '8:00' AND '18:00:00.5' AND tm <> -1 AND tm <> 93000`,
      `big > -7 AND big BETWEEN -9 AND 9 AND big IN ('7', '8') AND '7' < big AND -8 < big`,
      `d BETWEEN '2020-01-01' AND '2030-01-01' AND d <> 20200102`,
      `at BETWEEN '2020-01-01' AND '2030-01-01 10:00:00' AND at > 20200102030405`,
      `bin <> 'a' AND bin IN ('b', 'c''d') AND txt <> 'a'`,
      `id BETWEEN '1' AND '7' AND id > -7 AND NULLIF(y, 7) IS NOT NULL`,
    ]
    const table = (rest: string): string =>
      `CREATE TABLE t (id int, y year, tm time(2), big bigint, d date, at datetime(3), bin varbinary(9), txt text,
         ${[...checks.map((check, at) => `CONSTRAINT c${at} CHECK (${check})`), rest].join(', ')})`
    const source = await inspected(server, server.create('a', table('KEY (id)')))
    const target = await inspected(server, server.create('b', table('KEY (id), more int')))
    const plan = makePlan(mysql, source, target)
    expect(plan.steps).toHaveLength(1)
    await inSession(server, 'a', (session) => executePlan(mysql, session, plan))
    expect(server.dump('a')).not.toEqual(server.dump('b'))
    expect(diff(await inspected(server, 'a'), target)).toEqual([])
    const other = table('KEY (id), more int').replaceAll('7', '8')
    expect(diff(await inspected(server, server.create('b', other)), target).map(({ id }) => id)).toEqual(
      ['c0', 'c2', 'c6'].map((name) => `check:t.${name}`),
    )
  })

  test('options of a database that are not compared are said', async () => {
    server.create('a')
    server.script("ALTER DATABASE a DEFAULT ENCRYPTION 'Y'; ALTER DATABASE a READ ONLY = 1")
    const { unmodelled } = await inspected(server, 'a')
    server.script('ALTER DATABASE a READ ONLY = 0')
    expect(unmodelled.map(({ kind, detail }) => `${kind}: ${detail}`)).toEqual([
      'database option: READ ONLY=1 is not compared',
      'database option: DEFAULT ENCRYPTION is not compared',
    ])
  })

  test('columns are renamed one after the other that one check, one index and the partitions read', async () => {
    const table = (a: string, b: string): string =>
      `CREATE TABLE t (${a} int, ${b} int DEFAULT (${a} + 1), c int AS (${a} + ${b}) STORED, PRIMARY KEY (${a}),
         KEY k ((${a} * ${b})), CONSTRAINT ordered CHECK (${a} < ${b})) PARTITION BY RANGE (${a})
         (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN MAXVALUE);`
    const rows = 'INSERT INTO t (a, b) VALUES (1, 2), (20, 30)'
    const source = await inspected(server, server.create('a', table('a', 'b') + rows))
    const target = await inspected(server, server.create('b', table('x', 'y')))
    const plan = makePlan(mysql, source, target, {}, [
      { from: 'column:t.a', to: 'x' },
      { from: 'column:t.b', to: 'y' },
    ])
    expect(plan.steps.flatMap(({ hazards }) => hazards.map(({ name }) => name))).not.toContain('data-loss')
    const done = await inSession(server, 'a', (session) =>
      executePlan(mysql, session, plan, { allow: ['table-rewrite'] }),
    )
    expect(done.failure).toBeUndefined()
    expect(diff(await inspected(server, 'a'), target)).toEqual([])
    expect(server.script('SELECT x, y, c FROM t ORDER BY x', 'a')).toBe('x\ty\tc\n1\t2\t3\n20\t30\t50\n')
  })
})

withProgram('mysqld', 'mysql', 'mysqldump').test(
  'a server whose names are all lower case and whose tables all need a key',
  async () => {
    const settings = ['--lower-case-table-names=1', '--sql-require-primary-key=ON']
    const server = await startMysqlServer(() => startMySql({ settings }))
    onTestFinished(server.remove)
    const wanted = `CREATE TABLE Orders (Id int PRIMARY KEY, Note varchar(20));
      CREATE TABLE Parts (id int PRIMARY KEY, OrderId int, FOREIGN KEY (OrderId) REFERENCES Orders (Id));
      CREATE VIEW Latest AS SELECT * FROM ORDERS; CREATE TRIGGER T BEFORE INSERT ON PARTS FOR EACH ROW SET NEW.id = 1;`
    const source = await inspected(
      server,
      server.create('A', 'CREATE TABLE ORDERS (Id bigint, PRIMARY KEY (Id))'),
    )
    const target = await inspected(server, server.create('B', wanted))
    const plan = makePlan(mysql, source, target)
    const done = await inSession(server, 'a', (session) =>
      executePlan(mysql, session, plan, { allow: ['data-loss', 'table-rewrite', 'may-fail'] }),
    )
    expect(done.failure).toBeUndefined()
    expect(server.dump('a')).toEqual(server.dump('b'))
    expect(diff(await inspected(server, 'a'), target)).toEqual([])
    const fleet = await startMysqlFleet(server)
    try {
      const [tenant = ''] = await fleet.makeTenants(1)
      await fleet.startWorker()
      const { targets } = await fleet.roll({
        version: await fleet.version('ALTER TABLE item ADD COLUMN b INT'),
      })
      expect(targets).toMatchObject([{ tenant, outcome: 'applied' }])
    } finally {
      await fleet.close()
    }
  },
)

/** Rollouts over tenants that are MariaDB databases: real databases, real workers. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { stopRollout } from '../../../src/rollout/commands.ts'
import { getRollout, rolloutOptions } from '../../../src/rollout/rollout.ts'
import { startUndo } from '../../../src/rollout/start.ts'
import type { MysqlServer } from '../../support/mysql-server.ts'
import { startMysqlFleet, startMysqlServer, type MysqlFleet } from '../../support/mysql-fleet.ts'
import { onBoth } from '../../support/mysql-products.ts'
import { until } from '../../support/wait.ts'

onBoth('a rollout on', ({ start }) => {
  let server: MysqlServer
  let fleet: MysqlFleet
  beforeAll(async () => {
    server = await startMysqlServer(start)
  }, 120_000)
  afterAll(() => server.remove())
  beforeEach(async () => {
    fleet = await startMysqlFleet(server)
  })
  afterEach(() => fleet.close())

  const ledger = (tenant: string): string[] =>
    fleet.read(tenant, 'SELECT version_id FROM tenantry_ledger ORDER BY version_id').map(([id = '']) => id)
  const underWay = (tenant: string): string[][] =>
    fleet.read(tenant, 'SELECT step, state FROM tenantry_ledger_steps ORDER BY step')

  async function undo(rolloutId: string) {
    const { control } = fleet.app
    const { id } = await startUndo(control, await getRollout(control, rolloutId), {
      id: randomUUID(),
      dryRun: false,
      waves: [{ size: 'rest' }],
      createdBy: 'test',
      options: rolloutOptions.parse({
        selector: '',
        maxConnections: 5,
        errorThresholdPercent: 100,
        maxRetries: 1,
        lockTimeout: '1s',
        statementTimeout: '10s',
        via: 'direct',
      }),
    })
    await fleet.waitFor(id, 'completed', 60_000)
    return fleet.targetsOf(id)
  }

  test('applies a version once to each database, in waves: DDL, rows, a trigger without DELIMITER', async () => {
    const names = await fleet.makeTenants(12)
    const id = await fleet.version(
      `ALTER TABLE item ADD COLUMN size INT DEFAULT 7; -- comment; with semicolon
       CREATE TABLE log (what VARCHAR(50)) ENGINE=InnoDB;
       CREATE TRIGGER item_ai AFTER INSERT ON item FOR EACH ROW BEGIN INSERT INTO log VALUES ('new; item'); DELETE FROM log WHERE 0; END;
       INSERT INTO item (id) VALUES (2);
       UPDATE item SET name = 'one' WHERE id = 1;`,
    )
    await fleet.startWorker()
    const waves = [{ size: '1' }, { size: '50%' }, { size: 'rest' as const }]
    const first = await fleet.roll({ version: id, waves })
    expect(first.targets.map(({ outcome }) => outcome)).toEqual(names.map(() => 'applied'))
    const second = await fleet.roll({ version: id })
    expect(second.targets.map(({ outcome }) => outcome)).toEqual(names.map(() => 'already_applied'))
    for (const name of names) {
      expect(fleet.read(name, 'SELECT version_id, rollout_id FROM tenantry_ledger')).toEqual([[id, first.id]])
      expect(underWay(name)).toEqual([])
      expect(fleet.read(name, 'SELECT * FROM item ORDER BY id')).toEqual([
        ['1', 'one', '7'],
        ['2', 'NULL', '7'],
      ])
      expect(fleet.read(name, 'SELECT * FROM log')).toEqual([['new; item']])
    }
  })

  test('brings a tenant that is behind forward in order; what a version sets ends with it; undoes them', async () => {
    const [name = ''] = await fleet.makeTenants(1)
    const one = await fleet.version(
      `SET SESSION sql_mode = 'ANSI_QUOTES'; SET @there = 5; CREATE TABLE "one" (a INT); INSERT INTO "one" VALUES (@there);`,
      'DROP TABLE one',
    )
    const two = await fleet.version(
      `INSERT INTO one VALUES ("2"); INSERT INTO one VALUES (@there)`,
      'DELETE FROM one',
    )
    await fleet.addVersion({ upgrade: 'create table not_for_mysql (a int)' })
    await fleet.startWorker()
    const done = await fleet.roll({ version: 'latest', upTo: true })
    expect(done.targets).toMatchObject([{ outcome: 'applied', error: '2 versions' }])
    expect(ledger(name)).toEqual([one, two])
    expect(fleet.read(name, 'SELECT a FROM one ORDER BY a IS NULL, a')).toEqual([['2'], ['5'], ['NULL']])
    expect(await undo(done.id)).toMatchObject([{ outcome: 'undone' }])
    expect(ledger(name)).toEqual([])
    expect(fleet.read(name, `SHOW TABLES LIKE 'one'`)).toEqual([])
  })

  test('half way says exactly what is in place; mended, a retry goes on at the right statement', async () => {
    const [bad = '', good = ''] = await fleet.makeTenants(2)
    fleet.write(bad, 'CREATE TABLE t2 (a INT)')
    const id = await fleet.version(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0
          ? `CREATE TABLE t${index} (a INT) ENGINE=InnoDB;`
          : `INSERT INTO t${index - 1} VALUES (${index});`,
      ).join('\n'),
    )
    await fleet.startWorker()
    const { targets } = await fleet.roll({ version: id })
    expect(targets).toMatchObject([
      { tenant: bad, state: 'failed', sqlstate: '42S01' },
      { tenant: good, outcome: 'applied' },
    ])
    expect(targets[0]?.error).toBe(
      "Table 't2' already exists (statement 3 of 10, line 3); statements 1 to 2 are in place, the version is half way: mend the cause and try again, it goes on from here – error 1050",
    )
    expect(underWay(bad)).toEqual([
      ['0', 'done'],
      ['1', 'done'],
    ])
    expect(ledger(bad)).toEqual([])
    const next = await fleet.version('CREATE TABLE another (a INT)')
    const blocked = await fleet.roll({ version: next })
    expect(blocked.targets).toMatchObject([
      { tenant: bad, sqlstate: 'TN005', error: expect.stringContaining(`Version ${id} is half applied`) },
      { tenant: good, outcome: 'applied' },
    ])
    fleet.write(bad, 'DROP TABLE t2')
    const again = await fleet.roll({ version: id })
    expect(again.targets).toMatchObject([
      { tenant: bad, outcome: 'applied' },
      { tenant: good, outcome: 'already_applied' },
    ])
    expect([0, 2, 4, 6, 8].map((table) => fleet.read(bad, `SELECT a FROM t${table}`))).toEqual(
      [1, 3, 5, 7, 9].map((value) => [[String(value)]]),
    )
    expect(underWay(bad)).toEqual([])
  })

  test('rows are changed together with the ledger, or not at all', async () => {
    const [bad = '', good = ''] = await fleet.makeTenants(2)
    fleet.write(bad, 'INSERT INTO item VALUES (3, NULL)')
    const id = await fleet.version('INSERT INTO item VALUES (2, NULL);\nINSERT INTO item VALUES (3, NULL);')
    await fleet.startWorker()
    const { targets } = await fleet.roll({ version: id })
    expect(targets).toMatchObject([
      {
        tenant: bad,
        sqlstate: '23000',
        error: expect.stringContaining('(statement 2 of 2, line 2) – error 1062'),
      },
      { tenant: good, outcome: 'applied' },
    ])
    expect(fleet.read(bad, 'SELECT id FROM item ORDER BY id')).toEqual([['1'], ['3']])
  })

  test('rows in a table without transactions that cannot be rolled back are said to stay', async () => {
    const [name = ''] = await fleet.makeTenants(1)
    fleet.write(name, 'CREATE TABLE old (a INT) ENGINE=MyISAM')
    const id = await fleet.version('INSERT INTO old VALUES (1); INSERT INTO item VALUES (1, NULL);')
    await fleet.startWorker()
    const first = await fleet.roll({ version: id })
    expect(first.targets[0]?.error).toContain(
      'tables here know no transactions (old): what it did there stays',
    )
    const second = await fleet.roll({ version: id })
    expect(second.targets).toMatchObject([{ state: 'failed', sqlstate: 'TN004' }])
    expect(second.targets[0]?.error).toContain('In doubt (statement 1 of 2, line 1)')
    expect(fleet.read(name, 'SELECT a FROM old')).toEqual([['1']])
  })

  test('refuses a version that is there, or begun, with another checksum', async () => {
    const names = await fleet.makeTenants(2)
    const id = await fleet.version('CREATE TABLE one (a INT)')
    await fleet.startWorker()
    await fleet.roll({ version: await fleet.version('SELECT 1') })
    const values = `('${id}', 'x', 'y', UTC_TIMESTAMP())`
    fleet.write(names[0] ?? '', `INSERT INTO tenantry_ledger VALUES ${values}`)
    fleet.write(
      names[1] ?? '',
      `CREATE TABLE IF NOT EXISTS tenantry_ledger_steps (x INT);
       INSERT INTO tenantry_ledger_steps VALUES ('${id}', 'upgrade', 0, 'x', 'done', 's', NULL, UTC_TIMESTAMP())`,
    )
    const { targets } = await fleet.roll({ version: id })
    expect(targets).toMatchObject([{ sqlstate: 'TN001' }, { sqlstate: 'TN001' }])
    for (const name of names) expect(fleet.read(name, `SHOW TABLES LIKE 'one'`)).toEqual([])
  })

  test('is not led astray by what a tenant calls its tables, nor by a ledger that is a view', async () => {
    const [hostile = '', strange = ''] = await fleet.makeTenants(2)
    fleet.write(
      hostile,
      'CREATE VIEW tenantry_ledger AS SELECT 1 AS version_id, 2 AS checksum, 3 AS rollout_id',
    )
    fleet.write(
      strange,
      "CREATE TABLE `a`` ; DROP TABLE item; -- '` (`x\"y` INT COMMENT 'q;''q') ENGINE=InnoDB; CREATE TABLE `BEGIN` (`END` INT)",
    )
    const id = await fleet.version(
      "ALTER TABLE `a`` ; DROP TABLE item; -- '` ADD COLUMN `/* no comment` INT COMMENT '; DROP TABLE item;';\nINSERT INTO `BEGIN` VALUES (1);",
    )
    await fleet.startWorker()
    const { targets } = await fleet.roll({ version: id })
    expect(targets).toMatchObject([
      { tenant: hostile, sqlstate: 'TN002', error: expect.stringContaining('tenantry_ledger in') },
      { tenant: strange, outcome: 'applied' },
    ])
    expect(fleet.read(strange, 'SELECT id FROM item')).toEqual([['1']])
    expect(fleet.read(strange, "SELECT `/* no comment` FROM `a`` ; DROP TABLE item; -- '`")).toEqual([])
  })

  test('is refused for SQL that no version can hold, and for a version of another kind', async () => {
    await fleet.makeTenants(1)
    for (const sql of [
      'COMMIT',
      'USE mysql',
      'SET GLOBAL read_only = 1',
      'SET autocommit = 0',
      'CREATE DATABASE other',
      "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE item",
      'LOCK TABLES item WRITE',
      'INSERT INTO other.item VALUES (1)',
      'CREATE TEMPORARY TABLE x (a INT); ALTER TABLE item ADD COLUMN b INT',
    ]) {
      await expect(fleet.version(sql)).rejects.toMatchObject({ code: 'source_invalid' })
    }
    const wrong = await fleet.addVersion({ upgrade: 'create table a (b int)' })
    await expect(fleet.rollout({ version: wrong })).rejects.toThrow(/written for postgres.*on mysql servers/)
  })

  test('waits for a metadata lock as long as it may, then tries again', async () => {
    const [name = ''] = await fleet.makeTenants(1)
    const id = await fleet.version('ALTER TABLE item ADD COLUMN b INT')
    const holder = await fleet.hold(name, 'SELECT * FROM item')
    await fleet.startWorker()
    const { id: rollout } = await fleet.rollout({
      version: id,
      options: { maxRetries: 20, lockTimeout: '1s' },
    })
    await until(async () => (await fleet.targetsOf(rollout))[0]?.sqlstate === '55P03', {
      what: 'the lock to be met',
    })
    await holder.release()
    await fleet.waitFor(rollout, 'completed', 60_000)
    expect(await fleet.targetsOf(rollout)).toMatchObject([{ outcome: 'applied' }])
    expect(fleet.read(name, `SHOW COLUMNS FROM item LIKE 'b'`)).toHaveLength(1)
  })

  test('stops: what was not begun is skipped', async () => {
    await fleet.makeTenants(3)
    const id = await fleet.version('CREATE TABLE one (a INT)')
    const { id: rollout } = await fleet.rollout({
      version: id,
      waves: [{ size: '1', approval: true }, { size: 'rest' }],
    })
    await fleet.startWorker()
    await fleet.waitFor(rollout, 'awaiting_approval')
    await stopRollout(fleet.app.control, rollout, { actor: 'test' })
    await fleet.waitFor(rollout, 'stopped')
    expect((await fleet.targetsOf(rollout)).map(({ outcome }) => outcome)).toEqual([
      'applied',
      'skipped',
      'skipped',
    ])
  })

  test('as a dry run changes nothing: rows are really tried, DDL on a copy', async () => {
    const [bad = '', good = ''] = await fleet.makeTenants(2)
    fleet.write(bad, 'INSERT INTO item VALUES (2, NULL); CREATE TABLE one (a INT)')
    const rows = await fleet.version('INSERT INTO item VALUES (2, NULL)')
    const ddl = await fleet.version('CREATE TABLE one (a INT); INSERT INTO one VALUES (1);')
    await fleet.startWorker()
    const before = [bad, good].map((name) => server.dump(name))
    expect((await fleet.roll({ version: rows, dryRun: true })).targets).toMatchObject([
      { tenant: bad, state: 'failed', sqlstate: '23000' },
      { tenant: good, outcome: 'would_apply' },
    ])
    expect((await fleet.roll({ version: ddl, dryRun: true })).targets).toMatchObject([
      { tenant: bad, state: 'failed', sqlstate: '42S01', error: expect.stringContaining('statement 1 of 2') },
      {
        tenant: good,
        outcome: 'would_apply_unproven',
        error: expect.stringContaining('They cannot be rolled back: CREATE TABLE one (a INT)'),
      },
    ])
    expect([bad, good].map((name) => server.dump(name))).toEqual(before)
    expect(fleet.read(good, 'SELECT id FROM item')).toEqual([['1']])
    expect(fleet.read('information_schema', `SHOW DATABASES LIKE 'tenantry%'`)).toEqual([])
  })
})

/** Plans on a real MariaDB and a real MySQL: proved, run, interrupted by the death of the server, with renames and locks. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { scriptOf } from '../../src/schema/dialects/mysql/script.ts'
import { mysqlStepsOf } from '../../src/schema/dialects/mysql/version-steps.ts'
import { executePlan } from '../../src/schema/execute.ts'
import type { RenameHint } from '../../src/schema/diff/renames.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { PlanOptions } from '../../src/schema/plan/action.ts'
import type { Plan } from '../../src/schema/plan/plan.ts'
import { provePlan } from '../../src/schema/prove.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { startMariaDb } from '../support/mariadb.ts'
import { withProgram } from '../support/programs.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { onBoth } from '../support/mysql-products.ts'
import { inSession, type MysqlServer } from '../support/mysql-server.ts'
import { until } from '../support/wait.ts'

onBoth('plans on', ({ product, start }) => {
  let server: MysqlServer

  beforeAll(async () => {
    server = await start()
  })
  afterAll(async () => {
    await server.remove()
  })

  const using = <T>(database: string, work: (session: SchemaSession) => Promise<T>): Promise<T> =>
    inSession(server, database, work)

  /** A plan from the first script's schema to the second's, proved on a scratch database of the same server. */
  async function provedPlan(
    from: string,
    to: string,
    options: Partial<PlanOptions> = {},
    renames: readonly RenameHint[] = [],
  ): Promise<Plan> {
    const source = await using(server.create('a', from), async (session) => await mysql.inspect(session))
    const target = await using(server.create('b', to), async (session) => await mysql.inspect(session))
    const plan = makePlan(mysql, source, target, options, renames)
    const scratch = await mysql.scratch(server.url('a'))
    try {
      return await provePlan(mysql, scratch, source, target, plan)
    } finally {
      await scratch.close()
    }
  }

  test('an engine that forgets its rows is named as a loss', async () => {
    const table = (engine: string): string => `CREATE TABLE t (id int PRIMARY KEY) ENGINE=${engine};`
    const named = async (from: string, to: string): Promise<boolean> =>
      (await provedPlan(table(from), table(to))).steps.some(({ hazards }) =>
        hazards.some(({ name }) => name === 'data-loss'),
      )
    expect(await named('InnoDB', 'MEMORY')).toBe(true)
    expect(await named('MEMORY', 'InnoDB')).toBe(false)
    expect(await named('InnoDB', 'MyISAM')).toBe(false)
  })

  test('a server that dies in the middle of an ALTER leaves it in doubt, and the next run goes on', async () => {
    const tables =
      'CREATE TABLE small (id int PRIMARY KEY); CREATE TABLE big (id int PRIMARY KEY, a varchar(50));'
    const after =
      'CREATE TABLE small (id int PRIMARY KEY, b int); CREATE TABLE big (id int PRIMARY KEY, a varchar(50), CONSTRAINT c CHECK (id > 0 AND a <> concat(id, id))); CREATE VIEW v AS SELECT b FROM small;'
    const plan = await provedPlan(tables, after, { style: 'online' })
    const copying = plan.steps.findIndex(({ sql }) => sql.includes('ADD CONSTRAINT `c`'))
    server.script(
      `INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 632)
         SELECT a.i * 633 + b.i + 1, repeat('x', 50) FROM n AS a CROSS JOIN n AS b`,
      'a',
    )
    const session = await mysql.connect(server.url('a'))
    const running = executePlan(mysql, session, plan, { allow: ['table-rewrite'] })
    await until(
      () =>
        server
          .script("SELECT state FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE `big`%'")
          .includes('copy'),
      { what: 'the copying to have begun' },
    )
    await server.kill()
    const { steps, failure } = await running
    expect(failure).toMatchObject({ step: copying, sqlstate: expect.stringMatching(/^08/) as string })
    expect(steps.map(({ state }) => state)).toEqual(
      plan.steps.map((_, at) => (at < copying ? 'applied' : at === copying ? 'in doubt' : 'not applied')),
    )
    await session.close()
    await server.start()
    const again = await using(
      'a',
      async (next) => await executePlan(mysql, next, plan, { allow: ['table-rewrite'] }),
    )
    expect(again.failure).toBeUndefined()
    expect(again.steps.map(({ state }) => state)).toEqual(plan.steps.map(() => 'applied'))
    expect(server.dump('a')).toEqual(server.dump('b'))
    expect(server.script('SELECT count(*) FROM big', 'a')).toContain(String(633 * 633))
  })

  test('what is renamed keeps its rows, and what refers to it follows', async () => {
    const plan = await provedPlan(
      `CREATE TABLE p (id int PRIMARY KEY, a int, twice int AS (a * 2) VIRTUAL, KEY ka (a), CHECK (a > 0));
       CREATE TABLE c (pid int, FOREIGN KEY (pid) REFERENCES p (id));
       CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW SET NEW.id = 1;`,
      `CREATE TABLE q (id int PRIMARY KEY, b int, twice int AS (b * 2) VIRTUAL, KEY kb (b), CHECK (b > 0));
       CREATE TABLE c (pid int, FOREIGN KEY (pid) REFERENCES q (id));
       CREATE TRIGGER t BEFORE INSERT ON \`q\` FOR EACH ROW SET NEW.id = 1;`,
      {},
      [
        { from: 'table:p', to: 'q' },
        { from: 'column:q.a', to: 'b' },
        { from: 'index:q.ka', to: 'kb' },
      ],
    )
    expect(plan.steps.map(({ sql }) => sql)).toEqual([
      'RENAME TABLE `p` TO `q`',
      product === 'MariaDB'
        ? 'ALTER TABLE `q` RENAME COLUMN `a` TO `b`'
        : 'ALTER TABLE `q` DROP CONSTRAINT `q_chk_1`, RENAME COLUMN `a` TO `b`, ADD CONSTRAINT `q_chk_1` CHECK ((`b` > 0)), MODIFY COLUMN `twice` int GENERATED ALWAYS AS ((`b` * 2)) VIRTUAL',
      'ALTER TABLE `q` RENAME KEY `ka` TO `kb`',
    ])
  })

  test('a lock that is not granted in time stops the step, which can be tried again', async () => {
    const plan = await provedPlan('CREATE TABLE t (id int)', 'CREATE TABLE t (id int, a int)', {
      lockTimeoutMs: 1000,
    })
    await using('a', async (reader) => {
      await reader.query('START TRANSACTION; SELECT * FROM t')
      const refused = await using(
        'a',
        async (session) => await executePlan(mysql, session, plan, { lockRetries: 0 }),
      )
      expect(refused.failure).toMatchObject({ step: 0, sqlstate: '55P03' })
      await reader.query('COMMIT')
    })
    const done = await using('a', async (session) => await executePlan(mysql, session, plan))
    expect(done.failure).toBeUndefined()
  })

  const locked = async (session: SchemaSession): Promise<boolean> => await mysql.lock(session)

  test('one change of a tenant at a time', async () => {
    await using(server.create('a'), async (first) => {
      expect(await mysql.lock(first)).toBe(true)
      expect(await using('a', locked)).toBe(false)
      expect(await using(server.create('b'), locked)).toBe(true)
    })
    expect(await using('a', locked)).toBe(true)
  })

  test('what loses data says so, and what keeps them does not', async () => {
    const hazardsFrom = async (from: string, to: string): Promise<string[]> =>
      (await provedPlan(from, to)).steps.flatMap(({ hazards }) => hazards.map(({ name }) => name))
    const table = (columns: string): string => `CREATE TABLE t (id int, ${columns})`
    expect(await hazardsFrom(table('a int'), table('a bigint'))).toEqual([])
    expect(await hazardsFrom(table('a varchar(9)'), table('a text'))).toEqual([])
    expect(await hazardsFrom(table('Name int'), table('name int'))).toEqual([])
    expect(await hazardsFrom(table('a bigint'), table('a int'))).toContain('data-loss')
    expect(await hazardsFrom(table('a decimal(9,2)'), table('a decimal(9,1)'))).toContain('data-loss')
    expect(await hazardsFrom(table('a int'), 'CREATE TABLE t (id int)')).toEqual(['data-loss'])
    expect(await hazardsFrom(table('a int'), 'CREATE TABLE u (id int)')).toEqual(['data-loss'])
  })

  test('a definition that the user may not see is reported, not left out in silence', async () => {
    server.create('a', 'CREATE PROCEDURE p () SELECT 1; CREATE TABLE t (id int);')
    server.script('DROP USER IF EXISTS reader; CREATE USER reader; GRANT SELECT, EXECUTE ON a.* TO reader')
    const address = new URL(server.url('a'))
    address.username = 'reader'
    const session = await mysql.connect(address.href)
    const snapshot = await mysql.inspect(session)
    await session.close()
    expect(snapshot.objects.map(({ kind }) => kind)).toContain('table')
    expect(snapshot.unmodelled.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'grants database',
      'procedure p',
    ])
  })
})

withProgram('mariadbd', 'mariadb', 'mariadbInstallDb', 'mariadbDump').test(
  'a sequence that was never used begins at its new start, one that was used goes on',
  async () => {
    const server = await startMariaDb()
    onTestFinished(server.remove)
    const inspected = (sql: string): Promise<Snapshot> =>
      inSession(server, server.create('a', sql), (session) => mysql.inspect(session))
    const plan = makePlan(
      mysql,
      await inspected('CREATE SEQUENCE s'),
      await inspected('CREATE SEQUENCE s START WITH 5000'),
    )
    const steps = mysqlStepsOf(scriptOf(plan.steps.map(({ sql }) => sql)))
    expect(steps.map(({ kind, statements }) => [kind, statements.length])).toEqual([['single', 1]])
    const nextAfter = async (script: string): Promise<unknown> => {
      await inSession(server, server.create('a', script), (session) =>
        executePlan(mysql, session, plan, { allow: [] }),
      )
      return inSession(
        server,
        'a',
        async (session) => Object.values((await session.query('SELECT NEXTVAL(s)'))[0] ?? {})[0],
      )
    }
    expect(String(await nextAfter('CREATE SEQUENCE s'))).toBe('5000')
    expect(String(await nextAfter('CREATE SEQUENCE s; DO NEXTVAL(s); DO NEXTVAL(s)'))).toBe('1001')
  },
)

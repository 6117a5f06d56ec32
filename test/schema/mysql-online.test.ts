/**
 * Plans for MariaDB and MySQL while somebody writes: a step that does not say so keeps no writer waiting for longer than
 * it may wait for its own lock, and one that says so is not believed unseen. The tables are changed over and over, each
 * time to what the same change makes of empty ones.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { executePlan } from '../../src/schema/execute.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { PlanStep } from '../../src/schema/plan/plan.ts'
import { onBoth } from '../support/mysql-products.ts'
import { inSession, type MysqlServer } from '../support/mysql-server.ts'
import { until } from '../support/wait.ts'

const ROWS = 20_000
const TABLES = [
  `CREATE TABLE p (id int NOT NULL PRIMARY KEY)`,
  `CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, a int NOT NULL, b int, note varchar(30) DEFAULT 'x',
     st enum('a','b') NOT NULL DEFAULT 'a', long_note varchar(400) DEFAULT 'y', KEY by_a (a)) DEFAULT CHARSET=utf8mb4`,
  `CREATE TABLE r (id int NOT NULL, y int NOT NULL, n int, PRIMARY KEY (id, y)) PARTITION BY RANGE (y)
     (PARTITION p0 VALUES LESS THAN (1000), PARTITION p1 VALUES LESS THAN (1000000))`,
]
const NUMBERS = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
  SELECT`
const NUMBER = '(x.i - 1) * 500 + z.i'
const FROM = `FROM n AS x CROSS JOIN n AS z WHERE ${NUMBER} <= ${ROWS}`
const FILLED = [
  `INSERT INTO p ${NUMBERS} ${NUMBER} ${FROM}`,
  `INSERT INTO t (a) ${NUMBERS} ${NUMBER} ${FROM}`,
  `INSERT INTO r ${NUMBERS} ${NUMBER}, ${NUMBER}, 1 ${FROM}`,
]

interface Change {
  readonly sql: string
  /** Left out: both. */
  readonly only?: MysqlServer['product']
}

/** One after the other. A word at the beginning names the one product that knows it so. */
const CHANGES: readonly Change[] = [
  'ALTER TABLE t ADD COLUMN c1 int',
  "ALTER TABLE t ADD COLUMN c2 varchar(20) NOT NULL DEFAULT 'web' FIRST",
  'ALTER TABLE t ADD COLUMN c3 json',
  'ALTER TABLE t ADD COLUMN c4 timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
  'ALTER TABLE t ADD COLUMN c5 int DEFAULT 1 CHECK (c5 > 0)',
  'ALTER TABLE t ADD COLUMN v1 int AS (a + 1) VIRTUAL',
  'ALTER TABLE t ADD COLUMN c6 int, ADD COLUMN v2 int AS (a + 2) VIRTUAL',
  'ALTER TABLE t ADD COLUMN s1 int AS (a + 2) STORED',
  'ALTER TABLE t ADD KEY by_b (b)',
  'MariaDB ALTER TABLE t ALTER INDEX by_b IGNORED',
  'MySQL ALTER TABLE t ALTER INDEX by_b INVISIBLE',
  'ALTER TABLE t DROP KEY by_b',
  'ALTER TABLE t ADD UNIQUE KEY u (a, id)',
  'ALTER TABLE t ADD CONSTRAINT positive CHECK (a > -5)',
  'ALTER TABLE t DROP CONSTRAINT positive',
  'MySQL ALTER TABLE t ADD CONSTRAINT loose CHECK (a > -9) NOT ENFORCED',
  'MySQL ALTER TABLE t ALTER CHECK loose ENFORCED',
  "ALTER TABLE t MODIFY note varchar(60) DEFAULT 'x'",
  "ALTER TABLE t MODIFY note varchar(100) DEFAULT 'x'",
  "ALTER TABLE t MODIFY st enum('a','b','c') NOT NULL DEFAULT 'a'",
  'ALTER TABLE t MODIFY b bigint',
  'ALTER TABLE t MODIFY a int',
  'ALTER TABLE t MODIFY a int NOT NULL',
  'ALTER TABLE t ALTER COLUMN b SET DEFAULT 4',
  "ALTER TABLE t COMMENT='hello'",
  'ALTER TABLE t DEFAULT CHARACTER SET latin1',
  "ALTER TABLE t MODIFY long_note varchar(400) CHARACTER SET latin1 DEFAULT 'y'",
  'ALTER TABLE t ROW_FORMAT=COMPACT',
  'ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)',
  'ALTER TABLE t ADD KEY by_v1 (v1)',
  'ALTER TABLE t ADD COLUMN c7 int, ADD KEY by_c7 (c7)',
  'ALTER TABLE t ADD COLUMN c8 int FIRST',
  'ALTER TABLE t DROP COLUMN c7, DROP COLUMN c2',
  'ALTER TABLE t DROP KEY by_v1, DROP COLUMN v1',
  'ALTER TABLE t ADD FULLTEXT KEY ft (note)',
  'ALTER TABLE t ADD COLUMN c9 int',
  'ALTER TABLE t ADD FULLTEXT KEY ft2 (long_note)',
  'ALTER TABLE t DROP COLUMN c9',
  'ALTER TABLE t DROP KEY ft, DROP KEY ft2',
  'MySQL ALTER TABLE t ADD KEY computed ((a + 1))',
  'ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES p (id)',
  'ALTER TABLE t DROP FOREIGN KEY fk',
  'ALTER TABLE r ADD PARTITION (PARTITION p2 VALUES LESS THAN (2000000))',
  `ALTER TABLE r REORGANIZE PARTITION p1 INTO
     (PARTITION p1 VALUES LESS THAN (5000), PARTITION p1b VALUES LESS THAN (1000000))`,
  'ALTER TABLE r ADD COLUMN m int',
  'ALTER TABLE r ADD KEY by_n (n)',
  'ALTER TABLE r DROP PARTITION p2',
  'ALTER TABLE r REMOVE PARTITIONING',
  'ALTER TABLE r PARTITION BY HASH (y) PARTITIONS 2',
  'MariaDB ALTER TABLE t ADD SYSTEM VERSIONING',
].map((text): Change => {
  const only = (['MariaDB', 'MySQL'] as const).find((product) => text.startsWith(`${product} `))
  return only === undefined ? { sql: text } : { sql: text.slice(only.length + 1), only }
})

/** What the writer does all the time, also to the table that a foreign key refers to. */
const WRITES = [
  'INSERT INTO t (a) VALUES (1)',
  'UPDATE t SET b = b + 1 WHERE id = 7',
  'UPDATE r SET n = n + 1 WHERE id = 7',
  'INSERT INTO r (id, y) SELECT max(id) + 1, 5 FROM r',
  'UPDATE p SET id = id WHERE id = 9',
  'SELECT a FROM t WHERE id = 8',
]

interface Operation {
  readonly from: number
  readonly to: number
}

/** Writes without a pause until it is told to stop. */
class Writer {
  operations: Operation[] = []
  #stopped = false
  readonly #ended: Promise<void>

  constructor(session: SchemaSession) {
    this.#ended = this.#write(session)
  }

  async #write(session: SchemaSession): Promise<void> {
    for (let at = 0; !this.#stopped; at++) {
      const from = performance.now()
      await session.query(WRITES[at % WRITES.length] ?? '')
      this.operations.push({ from, to: performance.now() })
    }
  }

  /** Until so many more of its statements have ended. */
  async more(statements: number): Promise<void> {
    const wanted = this.operations.length + statements
    await until(() => this.operations.length >= wanted, { what: 'the writer to go on', timeoutMs: 60_000 })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#ended
  }
}

/** Milliseconds. */
const LOCK_TIMEOUT = 1000
/** A shorter step proves nothing against what it says of itself: the machine may have been busy with something else. */
const LONG_ENOUGH = 250
/** Some times what the writer needs where nothing is in its way. */
const LONGER_THAN_USUAL = 20

onBoth('under a writer on', ({ product, start }) => {
  let server: MysqlServer
  beforeAll(async () => {
    server = await start()
  }, 120_000)
  afterAll(() => server.remove())

  /** How long the writer had to wait while the step ran, and how long that took. */
  async function watched(
    session: SchemaSession,
    step: PlanStep,
    writer: Writer,
  ): Promise<{ took: number; waited: number }> {
    for (const setting of mysql.settings(step)) await session.query(setting)
    await writer.more(WRITES.length)
    writer.operations = []
    const from = performance.now()
    await session.query(step.sql)
    const to = performance.now()
    await writer.more(1)
    const waits = writer.operations.map((one) => Math.min(one.to, to) - Math.max(one.from, from))
    return { took: to - from, waited: Math.max(...waits) }
  }

  test('a step that does not say so keeps nobody waiting', { timeout: 240_000 }, async () => {
    const script = `${TABLES.join(';\n')};\n`
    server.create('b', script)
    server.create('a', script + FILLED.join(';\n'))
    const [session, other, target] = (await Promise.all(
      ['a', 'a', 'b'].map(async (database) => await mysql.connect(server.url(database))),
    )) as [SchemaSession, SchemaSession, SchemaSession]
    const writer = new Writer(other)
    const unsaid: string[] = []
    const seen: string[] = []
    try {
      for (const { sql, only } of CHANGES) {
        if (only !== undefined && only !== product) continue
        await target.query(sql)
        const wanted = await mysql.inspect(target)
        const plan = makePlan(mysql, await mysql.inspect(session), wanted, {
          style: 'online',
          lockTimeoutMs: LOCK_TIMEOUT,
        })
        for (const statement of mysql.preamble) await session.query(statement)
        for (const step of plan.steps) {
          const { took, waited } = await watched(session, step, writer)
          const mostly = waited > 0.7 * took
          const blocked = mostly && took > LONG_ENOUGH
          const says = step.hazards.some(({ name }) => name === 'table-rewrite' || name === 'long-lock')
          if (says !== (step.lock === 'share')) unsaid.push(`its lock and its hazards differ: ${step.sql}`)
          if (says && mostly && took > LONGER_THAN_USUAL) seen.push(step.sql)
          if (!says && (blocked || waited > LOCK_TIMEOUT))
            unsaid.push(`waited ${waited} of ${took} ms: ${step.sql}`)
        }
        expect(diff(await mysql.inspect(session), wanted).map(({ id }) => id)).toEqual([])
      }
    } finally {
      await writer.stop()
      await Promise.all([session, other, target].map((one) => one.close()))
    }
    expect(unsaid).toEqual([])
    // That somebody waits is seen where it is so.
    expect(seen).not.toEqual([])
  })

  test('who comes after a plan that waits for a long transaction is served before that has ended', async () => {
    const before = 'CREATE TABLE s (id int); CREATE TABLE t (id int);'
    const target = await inSession(
      server,
      server.create('b', 'CREATE TABLE s (id int, a int); CREATE TABLE t (id int, a int);'),
      (session) => mysql.inspect(session),
    )
    server.create('a', before)
    await inSession(server, 'a', async (reader) => {
      const source = await mysql.inspect(reader)
      const plan = makePlan(mysql, source, target, { lockTimeoutMs: LOCK_TIMEOUT })
      const half = await inSession(
        server,
        server.create('b', 'CREATE TABLE s (id int, a int); CREATE TABLE t (id int);'),
        (session) => mysql.inspect(session),
      )
      const proved = {
        ...plan,
        steps: plan.steps.map((step, at) => (at === 0 ? { ...step, after: half.fingerprint } : step)),
      }
      await reader.query('START TRANSACTION; SELECT * FROM t')
      const running = inSession(server, 'a', (session) =>
        executePlan(mysql, session, proved, { lockRetries: 1 }),
      )
      const waiting =
        "SELECT info FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata%'"
      await until(() => server.script(waiting).includes('ALTER TABLE `t`'), { what: 'the plan to wait' })
      server.script('SET lock_wait_timeout = 60; INSERT INTO t VALUES (1)', 'a')
      const { failure, steps } = await running
      expect(failure).toMatchObject({ step: 1, sqlstate: '55P03' })
      expect(steps.map(({ state }) => state)).toEqual(['applied', 'not applied'])
      expect((await inSession(server, 'a', (session) => mysql.inspect(session))).fingerprint).toBe(
        half.fingerprint,
      )
      await reader.query('COMMIT')
      const again = await inSession(server, 'a', (session) => executePlan(mysql, session, proved))
      expect(again.failure).toBeUndefined()
      expect(again.steps.map(({ ms }) => ms > 0)).toEqual([false, true])
    })
    const now = await inSession(server, 'a', (session) => mysql.inspect(session))
    expect(diff(now, target)).toEqual([])
  })
})

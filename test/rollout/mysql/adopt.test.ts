/** MariaDB tenants that another tool has migrated are taken over: some of the tools really ran. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import knexFactory from 'knex'
import { Sequelize } from 'sequelize'
import { DataSource, type MigrationInterface } from 'typeorm'
import { SequelizeStorage, Umzug } from 'umzug'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { TENANT_LOCK } from '../../../src/schema/dialects/mysql/lock.ts'
import type { MysqlServer } from '../../support/mysql-server.ts'
import { startMysqlFleet, startMysqlServer, type MysqlFleet } from '../../support/mysql-fleet.ts'
import { onBoth } from '../../support/mysql-products.ts'
import { withProgram } from '../../support/programs.ts'
import { adopt, expectTakenOver, importProject, type Imported, type Tenants } from '../adopt-others.ts'
import { ALEMBIC, PROJECTS, schemaAfter, type Project } from '../adopt-projects.ts'

vi.setConfig({ testTimeout: 60_000 })

const load = createRequire(import.meta.url)

/** The tools that really run here. */
const RUN = new Set(['Knex', 'Sequelize', 'TypeORM'])

onBoth('adopting on', ({ start }) => {
  let server: MysqlServer
  let fleet: MysqlFleet
  let free: string[]
  beforeAll(async () => {
    server = await startMysqlServer(start)
    fleet = await startMysqlFleet(server)
    free = await fleet.makeTenants(80, 'CREATE TABLE item (id INT)')
    await fleet.startWorker()
  }, 120_000)
  afterAll(async () => {
    await fleet.close()
    await server.remove()
  })

  const next = (): string => {
    const [tenant] = free.splice(0, 1)
    if (tenant === undefined) throw new Error('no tenant is left')
    return tenant
  }
  const versionsOf = (tenant: string): string[] =>
    fleet.read(tenant, 'SELECT version_id FROM tenantry_ledger ORDER BY version_id').map(([id = '']) => id)
  const hasLedger = (tenant: string): boolean =>
    fleet.read(tenant, `SHOW TABLES LIKE 'tenantry\\_ledger'`).length > 0
  const tenants: Tenants = { next, versionsOf, hasLedger }

  /** What the tool has stopped at is done by a rollout. */
  async function expectRolledOn(imported: Imported, { all, most }: { all: string; most: string }) {
    const { targets } = await fleet.roll({
      version: imported.versions[1],
      selector: `name:${all},${most}`,
    })
    expect(Object.fromEntries(targets.map((row) => [row.tenant, row.outcome]))).toEqual({
      [all]: 'already_applied',
      [most]: 'applied',
    })
    expect(fleet.read(most, `SHOW INDEX FROM customer WHERE key_name = 'customer_name'`)).toHaveLength(1)
  }

  const byHand =
    (project: Project) =>
    (tenant: string, count: number): void => {
      fleet.write(tenant, `${schemaAfter(count)}; ${project.ledger('mysql', count)}`)
    }

  test.for(Object.entries(PROJECTS).filter(([name]) => !RUN.has(name)))(
    'what %s would have recorded',
    async ([, project]) => {
      const imported = await importProject(fleet, project, 'mysql')
      const taken = await expectTakenOver(fleet, imported, tenants, byHand(project))
      await expectRolledOn(imported, taken)
      if (project.spoiled === undefined) return
      const [sql, outcome] = project.spoiled
      const tenant = next()
      byHand(project)(tenant, 2)
      fleet.write(tenant, sql)
      expect((await adopt(fleet, imported, [tenant])).outcomes).toEqual({ [outcome]: 1 })
      expect(hasLedger(tenant)).toBe(false)
    },
  )

  withProgram('alembic').test('what Alembic would have recorded', async () => {
    await expectTakenOver(fleet, await importProject(fleet, ALEMBIC, 'mysql'), tenants, byHand(ALEMBIC))
  })

  const login = (tenant: string) => ({ user: 'root', database: tenant, socketPath: server.socket })

  test('what the real Knex has applied', async () => {
    const imported = await importProject(fleet, PROJECTS['Knex']!, 'mysql')
    const taken = await expectTakenOver(fleet, imported, tenants, async (tenant, count) => {
      const directory = join(imported.folder, 'migrations')
      const database = knexFactory({ client: 'mysql2', connection: login(tenant), migrations: { directory } })
      try {
        await database.migrate.list()
        for (let done = 0; done < count; done += 1) await database.migrate.up()
      } finally {
        await database.destroy()
      }
    })
    await expectRolledOn(imported, taken)
    fleet.write(taken.most, 'UPDATE knex_migrations_lock SET is_locked = 1')
    expect((await adopt(fleet, imported, [taken.most])).problems).toMatchObject([
      {
        outcome: 'unfinished_entries',
        note: `\`${taken.most}\`.\`knex_migrations_lock\` says that knex is at work here, or died at it`,
      },
    ])
  })

  test('what the real Sequelize has applied', async () => {
    const imported = await importProject(fleet, PROJECTS['Sequelize']!, 'mysql')
    await expectTakenOver(fleet, imported, tenants, async (tenant, count) => {
      const { user, database, socketPath } = login(tenant)
      const sequelize = new Sequelize(database, user, '', {
        dialect: 'mysql',
        dialectOptions: { socketPath },
        logging: false,
      })
      try {
        const umzug = new Umzug({
          migrations: {
            glob: join(imported.folder, 'migrations/*.js'),
            resolve: ({ name, path = '', context }) => ({
              name,
              up: async () =>
                (load(path) as { up(on: unknown, library: unknown): Promise<unknown> }).up(
                  context,
                  Sequelize,
                ),
            }),
          },
          context: sequelize.getQueryInterface(),
          storage: new SequelizeStorage({ sequelize }),
          logger: undefined,
        })
        await umzug.executed()
        if (count > 0) await umzug.up({ step: count })
      } finally {
        await sequelize.close()
      }
    })
  })

  test('what the real TypeORM has applied', async () => {
    const imported = await importProject(fleet, PROJECTS['TypeORM']!, 'mysql')
    await expectTakenOver(fleet, imported, tenants, async (tenant, count) => {
      const modules = ['1-a.js', '2-b.js']
        .slice(0, count)
        .map(
          (name) =>
            load(join(imported.folder, 'migrations', name)) as Record<string, new () => MigrationInterface>,
        )
      const { user, database, socketPath } = login(tenant)
      const source = new DataSource({
        type: 'mysql',
        username: user,
        database,
        socketPath,
        migrations: modules.flatMap((exported) => Object.values(exported)),
      })
      await source.initialize()
      try {
        await source.runMigrations()
      } finally {
        await source.destroy()
      }
    })
  })

  test('a view in the place of the ledger is not read: it would run its maker’s code', async () => {
    const imported = await importProject(fleet, PROJECTS['dbmate']!, 'mysql')
    const tenant = next()
    fleet.write(
      tenant,
      `CREATE TABLE ran (id INT);
       CREATE FUNCTION spy() RETURNS VARCHAR(20) MODIFIES SQL DATA RETURN (SELECT '20260101000000' FROM (SELECT SLEEP(0)) AS s);
       CREATE VIEW schema_migrations AS SELECT spy() AS version`,
    )
    expect((await adopt(fleet, imported, [tenant])).problems).toMatchObject([
      {
        outcome: 'unreadable_ledger',
        note: `\`${tenant}\`.\`schema_migrations\` is not a plain table (a view would run the tenant's code, another engine may read what is elsewhere)`,
      },
    ])
  })

  test('a ledger under a name of its own; one in another database is not the tenant’s', async () => {
    const imported = await importProject(fleet, PROJECTS['dbmate']!, 'mysql')
    const [tenant, other] = [next(), next()]
    fleet.write(tenant, `CREATE TABLE Ours (version VARCHAR(20)); INSERT INTO Ours VALUES ('20260101000000')`)
    expect((await adopt(fleet, imported, [tenant])).outcomes).toEqual({ no_ledger: 1 })
    const elsewhere = await adopt(fleet, imported, [other], { place: { schema: tenant, table: 'Ours' } })
    expect(elsewhere.problems).toMatchObject([
      {
        outcome: 'failed',
        note: `A ledger in ${tenant} is not read: a tenant is one database here, ${other}`,
      },
    ])
    expect((await adopt(fleet, imported, [tenant], { place: { table: 'Ours' } })).outcomes).toEqual({
      adopted: 1,
    })
  })

  test('a tenant that is being changed, and one where a version is half way, are left as they are', async () => {
    const imported = await importProject(fleet, PROJECTS['dbmate']!, 'mysql')
    const [busy, half] = [next(), next()]
    for (const tenant of [busy, half]) byHand(PROJECTS['dbmate']!)(tenant, 2)
    const held = await fleet.hold(busy, `DO GET_LOCK(${TENANT_LOCK}, 0)`)
    const broken = await fleet.version('CREATE TABLE a (id INT); CREATE TABLE item (id INT);')
    await fleet.roll({ version: broken, selector: `name:${half}` })
    const report = await adopt(fleet, imported, [busy, half])
    await held.release()
    expect(report.outcomes).toEqual({ failed: 2 })
    expect(report.problems[1]?.note).toContain(`Version ${broken} is half applied here`)
    expect(versionsOf(half)).toEqual([])
    expect(hasLedger(busy)).toBe(false)
    expect((await adopt(fleet, imported, [busy])).outcomes).toEqual({ adopted: 1 })
  })

  test('versions for another kind of server', async () => {
    const imported = await importProject(fleet, PROJECTS['dbmate']!, 'sqlite')
    const tenant = next()
    expect((await adopt(fleet, imported, [tenant])).problems).toMatchObject([
      { outcome: 'failed', note: `The versions of ${imported.key} are for sqlite; maria is mysql` },
    ])
  })

  test('a version that is recorded with another checksum', async () => {
    const imported = await importProject(fleet, PROJECTS['dbmate']!, 'mysql')
    const tenant = next()
    byHand(PROJECTS['dbmate']!)(tenant, 2)
    await adopt(fleet, imported, [tenant])
    fleet.write(tenant, `UPDATE tenantry_ledger SET checksum = 'other'`)
    expect((await adopt(fleet, imported, [tenant])).problems).toMatchObject([
      { outcome: 'checksum_conflict', note: expect.stringContaining('checksum other') as unknown },
    ])
  })
})

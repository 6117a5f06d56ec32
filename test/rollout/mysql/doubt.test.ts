/** Statements that were about to run when everything ended, judged by what the schema shows: on MariaDB. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ownVersion } from '../../../src/lib/own-version.ts'
import { openTenantDatabase, serverOf } from '../../../src/schema/tenant-session.ts'
import { getVersion } from '../../../src/schema/versions.ts'
import type { MysqlServer } from '../../support/mysql-server.ts'
import { startMysqlFleet, startMysqlServer, type MysqlFleet } from '../../support/mysql-fleet.ts'
import { onBoth } from '../../support/mysql-products.ts'

const TENANT = `CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, a INT) ENGINE=InnoDB;
  CREATE TABLE one (a INT) ENGINE=InnoDB; CREATE TABLE two (a INT) ENGINE=InnoDB; INSERT INTO one VALUES (1);`

onBoth('a statement in doubt on', ({ start }) => {
  let server: MysqlServer
  let fleet: MysqlFleet
  let tenant: string
  beforeAll(async () => {
    server = await startMysqlServer(start)
  }, 120_000)
  afterAll(() => server.remove())
  beforeEach(async () => {
    fleet = await startMysqlFleet(server)
    ;[tenant = ''] = await fleet.makeTenants(1, TENANT)
    await fleet.startWorker()
    await fleet.roll({ version: await fleet.version('SELECT 1') })
  })
  afterEach(() => fleet.close())

  async function fingerprint(): Promise<string> {
    const { control, keyring } = fleet.app
    const { dialect, session } = await openTenantDatabase(await serverOf(control, keyring, 'maria'), tenant)
    try {
      return await dialect.catalogueFingerprint(session)
    } finally {
      await session.close()
    }
  }

  /** As a worker leaves it that dies before, or in, the first statement of a version. */
  async function begun(sql: string, tenantry = ownVersion()): Promise<string> {
    const versions = `${tenantry} ${fleet.read(tenant, 'SELECT VERSION()')[0]?.[0] ?? ''}`
    const id = await fleet.version(sql)
    const { checksum } = await getVersion(fleet.app.control, id)
    fleet.write(
      tenant,
      `INSERT INTO tenantry_ledger_steps VALUES ('${id}', 'upgrade', 0, '${checksum}', 'started', 's', '${versions} ${await fingerprint()}', UTC_TIMESTAMP())`,
    )
    return id
  }

  const indexes = (): string[][] =>
    fleet.read(
      tenant,
      `SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'n' AND column_name = 'a'`,
    )

  test('that changes the schema is run where the schema is as before: rows make no difference', async () => {
    const id = await begun('ALTER TABLE n ADD INDEX (a)')
    fleet.write(tenant, 'INSERT INTO n (a) VALUES (1), (2), (3); ANALYZE TABLE n; DELETE FROM one')
    expect((await fleet.roll({ version: id })).targets).toMatchObject([{ outcome: 'applied' }])
    expect(indexes()).toEqual([['1']])
  })

  test('that changes the schema counts as done where it has changed', async () => {
    const id = await begun('ALTER TABLE n ADD INDEX (a)')
    fleet.write(tenant, 'ALTER TABLE n ADD INDEX (a)')
    expect((await fleet.roll({ version: id })).targets).toMatchObject([{ outcome: 'applied' }])
    expect(indexes()).toEqual([['1']])
  })

  test('is not judged by a mark that another version of Tenantry has left', async () => {
    const id = await begun('ALTER TABLE n ADD INDEX (a)', '0.0.9')
    expect((await fleet.roll({ version: id })).targets).toMatchObject([{ sqlstate: 'TN004' }])
    expect(indexes()).toEqual([['0']])
  })

  test('that drops several objects goes on with what is left', async () => {
    const id = await begun('DROP TABLE one, two')
    fleet.write(tenant, 'DROP TABLE one')
    expect((await fleet.roll({ version: id })).targets).toMatchObject([{ outcome: 'applied' }])
    expect(fleet.read(tenant, `SHOW TABLES LIKE '%o%'`).flat()).not.toContain('two')
  })

  test('that lets two tables which are alike change places is not guessed at', async () => {
    const id = await begun('RENAME TABLE one TO three, two TO one, three TO two')
    const { targets } = await fleet.roll({ version: id })
    expect(targets).toMatchObject([{ sqlstate: 'TN004' }])
    expect(targets[0]?.error).toContain(
      'nothing in the schema tells whether it was. Nothing before it was to be done',
    )
    expect(fleet.read(tenant, 'SELECT a FROM one')).toEqual([['1']])
  })

  test('keeps every other version away until a person has told', async () => {
    const id = await begun('CALL nothing()')
    expect((await fleet.roll({ version: id })).targets).toMatchObject([{ sqlstate: 'TN004' }])
    const next = await fleet.roll({ version: await fleet.version('INSERT INTO one VALUES (2)') })
    expect(next.targets).toMatchObject([
      { sqlstate: 'TN005', error: expect.stringContaining('is half applied') },
    ])
    expect(fleet.read(tenant, 'SELECT a FROM one')).toEqual([['1']])
  })
})

/** Tenants that are databases of a MariaDB of one test file's own, with a control database and workers. */
import { randomBytes } from 'node:crypto'
import { parseMysqlAddress } from '../../src/engine/mysql-address.ts'
import { MysqlConnection } from '../../src/engine/mysql-connection.ts'
import { discover } from '../../src/registry/discovery.ts'
import { addServer, getServer } from '../../src/registry/servers.ts'
import { startFleet, type Fleet } from './fleet.ts'
import type { MysqlServer } from './mysql-server.ts'

const TENANT =
  'CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(50)) ENGINE=InnoDB; INSERT INTO item VALUES (1, NULL);'

export interface TargetRow extends Record<string, unknown> {
  readonly tenant: string
  readonly state: string
  readonly outcome: string | null
  readonly sqlstate: string | null
  readonly error: string | null
}

/** An account with rights in the tenants' databases only, as an operator would make one. */
const MIGRATOR = 'migrator'

export interface MysqlFleet extends Fleet {
  readonly server: MysqlServer
  /** Makes databases and finds them on the server `maria`. @returns their names, by name. */
  readonly makeTenants: (count: number, sql?: string) => Promise<string[]>
  /** Rows of a query as the mariadb program prints them. */
  readonly read: (tenant: string, sql: string) => string[][]
  readonly write: (tenant: string, sql: string) => void
  readonly version: (upgrade: string, downgrade?: string | null) => Promise<string>
  readonly targetsOf: (rolloutId: string) => Promise<TargetRow[]>
  /** Starts a rollout and waits for its end. */
  readonly roll: (wanted: Parameters<Fleet['rollout']>[0]) => Promise<{ id: string; targets: TargetRow[] }>
  /** A transaction that stays open after a statement, with what it locks. */
  readonly hold: (tenant: string, sql: string) => Promise<{ release: () => Promise<void> }>
  /** The statements that run now, without those of the asking client. */
  readonly running: (tenant: string) => { id: number; info: string; state: string }[]
}

/** A server with an account for the migrator. */
export async function startMysqlServer(start: () => Promise<MysqlServer>): Promise<MysqlServer> {
  const server = await start()
  server.script(
    `CREATE USER ${MIGRATOR}@localhost IDENTIFIED BY 'se cret/1';
     GRANT ALL PRIVILEGES ON \`fleet%\`.* TO ${MIGRATOR}@localhost; GRANT ALL PRIVILEGES ON \`tenantry\\_scratch\\_%\`.* TO ${MIGRATOR}@localhost;`,
  )
  return server
}

/** URL of the server for its registration, with the migrator's password. */
export function migratorUrl(server: MysqlServer): string {
  return `mysql://${MIGRATOR}:${encodeURIComponent('se cret/1')}@localhost?socket=${encodeURIComponent(server.socket)}`
}

export async function startMysqlFleet(server: MysqlServer): Promise<MysqlFleet> {
  const fleet = await startFleet({ servers: [] })
  const prefix = `fleet${randomBytes(4).toString('hex')}_`
  const { control, keyring } = fleet.app
  await addServer(control, keyring, { name: 'maria', dsn: migratorUrl(server) })
  const made: string[] = []
  const held: MysqlConnection[] = []
  const read: MysqlFleet['read'] = (tenant, sql) =>
    server
      .script(sql, tenant)
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split('\t'))
  const targetsOf = (rolloutId: string): Promise<TargetRow[]> =>
    control.query<TargetRow>(
      `select tenant.name as tenant, target.state, target.outcome, target.sqlstate, target.error
       from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
       where target.rollout_id = $1 order by tenant.name`,
      [rolloutId],
    )
  return {
    ...fleet,
    server,
    read,
    targetsOf,
    async makeTenants(count, sql = TENANT) {
      const names = Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(3, '0')}`)
      for (const name of names) made.push(server.create(name, sql))
      await discover(control, keyring, [await getServer(control, 'maria')], { pattern: `${prefix}%` })
      return names
    },
    write: (tenant, sql) => void server.script(`SET lock_wait_timeout = 20; ${sql}`, tenant),
    version: (upgrade, downgrade = null) => fleet.addVersion({ dialect: 'mysql', upgrade, downgrade }),
    async roll(wanted) {
      const { id } = await fleet.rollout(wanted)
      await fleet.waitFor(id, 'completed', 60_000)
      return { id, targets: await targetsOf(id) }
    },
    async hold(tenant, sql) {
      const connection = await MysqlConnection.open(parseMysqlAddress(server.url(tenant)))
      held.push(connection)
      await connection.query(`START TRANSACTION; ${sql}`)
      return { release: () => connection.close() }
    },
    running: (tenant) =>
      read(
        'information_schema',
        `SELECT id, REPLACE(info, '\\n', ' '), state FROM processlist WHERE db = '${tenant}' AND info IS NOT NULL`,
      ).map(([id, info = '', state = '']) => ({ id: Number(id), info, state })),
    async close() {
      for (const connection of held) connection.destroy()
      await fleet.close()
      for (const name of made)
        server.script(`SET lock_wait_timeout = 20; DROP DATABASE IF EXISTS \`${name}\``)
    },
  }
}

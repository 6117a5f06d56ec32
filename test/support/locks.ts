/** Another session that holds a lock on a tenant's table: the application's long transaction. */
import type { Fleet, FleetTenant } from './fleet.ts'
import { adminClient } from './postgres.ts'
import { until } from './wait.ts'

export interface HeldLock {
  /** Resolves when somebody waits for it. */
  readonly waitedFor: () => Promise<void>
  /** How many wait for it now. */
  readonly waiting: () => Promise<number>
  readonly release: () => Promise<void>
}

/** Holds the table in an open, idle transaction; readers and writers get through, DDL does not. */
export async function holdLock(fleet: Fleet, tenant: FleetTenant, table: string): Promise<HeldLock> {
  const server = fleet.servers[Number(tenant.server.slice('pg-'.length)) - 1]?.server
  const client = await adminClient(tenant.database, server)
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  await client.query('begin')
  await client.query(`select from ${tenant.schema === '' ? 'public' : `"${tenant.schema}"`}.${table} limit 1`)
  const waiting = async (): Promise<number> => {
    const found = await fleet.sql<{ count: string }>(
      tenant,
      `select count(*) from pg_stat_activity where ${rows[0]?.pid} = any(pg_blocking_pids(pid))`,
    )
    return Number(found[0]?.count)
  }
  return {
    waiting,
    async waitedFor() {
      await until(async () => (await waiting()) > 0, {
        what: `somebody to wait for ${table} of ${tenant.name}`,
      })
    },
    release: () => client.end(),
  }
}

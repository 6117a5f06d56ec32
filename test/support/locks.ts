/** Another session that holds a lock on a tenant's table: the application's long transaction. */
import { ident } from '../../src/engine/sql.ts'
import type { Fleet, FleetTenant } from './fleet.ts'
import { adminClient } from './postgres.ts'
import { until } from './wait.ts'

export interface HeldLock {
  /** Resolves when somebody waits for it. */
  readonly waitedFor: () => Promise<void>
  /** Ends the sessions that wait for it, as a crash of theirs would. */
  readonly killWaiting: () => Promise<void>
  readonly release: () => Promise<void>
}

/**
 * Holds the table in an open, idle transaction: as a reader (in the way of DDL only) or as a writer (in the way of
 * building an index as well).
 */
export async function holdLock(
  fleet: Fleet,
  tenant: FleetTenant,
  table: string,
  as: 'access share' | 'row exclusive' = 'access share',
): Promise<HeldLock> {
  const server = fleet.servers[Number(tenant.server.slice('pg-'.length)) - 1]?.server
  const client = await adminClient(tenant.database, server)
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  await client.query('begin')
  await client.query(
    `lock table ${ident(tenant.schema === '' ? 'public' : tenant.schema)}.${table} in ${as} mode`,
  )
  const blocked = `from pg_stat_activity where ${rows[0]?.pid} = any(pg_blocking_pids(pid))`
  return {
    async waitedFor() {
      const waiting = async (): Promise<boolean> =>
        (await fleet.sql(tenant, `select pid ${blocked}`)).length > 0
      await until(waiting, { what: `somebody to wait for ${table} of ${tenant.name}` })
    },
    async killWaiting() {
      await fleet.sql(tenant, `select pg_terminate_backend(pid, 5000) ${blocked}`)
    },
    release: () => client.end(),
  }
}

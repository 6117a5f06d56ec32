/** Tenants, workers and the queue of operations. */
import type { App } from '../../api/app.ts'
import { metrics } from '../metrics.ts'

export async function collectRegistry(app: App): Promise<void> {
  const [tenants, workers, queue] = await Promise.all([
    app.control.query<{ server: string; state: string; count: number }>(
      `select server.name as server, tenant.state, count(*) from tenantry.tenants as tenant
       join tenantry.db_servers as server on server.id = tenant.server_id group by 1, 2`,
    ),
    app.control.query<{ count: number; loads: { server: string; active: number; limit: number }[] | null }>(
      `select count(distinct worker.id) as count, jsonb_agg(load) filter (where load is not null) as loads
       from tenantry.workers as worker left join lateral jsonb_array_elements(worker.loads) as load on true
       where lease_until > clock_timestamp()`,
    ),
    app.control.query<{ kind: string; count: number; age: number }>(
      `select kind, count(*), max(extract(epoch from clock_timestamp() - greatest(not_before, created_at)))::float8 as age
       from tenantry.operations where state = 'queued' and not_before <= clock_timestamp() group by kind`,
    ),
  ])
  metrics.tenants.reset()
  for (const row of tenants) metrics.tenants.set({ server: row.server, state: row.state }, row.count)
  metrics.workers.set(workers[0]?.count ?? 0)
  metrics.serverConnections.reset()
  metrics.serverConnectionLimit.reset()
  for (const load of workers[0]?.loads ?? []) {
    metrics.serverConnections.inc({ server: load.server }, load.active)
    metrics.serverConnectionLimit.inc({ server: load.server }, load.limit)
  }
  metrics.operationQueueDepth.reset()
  for (const row of queue) metrics.operationQueueDepth.set({ kind: row.kind }, row.count)
  metrics.operationQueueAge.set(Math.max(0, ...queue.map((row) => row.age)))
}

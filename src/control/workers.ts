/**
 * Worker lives. A worker process has an id for as long as it keeps its lease; when the lease is lost (the process
 * was frozen, or the control database away) the id is dead and the process goes on under a new one. Whatever was
 * claimed under the dead id can be claimed by others and not be finished by it.
 */
import type { Queryable } from './control.ts'

/** Seconds a worker may be silent before others take over what it had. */
export const LEASE_SECONDS = 10
export const HEARTBEAT_MS = 2_500

/** Connections that a worker has open to a server, and allows itself now. */
export interface WorkerLoad {
  readonly server: string
  readonly active: number
  readonly limit: number
}

export interface WorkerIdentity {
  readonly id: string
  readonly host: string
  readonly pid: number
}

export async function registerWorker(on: Queryable, worker: WorkerIdentity): Promise<void> {
  await on.query(
    `insert into tenantry.workers (id, host, pid, lease_until)
     values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))`,
    [worker.id, worker.host, worker.pid, LEASE_SECONDS],
  )
}

/**
 * Renews the lease of a worker and of the operations it runs. One that it holds by the rows alone, since an answer
 * of this database was lost, is not renewed: its lease runs out and somebody claims it again.
 * @returns `alive` false when the lease was already lost; `cancelled`: its operations that are asked to end.
 */
export async function renewLease(
  on: Queryable,
  workerId: string,
  loads: readonly WorkerLoad[],
  operationIds: readonly string[],
): Promise<{ alive: boolean; cancelled: string[] }> {
  const rows = await on.query<{ cancelled: string[] }>(
    `with alive as (
       update tenantry.workers set lease_until = clock_timestamp() + make_interval(secs => $2), loads = $3
       where id = $1 and lease_until > clock_timestamp() returning id),
     mine as (
       update tenantry.operations set lease_until = clock_timestamp() + make_interval(secs => $2)
       where worker_id in (select id from alive) and state = 'running' and id = any($4) returning id, cancel_requested)
     select array(select id from mine where cancel_requested)::text[] as cancelled from alive`,
    [workerId, LEASE_SECONDS, JSON.stringify(loads), operationIds],
  )
  return { alive: rows.length > 0, cancelled: rows[0]?.cancelled ?? [] }
}

export async function markDraining(on: Queryable, workerId: string): Promise<void> {
  await on.query('update tenantry.workers set draining = true where id = $1', [workerId])
}

export async function removeWorker(on: Queryable, workerId: string): Promise<void> {
  await on.query('delete from tenantry.workers where id = $1', [workerId])
}

export interface WorkerRow {
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly started_at: Date
  readonly draining: boolean
}

/** Workers whose lease holds. */
export function liveWorkers(on: Queryable): Promise<WorkerRow[]> {
  return on.query<WorkerRow>(
    `select id, host, pid, started_at, draining from tenantry.workers
     where lease_until > clock_timestamp() order by started_at`,
  )
}

/** Forgets workers that have been silent for an hour. */
export async function forgetDeadWorkers(on: Queryable): Promise<void> {
  await on.query(`delete from tenantry.workers where lease_until < clock_timestamp() - interval '1 hour'`)
}

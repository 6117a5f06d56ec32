/** Operations that start by the clock. One process leads; each firing and its operation are one transaction. */
import { Cron } from 'croner'
import { TenantryError, messageOf } from '../../lib/errors.ts'
import type { Control, Queryable } from '../control.ts'
import { LEASE_SECONDS } from '../workers.ts'
import { enqueueOperation } from './store.ts'

export interface Schedule {
  readonly name: string
  readonly kind: string
  readonly input: Record<string, unknown>
  /** Five-field cron expression. */
  readonly cron: string
  readonly timezone: string
}

/** Makes or replaces a schedule. @throws TenantryError `invalid_input` for an expression that never fires. */
export async function putSchedule(on: Queryable, schedule: Schedule): Promise<void> {
  await on.query(
    `insert into tenantry.schedules (name, kind, input, cron, timezone, next_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (name) do update set kind = excluded.kind, input = excluded.input, cron = excluded.cron,
       timezone = excluded.timezone, next_at = excluded.next_at, enabled = true`,
    [
      schedule.name,
      schedule.kind,
      schedule.input,
      schedule.cron,
      schedule.timezone,
      nextTime(schedule, new Date()),
    ],
  )
}

/** When a schedule fires next after `after`. */
function nextTime(schedule: { cron: string; timezone: string }, after: Date): Date {
  let next: Date | null
  try {
    next = new Cron(schedule.cron, { timezone: schedule.timezone, paused: true }).nextRun(after)
  } catch (cause) {
    throw new TenantryError(
      'invalid_input',
      `The schedule ${JSON.stringify(schedule.cron)} is not valid: ${messageOf(cause)}`,
      {
        nextSteps: ['Example: "0 3 * * *" fires every night at three.'],
        cause,
      },
    )
  }
  if (next === null) throw new TenantryError('invalid_input', `The schedule ${schedule.cron} never fires.`)
  return next
}

/** Takes or keeps the lead named `name`. @returns whether this holder leads now. */
export async function lead(on: Queryable, name: string, holder: string): Promise<boolean> {
  const rows = await on.query(
    `insert into tenantry.leases as lease (name, holder, epoch, lease_until)
     values ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
     on conflict (name) do update set holder = excluded.holder, lease_until = excluded.lease_until,
       epoch = lease.epoch + case when lease.holder = excluded.holder then 0 else 1 end
     where lease.holder = excluded.holder or lease.lease_until < clock_timestamp()
     returning holder`,
    [name, holder, LEASE_SECONDS],
  )
  return rows.length > 0
}

/**
 * Queues the operations of all schedules that are due. Missed firings (nobody was running) fire once, not once
 * each. Safe even if two processes believe they lead: the row lock and `next_at` decide.
 */
export async function fireDueSchedules(control: Control): Promise<number> {
  return control.transaction(async (tx) => {
    const due = await tx.query<Schedule & { now: Date }>(
      `select name, kind, input, cron, timezone, clock_timestamp() as now from tenantry.schedules
       where enabled and next_at <= clock_timestamp() for update skip locked`,
    )
    for (const schedule of due) {
      const operation = await enqueueOperation(tx, {
        kind: schedule.kind,
        input: schedule.input,
        createdBy: `schedule:${schedule.name}`,
      })
      await tx.query('update tenantry.schedules set next_at = $2, last_operation_id = $3 where name = $1', [
        schedule.name,
        nextTime(schedule, schedule.now),
        operation.id,
      ])
    }
    return due.length
  })
}

/** Reading and removing schedules. */
import { TenantryError } from '../../lib/errors.ts'
import type { Queryable } from '../control.ts'
import type { Schedule } from './schedules.ts'

export interface ScheduleRow extends Schedule {
  readonly enabled: boolean
  readonly next_at: Date
  readonly last_operation_id: string | null
  readonly created_at: Date
}

const COLUMNS = 'name, kind, input, cron, timezone, enabled, next_at, last_operation_id, created_at'

/** By name. */
export function listSchedules(
  on: Queryable,
  page: { readonly afterName?: string | undefined; readonly limit: number },
): Promise<ScheduleRow[]> {
  return on.query<ScheduleRow>(
    `select ${COLUMNS} from tenantry.schedules
     where ($1::text is null or name collate "C" > $1) order by name collate "C" limit $2`,
    [page.afterName ?? null, page.limit],
  )
}

/** @throws TenantryError `not_found` */
export async function getSchedule(on: Queryable, name: string): Promise<ScheduleRow> {
  const [row] = await on.query<ScheduleRow>(`select ${COLUMNS} from tenantry.schedules where name = $1`, [
    name,
  ])
  if (row === undefined) throw scheduleNotFound(name)
  return row
}

/** Operations that it started go on. @throws TenantryError `not_found` */
export async function deleteSchedule(on: Queryable, name: string): Promise<void> {
  const rows = await on.query('delete from tenantry.schedules where name = $1 returning name', [name])
  if (rows.length === 0) throw scheduleNotFound(name)
}

function scheduleNotFound(name: string): TenantryError {
  return new TenantryError('not_found', `There is no schedule ${name}.`, {
    nextSteps: ['List them with: GET /schedules'],
  })
}

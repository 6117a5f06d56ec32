/** Operations without their input, which may be as large as an import of 100,000 tenants: for lists and watchers. */
import type { Queryable } from '../control.ts'
import { OPERATION_COLUMNS, type Operation, type OperationState } from './operation.ts'
import { operationNotFound } from './store.ts'

export type OperationSummary = Omit<Operation, 'input'>

const COLUMNS = OPERATION_COLUMNS.replace(/\binput,\s*/, '')

/** @throws TenantryError `not_found` */
export async function getSummary(on: Queryable, operationId: string): Promise<OperationSummary> {
  const [row] = await on.query<OperationSummary>(`select ${COLUMNS} from tenantry.operations where id = $1`, [
    operationId,
  ])
  if (row === undefined) throw operationNotFound(operationId)
  return row
}

export interface SummaryFilter {
  readonly kind?: string | undefined
  readonly state?: OperationState | undefined
  /** Only operations made before this one, which must exist. */
  readonly beforeId?: string | undefined
  readonly limit: number
}

/** Newest first. */
export function listSummaries(on: Queryable, filter: SummaryFilter): Promise<OperationSummary[]> {
  // The place of the last row is looked up here: a JavaScript date would have cut off its microseconds.
  return on.query<OperationSummary>(
    `select ${COLUMNS} from tenantry.operations
     where ($1::text is null or kind = $1) and ($2::text is null or state = $2)
       and ($3::uuid is null
         or (created_at, id) < (select created_at, id from tenantry.operations where id = $3))
     order by created_at desc, id desc limit $4`,
    [filter.kind ?? null, filter.state ?? null, filter.beforeId ?? null, filter.limit],
  )
}

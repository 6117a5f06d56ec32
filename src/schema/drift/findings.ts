/** What was found about each tenant, as last seen, and the ways to differ with the tenants that do. */
import type { Queryable } from '../../control/control.ts'
import { TenantryError } from '../../lib/errors.ts'
import { getTenant, selectionCondition } from '../../registry/tenants.ts'

export type FindingState = 'in_sync' | 'different' | 'unreachable' | 'no_expectation'

export interface Finding {
  readonly tenantId: number
  readonly state: FindingState
  readonly differenceKey: string | null
  readonly catalogueFingerprint: string | null
  readonly schemaFingerprint: string | null
  readonly changeMarker: string | null
  readonly error: string | null
  /** `host:port`, or the directory; null when it is not known. */
  readonly readFrom: string | null
  /** See `Dialect.writeMarks`; null where the server cannot tell. */
  readonly writeMark: string | null
  /** When the schema was read; null: just now. Earlier where nothing was written to the database since. */
  readonly lookedAt: Date | null
}

const FOUND = 'operation_id, tenant_id, state, difference_key, error, read_from, checked_at, looked_at'
const READ = 'catalogue_fingerprint, schema_fingerprint, change_marker, write_mark'

function excluded(columns: string): string {
  return columns.replaceAll(/\w+/g, 'excluded.$&')
}

export async function saveFindings(
  on: Queryable,
  operationId: string,
  findings: readonly Finding[],
): Promise<void> {
  // In one order, so that scans at the same time do not wait for each other in a circle.
  await on.query(
    `with found as materialized (
       select "tenantId" as tenant_id, $1::uuid as operation_id, state, "differenceKey" as difference_key,
         "catalogueFingerprint" as catalogue_fingerprint, "schemaFingerprint" as schema_fingerprint,
         "changeMarker" as change_marker, "writeMark" as write_mark, error, "readFrom" as read_from,
         now() as checked_at, coalesce("lookedAt", now()) as looked_at
       from jsonb_to_recordset($2::jsonb) as found ("tenantId" bigint, state text, "differenceKey" text,
         "catalogueFingerprint" text, "schemaFingerprint" text, "changeMarker" text, "writeMark" text, error text,
         "readFrom" text, "lookedAt" timestamptz)
     ), of_scan as (
       insert into tenantry.drift_scan_findings (${FOUND}) select ${FOUND} from found
       on conflict (operation_id, tenant_id) do update set (${FOUND}) = row(${excluded(FOUND)})
     )
     insert into tenantry.drift_findings (${FOUND}, ${READ}) select ${FOUND}, ${READ} from found order by tenant_id
     on conflict (tenant_id) do update set (${FOUND}, ${READ}) = row(${excluded(`${FOUND}, ${READ}`)}),
       repaired_at = null, since = case when drift_findings.state = excluded.state and drift_findings.repaired_at is null
         and drift_findings.difference_key is not distinct from excluded.difference_key
         then drift_findings.since else excluded.checked_at end`,
    [operationId, JSON.stringify(findings)],
  )
}

/** How long what a scan has found is kept beside the last finding of each tenant. */
const KEPT = '1 day'

/** Begins a scan, or goes on with one; forgets what scans of long ago have found. */
export async function beginScan(
  on: Queryable,
  scan: { readonly operationId: string; readonly selector: string; readonly expected: string | undefined },
): Promise<void> {
  await on.query(
    `with old as (
       update tenantry.drift_scans set forgotten_at = now() where forgotten_at is null and operation_id <> $1
         and (finished_at < now() - $2::interval or started_at < now() - 7 * $2::interval)
       returning operation_id
     )
     delete from tenantry.drift_scan_findings using old where drift_scan_findings.operation_id = old.operation_id`,
    [scan.operationId, KEPT],
  )
  await on.query(
    `insert into tenantry.drift_scans (operation_id, selector, expected) values ($1, $2, $3) on conflict do nothing`,
    [scan.operationId, scan.selector, scan.expected ?? null],
  )
}

/** @throws TenantryError `not_found` when there is no such scan, or its findings are kept no longer */
export async function requireScan(on: Queryable, scan: string): Promise<void> {
  const [found] = await on.query<{ forgotten: boolean }>(
    'select forgotten_at is not null as forgotten from tenantry.drift_scans where operation_id = $1',
    [scan],
  )
  if (found?.forgotten === false) return
  const why =
    found === undefined ? `There is no scan ${scan}.` : `What the scan ${scan} has found is kept no longer.`
  throw new TenantryError('not_found', why, { nextSteps: ['Scan again: tenantry drift scan'] })
}

export interface DriftGroup {
  readonly key: string
  readonly tenants: number
  /** Of these, how many are ignored for now. */
  readonly ignored: number
  readonly summary: readonly string[]
  readonly examples: readonly string[]
  readonly expected: string
  readonly actual: string
  /** When the first of them was found to differ so. */
  readonly since: Date
}

/** Findings of the selected tenants, only those of one scan when it is given. */
function chosen(selector: string, scan: string | undefined): { sql: string; values: readonly unknown[] } {
  const condition = selectionCondition(selector, 2)
  return {
    sql: `tenantry.${scan === undefined ? 'drift_state' : 'drift_scan_state'} as finding
      join tenantry.tenants as tenant on tenant.id = finding.tenant_id
        and ($1::uuid is null or finding.operation_id = $1)
      join tenantry.db_servers as server on server.id = tenant.server_id and ${condition.sql}`,
    values: [scan ?? null, ...condition.values],
  }
}

/** Ways to differ, the most frequent first; tenants that were repaired since they were looked at do not count. */
export async function listGroups(on: Queryable, selector: string, scan?: string): Promise<DriftGroup[]> {
  const { sql, values } = chosen(selector, scan)
  return on.query<DriftGroup>(
    `select difference.key, count(*) as tenants, count(*) filter (where finding.ignored) as ignored,
       difference.summary, (array_agg(tenant.name order by tenant.name))[1:3] as examples,
       difference.expected, difference.actual, min(finding.since) as since
     from ${sql} join tenantry.drift_differences as difference on difference.key = finding.difference_key
     where finding.repaired_at is null
     group by difference.key order by count(*) desc, difference.key`,
    values,
  )
}

export interface DriftCounts {
  readonly in_sync: number
  readonly different: number
  /** Of the different ones. */
  readonly ignored: number
  /** Found to differ, and repaired since. */
  readonly repaired: number
  readonly unreachable: number
  readonly no_expectation: number
  /** Of all of these, how many were not connected to, as nothing was written to them since they were looked at last. */
  readonly unwritten: number
}

export async function countFindings(on: Queryable, selector: string, scan?: string): Promise<DriftCounts> {
  const { sql, values } = chosen(selector, scan)
  const count = (condition: string): string => `count(*) filter (where ${condition})`
  const differs = `finding.state = 'different' and finding.repaired_at is null`
  const [counts] = await on.query<DriftCounts>(
    `select ${count(`finding.state = 'in_sync'`)} as in_sync, ${count(differs)} as different,
       ${count(`finding.ignored and ${differs}`)} as ignored, ${count('finding.repaired_at is not null')} as repaired,
       ${count(`finding.state = 'unreachable'`)} as unreachable,
       ${count(`finding.state = 'no_expectation'`)} as no_expectation,
       ${count('finding.looked_at < finding.checked_at')} as unwritten
     from ${sql}`,
    values,
  )
  return counts as DriftCounts
}

/** When the selected tenants were looked at; undefined when none was. */
export async function findingsAge(
  on: Queryable,
  selector: string,
  scan?: string,
): Promise<{ oldest: Date; newest: Date } | undefined> {
  const { sql, values } = chosen(selector, scan)
  const [age] = await on.query<{ oldest: Date | null; newest: Date | null }>(
    `select min(finding.checked_at) as oldest, max(finding.checked_at) as newest from ${sql}`,
    values,
  )
  const { oldest = null, newest = null } = age ?? {}
  return oldest === null || newest === null ? undefined : { oldest, newest }
}

export interface Unreachable {
  readonly error: string
  readonly tenants: number
  readonly examples: readonly string[]
}

const REASONS_SHOWN = 20

/** Why tenants could not be looked at, the most frequent reasons first. */
export async function listUnreachable(
  on: Queryable,
  selector: string,
  scan?: string,
): Promise<Unreachable[]> {
  const { sql, values } = chosen(selector, scan)
  return on.query<Unreachable>(
    `select finding.error, count(*) as tenants, (array_agg(tenant.name order by tenant.name))[1:3] as examples
     from ${sql} where finding.state = 'unreachable'
     group by finding.error order by count(*) desc, finding.error limit ${REASONS_SHOWN}`,
    values,
  )
}

export interface Reading {
  readonly server: string
  readonly address: string
  readonly tenants: number
}

/** Where the findings were read. */
export async function listReadings(on: Queryable, selector: string, scan?: string): Promise<Reading[]> {
  const { sql, values } = chosen(selector, scan)
  return on.query<Reading>(
    `select server.name as server, finding.read_from as address, count(*) as tenants from ${sql}
     where finding.read_from is not null group by 1, 2 order by 1, 2`,
    values,
  )
}

export interface TenantFinding {
  readonly tenant: string
  readonly server: string
  readonly state: FindingState
  readonly ignored: boolean
  readonly difference: string | null
  readonly error: string | null
  readonly read_from: string | null
  readonly checked_at: Date
  /** When the schema was read: before `checked_at` where nothing was written to the database in between. */
  readonly looked_at: Date
  /** When it was first found in this state, differing in this way. */
  readonly since: Date
  /** When a repair of its difference was applied, after it was looked at. */
  readonly repaired_at: Date | null
}

/** Findings by tenant in the order of their names, `limit` of them after the name `after`. */
export async function listFindings(
  on: Queryable,
  filter: {
    readonly selector: string
    readonly scan?: string | undefined
    readonly state?: FindingState | undefined
    readonly key?: string | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<TenantFinding[]> {
  const { sql, values } = chosen(filter.selector, filter.scan)
  const next = values.length
  return on.query<TenantFinding>(
    `select tenant.name as tenant, server.name as server, finding.state, finding.ignored,
       finding.difference_key as difference, finding.error, finding.read_from, finding.checked_at, finding.looked_at,
       finding.since, finding.repaired_at
     from ${sql}
     where ($${next + 1}::text is null or finding.state = $${next + 1})
       and ($${next + 2}::text is null or finding.difference_key = $${next + 2})
       and ($${next + 3}::text is null or tenant.name > $${next + 3})
     order by tenant.name limit $${next + 4}`,
    [...values, filter.state ?? null, filter.key ?? null, filter.after ?? null, filter.limit],
  )
}

export interface DriftDifference {
  readonly key: string
  readonly expected: string
  readonly actual: string
  readonly summary: readonly string[]
  readonly first_seen: Date
}

/** @throws TenantryError `not_found` */
export async function getDifference(on: Queryable, key: string): Promise<DriftDifference> {
  const [difference] = await on.query<DriftDifference>(
    'select key, expected, actual, summary, first_seen from tenantry.drift_differences where key = $1',
    [key],
  )
  if (difference !== undefined) return difference
  throw new TenantryError('not_found', `There is no difference ${JSON.stringify(key)}.`, {
    nextSteps: ['List those that were found: tenantry drift list'],
  })
}

export interface NewIgnore {
  readonly key: string
  /** A tenant's name; absent: all that differ so. */
  readonly tenant?: string | undefined
  readonly until?: Date | undefined
  readonly reason: string
  readonly createdBy: string
}

/** @throws TenantryError `not_found` for an unknown difference or tenant */
export async function ignoreDifference(on: Queryable, ignore: NewIgnore): Promise<void> {
  await getDifference(on, ignore.key)
  const tenant = ignore.tenant === undefined ? undefined : await getTenant(on, ignore.tenant)
  await on.query(
    `insert into tenantry.drift_ignores (difference_key, tenant_id, until, reason, created_by)
     values ($1, $2, $3, $4, $5)`,
    [ignore.key, tenant?.id ?? null, ignore.until ?? null, ignore.reason, ignore.createdBy],
  )
}

export interface Ignore {
  /** Null: all that differ so. */
  readonly tenant: string | null
  readonly until: Date | null
  readonly reason: string
  readonly created_by: string
  readonly created_at: Date
}

/** Why a difference is ignored now, for whom and until when; the oldest first. */
export async function listIgnores(on: Queryable, key: string): Promise<Ignore[]> {
  return on.query<Ignore & Record<string, unknown>>(
    `select tenant.name as tenant, ignore.until, ignore.reason, ignore.created_by, ignore.created_at
     from tenantry.drift_ignores as ignore left join tenantry.tenants as tenant on tenant.id = ignore.tenant_id
     where ignore.difference_key = $1 and (ignore.until is null or ignore.until > now()) order by ignore.id`,
    [key],
  )
}

/** Ends all ignoring of a difference. @returns how many entries ended */
export async function watchDifference(on: Queryable, key: string): Promise<number> {
  await getDifference(on, key)
  const ended = await on.query(
    `delete from tenantry.drift_ignores where difference_key = $1 and (until is null or until > now()) returning id`,
    [key],
  )
  return ended.length
}

/** Tenants: one row each, found by name, label or selector; 100,000 of them. */
import { ident } from '../engine/sql.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { findUnstorable } from '../lib/storable.ts'
import type { Queryable } from '../control/control.ts'
import { parseSelector, selectorCondition } from './selector.ts'

export interface Tenant {
  readonly id: number
  readonly name: string
  readonly server: string
  readonly database_name: string
  /** Empty for a tenant that has the whole database. */
  readonly schema_name: string
  readonly labels: Record<string, string>
  readonly state: 'active' | 'missing' | 'retired'
  readonly version_id: string | null
  readonly created_at: Date
}

const COLUMNS = `tenant.id, tenant.name, server.name as server, tenant.database_name, tenant.schema_name, tenant.labels,
  tenant.state, tenant.version_id, tenant.created_at`

const FROM = `tenantry.tenants as tenant join tenantry.db_servers as server on server.id = tenant.server_id`

/** Values of a selection: tenants that are in use, on servers that are in use, unless the selector names states. */
export function selectionCondition(
  selector: string,
  firstParameter = 1,
): { sql: string; values: readonly unknown[] } {
  const terms = parseSelector(selector)
  const condition = selectorCondition(terms, firstParameter)
  const stateIsNamed = terms.some((term) => term.key === 'state')
  return {
    sql: `${condition.sql}${stateIsNamed ? '' : ` and tenant.state = 'active'`} and server.state = 'active'`,
    values: condition.values,
  }
}

/** Tenants in the order of their names, `limit` of them after the name `after`. */
export function listTenants(
  on: Queryable,
  filter: { selector: string; after?: string | undefined; limit: number },
): Promise<Tenant[]> {
  const condition = selectionCondition(filter.selector, 3)
  return on.query<Tenant>(
    `select ${COLUMNS} from ${FROM}
     where ${condition.sql} and ($1::text is null or tenant.name > $1) order by tenant.name limit $2`,
    [filter.after ?? null, filter.limit, ...condition.values],
  )
}

export async function countTenants(on: Queryable, selector: string): Promise<number> {
  const condition = selectionCondition(selector)
  const [row] = await on.query<{ count: number }>(
    `select count(*) from ${FROM} where ${condition.sql}`,
    condition.values,
  )
  return row?.count ?? 0
}

/** For an answer about nobody at all, which would read like a good one. */
export function noTenantMatches(selector: string): TenantryError {
  return new TenantryError('not_found', `No tenant matches ${JSON.stringify(selector)}.`, {
    nextSteps: [
      'See what there is: tenantry tenant list --selector …',
      'Find tenants on a server: tenantry tenant discover',
    ],
  })
}

/** @throws TenantryError `not_found` when no tenant is selected */
export async function requireTenants(on: Queryable, selector: string): Promise<void> {
  if ((await countTenants(on, selector)) === 0) throw noTenantMatches(selector)
}

/** @throws TenantryError `not_found` */
export async function getTenant(on: Queryable, name: string): Promise<Tenant> {
  const [tenant] = await on.query<Tenant>(`select ${COLUMNS} from ${FROM} where tenant.name = $1`, [name])
  if (tenant === undefined) throw tenantNotFound(name)
  return tenant
}

export interface TenantEntry {
  readonly name: string
  readonly server: string
  readonly database: string
  readonly schema?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly createdByOperation?: string | undefined
}

/**
 * Registers tenants; a tenant already registered at the same place gets the labels added and is in use again.
 * @param options.keepRetired what somebody took out of use stays so: for tenants that were found, not named.
 * @returns how many are new and how many were known.
 * @throws TenantryError `invalid_input` for entries that contradict each other or cannot be places, `conflict` when
 *   a name belongs to another place, `not_found` for an unknown server.
 */
export async function registerTenants(
  on: Queryable,
  entries: readonly TenantEntry[],
  options: { readonly keepRetired?: boolean } = {},
): Promise<{ added: number; known: number }> {
  refuseUnusable(entries)
  let added = 0
  for (let start = 0; start < entries.length; start += REGISTER_BATCH) {
    const batch = entries.slice(start, start + REGISTER_BATCH)
    added += await registerBatch(on, batch, options.keepRetired ?? false).catch(explainRace)
  }
  return { added, known: entries.length - added }
}

const REGISTER_BATCH = 2_000

function refuseUnusable(entries: readonly TenantEntry[]): void {
  const names = new Set<string>()
  const places = new Map<string, string>()
  for (const entry of entries) {
    const { name, server, database, schema = '' } = entry
    const unstorable = findUnstorable(entry)
    if (unstorable !== undefined || name === '') throw unusable(name, unstorable?.message ?? 'has no name')
    ident(database)
    if (schema !== '') ident(schema)
    if (names.has(name)) throw unusable(name, 'is listed twice')
    const place = JSON.stringify([server, database, schema])
    const other = places.get(place)
    if (other !== undefined) throw unusable(name, `is at the same place as ${other}`)
    names.add(name)
    places.set(place, name)
  }
}

function unusable(name: string, problem: string): TenantryError {
  return new TenantryError('invalid_input', `Tenant ${JSON.stringify(name)} ${problem}.`, { tenant: name })
}

/** Between the look and the insert somebody else took a name. */
function explainRace(error: unknown): never {
  if (!(error instanceof Error && 'code' in error && error.code === '23505')) throw error
  throw new TenantryError(
    'conflict',
    `Somebody else registers tenants with the same names: ${messageOf(error)}`,
    {
      retryable: true,
      cause: error,
    },
  )
}

async function registerBatch(
  on: Queryable,
  entries: readonly TenantEntry[],
  keepRetired: boolean,
): Promise<number> {
  const rows = JSON.stringify(
    entries.map((entry) => ({
      name: entry.name,
      server: entry.server,
      database_name: entry.database,
      schema_name: entry.schema ?? '',
      labels: entry.labels ?? {},
      operation: entry.createdByOperation ?? null,
    })),
  )
  const [problem] = await on.query<{ name: string; server: string; known: boolean; place: string | null }>(
    `select entry.name, entry.server, server.id is not null as known,
       other.database_name || case when other.schema_name = '' then '' else '.' || other.schema_name end as place
     from jsonb_to_recordset($1::jsonb) as entry (name text, server text, database_name text, schema_name text)
     left join tenantry.db_servers as server on server.name = entry.server and server.state = 'active'
     left join tenantry.tenants as other on other.name = entry.name
       and (other.server_id, other.database_name, other.schema_name)
         is distinct from (server.id, entry.database_name, entry.schema_name)
     where server.id is null or other.id is not null limit 1`,
    [rows],
  )
  if (problem !== undefined) throw refusedEntry(problem)
  const result = await on.query<{ inserted: boolean }>(
    `insert into tenantry.tenants as tenant (name, server_id, database_name, schema_name, labels, created_by_operation)
     select entry.name, server.id, entry.database_name, entry.schema_name, entry.labels, entry.operation
     from jsonb_to_recordset($1::jsonb) as entry
       (name text, server text, database_name text, schema_name text, labels jsonb, operation uuid)
     join tenantry.db_servers as server on server.name = entry.server
     on conflict (server_id, database_name, schema_name) do update
       set labels = tenant.labels || excluded.labels,
         state = case when $2 and tenant.state = 'retired' then tenant.state else 'active' end,
         created_by_operation = coalesce(tenant.created_by_operation, excluded.created_by_operation)
     returning (xmax = 0) as inserted`,
    [rows, keepRetired],
  )
  return result.filter((row) => row.inserted).length
}

function refusedEntry(problem: {
  name: string
  server: string
  known: boolean
  place: string | null
}): TenantryError {
  if (!problem.known) {
    return new TenantryError('not_found', `Tenant ${problem.name}: there is no server ${problem.server}.`, {
      tenant: problem.name,
      server: problem.server,
      nextSteps: ['Add it first: tenantry server add'],
    })
  }
  return new TenantryError(
    'conflict',
    `The tenant name ${problem.name} is taken by the tenant in ${problem.place ?? 'another place'}.`,
    {
      tenant: problem.name,
    },
  )
}

/** Sets labels (null removes one). @throws TenantryError `not_found` */
export async function labelTenant(
  on: Queryable,
  name: string,
  labels: Readonly<Record<string, string | null>>,
): Promise<Tenant> {
  const rows = await on.query(
    `update tenantry.tenants set labels = jsonb_strip_nulls(labels || $2::jsonb) where name = $1 returning id`,
    [name, JSON.stringify(labels)],
  )
  if (rows.length === 0) throw tenantNotFound(name)
  return getTenant(on, name)
}

/** Takes a tenant out of use: no selection finds it; its database is not touched. @throws TenantryError `not_found` */
export async function retireTenant(on: Queryable, name: string): Promise<Tenant> {
  const rows = await on.query(`update tenantry.tenants set state = 'retired' where name = $1 returning id`, [
    name,
  ])
  if (rows.length === 0) throw tenantNotFound(name)
  return getTenant(on, name)
}

function tenantNotFound(name: string): TenantryError {
  return new TenantryError('not_found', `There is no tenant ${name}.`, {
    tenant: name,
    nextSteps: ['Look for it with: tenantry tenant list --selector "name:…%"'],
  })
}

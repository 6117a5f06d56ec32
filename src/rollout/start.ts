/** Starting a rollout: versions checked, tenants selected, waves laid out, all in one transaction. */
import { randomUUID } from 'node:crypto'
import { enqueueOperation, recordEvent } from '../control/operations/store.ts'
import type { Control, Queryable } from '../control/control.ts'
import { TenantryError } from '../lib/errors.ts'
import { parseSelector, selectorCondition } from '../registry/selector.ts'
import { noTenantMatches, selectionCondition } from '../registry/tenants.ts'
import {
  getVersion,
  newestVersionId,
  versionIdsUpTo,
  type Version,
  type VersionDialect,
} from '../schema/versions.ts'
import type { Direction } from './change.ts'
import { ROLLOUT_KINDS } from './kinds.ts'
import { getRollout, lockRollout, type Rollout, type RolloutOptions } from './rollout.ts'
import { planWaves, type Wave, type WaveRequest } from './waves.ts'

export type RolloutOrder = 'name' | 'random'

export interface NewRollout {
  /** Chosen by the caller to make starting repeatable; made here when absent. */
  readonly id?: string | undefined
  /** Exactly this version (`latest`: the newest); or with `upTo`, it and all older ones that a tenant lacks. */
  readonly versionId: string
  readonly upTo: boolean
  readonly dryRun: boolean
  readonly waves: readonly WaveRequest[]
  readonly order: RolloutOrder
  readonly options: RolloutOptions
  readonly createdBy: string
}

/** A rollout is retried by its targets, not as a whole: its controller may die as often as it likes. */
const CONTROLLER_ATTEMPTS = 1_000_000

/**
 * @throws TenantryError `not_found` for an unknown version or when no tenant is selected, `invalid_input` for
 *   waves that make no sense, `conflict` when the id is taken.
 */
export async function startRollout(control: Control, input: NewRollout): Promise<Rollout> {
  const kind = await serverKind(control, input.options.selector)
  const versionId = input.versionId === 'latest' ? await newestVersionId(control, kind) : input.versionId
  const versionIds = input.upTo
    ? (await versionIdsUpTo(control, versionId)).map((row) => row.version_id)
    : [versionId]
  if (!versionIds.includes(versionId)) await getVersion(control, versionId)
  for (const id of versionIds) checkVersion(await getVersion(control, id), kind, 'upgrade')
  return control.transaction(async (tx) => {
    await tx.query(`set local statement_timeout = '5min'`)
    const total = await selectTargets(tx, input.options.selector, input.order)
    if (total === 0) throw noTenantMatches(input.options.selector)
    const waves = planWaves(input.waves, total, input.options.errorThresholdPercent)
    return create(tx, { ...input, direction: 'upgrade', versionIds, undoOf: null, total, waves })
  })
}

/** The one kind of server that the selected tenants are on. @throws TenantryError `invalid_input` */
async function serverKind(on: Queryable, selector: string): Promise<VersionDialect> {
  const condition = selectionCondition(selector)
  const kinds = await on.query<{ kind: VersionDialect }>(
    `select distinct server.kind from tenantry.tenants as tenant
     join tenantry.db_servers as server on server.id = tenant.server_id where ${condition.sql}`,
    condition.values,
  )
  const [only, another] = kinds
  if (another === undefined) return only?.kind ?? 'postgres'
  throw new TenantryError(
    'invalid_input',
    `${JSON.stringify(selector)} selects tenants on servers of several kinds: a version is written for one.`,
    { nextSteps: ['Narrow the selector, e.g. with server:NAME, and roll out to each kind by itself.'] },
  )
}

/** @throws TenantryError `invalid_input` for another kind of server, `source_invalid` for SQL that cannot run */
function checkVersion(version: Version, kind: VersionDialect, direction: Direction): void {
  if (version.dialect !== kind) {
    throw new TenantryError(
      'invalid_input',
      `Version ${version.version_id} is written for ${version.dialect}, the selected tenants are on ${kind} servers.`,
    )
  }
  ROLLOUT_KINDS[kind].check(version, direction)
}

/**
 * A rollout that takes back what `original` applied, on exactly the tenants where it did.
 * @throws TenantryError `conflict` when there is nothing to undo or a version has no downgrade.
 */
export async function startUndo(
  control: Control,
  original: Rollout,
  input: Omit<NewRollout, 'versionId' | 'upTo' | 'order'>,
): Promise<Rollout> {
  if (original.direction !== 'upgrade' || original.dry_run) {
    throw new TenantryError('conflict', `Rollout ${original.id} applied nothing that could be undone.`)
  }
  const versionIds = original.version_ids.toReversed()
  for (const id of versionIds) {
    const version = await getVersion(control, id)
    if (version.downgrade_sql === null) {
      throw new TenantryError('conflict', `Version ${id} has no downgrade: the rollout cannot be undone.`, {
        nextSteps: ['Write a new version that takes the change back, and roll it out.'],
      })
    }
    checkVersion(version, version.dialect, 'downgrade')
  }
  return control.transaction(async (tx) => {
    await refuseWhileAtWork(tx, original.id)
    const total = await selectChanged(tx, original.id)
    if (total === 0)
      throw new TenantryError('conflict', `Rollout ${original.id} applied nothing that could be undone.`)
    const waves = planWaves(input.waves, total, input.options.errorThresholdPercent)
    return create(tx, { ...input, direction: 'downgrade', versionIds, undoOf: original.id, total, waves })
  })
}

/** What is in hand may still be applied: an undo that began now would miss it. */
async function refuseWhileAtWork(tx: Queryable, originalId: string): Promise<void> {
  const original = await lockRollout(tx, originalId)
  const [claimed] = await tx.query<{ count: number }>(
    `select count(*) from tenantry.rollout_targets where rollout_id = $1 and state = 'claimed'`,
    [originalId],
  )
  if (original.state === 'running') {
    throw new TenantryError('conflict', `Rollout ${originalId} is running.`, {
      nextSteps: [`First: tenantry rollout stop ${originalId}`],
    })
  }
  if (claimed !== undefined && claimed.count > 0) {
    throw new TenantryError('conflict', `Rollout ${originalId} still has ${claimed.count} tenants in hand.`, {
      retryable: true,
      nextSteps: ['Try again when nothing is in flight any more: a moment, as a rule.'],
    })
  }
}

/**
 * Fills the temporary table with the tenants that a rollout changed, wholly or in part, and with those whose last
 * try ended without an answer: there the ledger will tell.
 */
async function selectChanged(tx: Queryable, rolloutId: string): Promise<number> {
  await tx.query(CREATE_SELECTED)
  const [row] = await tx.query<{ total: number }>(
    `with selected as (
       insert into pg_temp.selected
       select tenant_id, server_id, position from tenantry.rollout_targets
       where rollout_id = $1 and (outcome in ('applied', 'partly_applied')
         or state in ('failed', 'skipped') and unanswered
         or state in ('failed', 'skipped') and (attempts > 0 or sqlstate <> '08001') and sqlstate ~ '^(08|57P|40003)')
       returning 1)
     select count(*) as total from selected`,
    [rolloutId],
  )
  return row?.total ?? 0
}

/** CREATE TABLE AS takes no parameters: the table first, its rows then. */
const CREATE_SELECTED =
  'create temporary table selected (tenant_id bigint, server_id integer, position integer) on commit drop'

/** Fills a temporary table with the selected tenants in order. */
async function selectTargets(tx: Queryable, selector: string, order: RolloutOrder): Promise<number> {
  const condition = selectionCondition(selector)
  const by = order === 'random' ? 'md5(tenant.id::text)' : 'tenant.name'
  await tx.query(CREATE_SELECTED)
  await tx.query(
    `insert into pg_temp.selected select tenant.id, tenant.server_id, row_number() over (order by ${by})
     from tenantry.tenants as tenant join tenantry.db_servers as server on server.id = tenant.server_id
     where ${condition.sql}`,
    condition.values,
  )
  const [row] = await tx.query<{ total: number }>('select count(*) as total from pg_temp.selected')
  return row?.total ?? 0
}

interface Creation {
  readonly id?: string | undefined
  readonly direction: Direction
  readonly versionIds: readonly string[]
  readonly undoOf: string | null
  readonly dryRun: boolean
  readonly options: RolloutOptions
  readonly total: number
  readonly waves: readonly Wave[]
  readonly createdBy: string
}

async function create(tx: Queryable, creation: Creation): Promise<Rollout> {
  const id = creation.id ?? randomUUID()
  await refuseTakenId(tx, id)
  if (creation.options.via === 'pooler') await refuseWithoutPooler(tx)
  await enqueueOperation(tx, {
    id,
    kind: 'rollout',
    input: { versions: creation.versionIds, selector: creation.options.selector, dry_run: creation.dryRun },
    createdBy: creation.createdBy,
    maxAttempts: CONTROLLER_ATTEMPTS,
  })
  await tx.query(
    `insert into tenantry.rollouts (id, direction, version_ids, undo_of, dry_run, options, total)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      id,
      creation.direction,
      creation.versionIds,
      creation.undoOf,
      creation.dryRun,
      creation.options,
      creation.total,
    ],
  )
  await assignWaves(tx, id, creation.waves)
  await tx.query(
    `insert into tenantry.rollout_lanes (rollout_id, wave, server_id, total)
     select rollout_id, wave, server_id, count(*) from tenantry.rollout_targets where rollout_id = $1 group by 1, 2, 3`,
    [id],
  )
  await tx.query(
    `insert into tenantry.rollout_servers (rollout_id, server_id)
     select distinct rollout_id, server_id from tenantry.rollout_lanes where rollout_id = $1`,
    [id],
  )
  await tx.query(
    `update tenantry.rollout_waves set state = 'running', started_at = clock_timestamp() where rollout_id = $1 and wave = 1`,
    [id],
  )
  await recordEvent(tx, id, 'rollout.started', {
    total: creation.total,
    versions: creation.versionIds,
    dry_run: creation.dryRun,
  })
  return getRollout(tx, id)
}

/** Some servers without one are named in the answer; with none at all the rollout is not what was asked for. */
async function refuseWithoutPooler(tx: Queryable): Promise<void> {
  const pooled = await tx.query(
    `select from tenantry.db_servers where pooler_host is not null
       and id in (select server_id from pg_temp.selected) limit 1`,
  )
  if (pooled.length > 0) return
  throw new TenantryError('invalid_input', 'No server of the selected tenants has a pooler.', {
    nextSteps: [
      'Say where it is: tenantry server update NAME --pooler HOST:PORT',
      'Or go straight to the servers: without --via pooler.',
    ],
  })
}

/** Servers of a rollout through poolers that have none: their tenants are reached directly. By name. */
export async function serversWithoutPooler(on: Queryable, rollout: Rollout): Promise<string[]> {
  if (rollout.options.via !== 'pooler') return []
  const rows = await on.query<{ name: string }>(
    `select server.name from tenantry.rollout_servers as lane
     join tenantry.db_servers as server on server.id = lane.server_id
     where lane.rollout_id = $1 and server.pooler_host is null order by server.name`,
    [rollout.id],
  )
  return rows.map((row) => row.name)
}

/** Every tenant falls into the first wave that takes it; waves that take none are left out. */
async function assignWaves(tx: Queryable, id: string, waves: readonly Wave[]): Promise<void> {
  let number = 0
  for (const wave of waves) {
    // What is selected is selected: a wave's own selector only tells which of it comes now.
    const condition = selectorCondition(parseSelector(wave.selector ?? ''), 4)
    const assigned = await tx.query(
      `with taken as (
         delete from pg_temp.selected where tenant_id in (
           select selected.tenant_id from pg_temp.selected as selected
           join tenantry.tenants as tenant on tenant.id = selected.tenant_id
           join tenantry.db_servers as server on server.id = tenant.server_id
           where ${condition.sql} order by selected.position limit $3)
         returning tenant_id, server_id, position),
       inserted as (
         insert into tenantry.rollout_targets (rollout_id, tenant_id, server_id, wave, position)
         select $1, tenant_id, server_id, $2, position from taken returning 1)
       select count(*) as total from inserted having count(*) > 0`,
      [id, number + 1, Number.isFinite(wave.limit) ? wave.limit : null, ...condition.values],
    )
    const total = assigned[0]?.['total']
    if (typeof total !== 'number') continue
    number += 1
    await tx.query(
      `insert into tenantry.rollout_waves (rollout_id, wave, name, total, gate) values ($1, $2, $3, $4, $5)`,
      [id, number, wave.name, total, wave.gate],
    )
  }
}

async function refuseTakenId(tx: Queryable, id: string): Promise<void> {
  const taken = await tx.query('select from tenantry.operations where id = $1', [id])
  if (taken.length > 0) throw new TenantryError('conflict', `The job id ${id} is taken.`)
}

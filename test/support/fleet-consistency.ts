/**
 * The question behind every test of a rollout: do the tenant's schema, its ledger, the rollout's target, the
 * counters, the registry and what is shown all say the same?
 */
import type { QueryResultRow } from 'pg'
import type { Control, Queryable } from '../../src/control/control.ts'
import type { Rollout } from '../../src/rollout/rollout.ts'
import { getRollout } from '../../src/rollout/rollout.ts'
import { rolloutStatus } from '../../src/rollout/status.ts'

export interface LedgerRow {
  readonly version_id: string
  readonly checksum: string
  readonly rollout_id: string
}

/** What is really in one tenant. */
export interface TenantTruth {
  readonly ledger: readonly LedgerRow[]
  /** Versions whose steps have begun and whose ledger row is not written yet. */
  readonly halfWay: readonly string[]
  /** By version: whether its change is there; absent for versions without a probe. */
  readonly changed: ReadonlyMap<string, boolean>
}

export interface TargetRow {
  readonly tenant: string
  readonly database: string
  readonly schema: string
  readonly server_id: number
  readonly wave: number
  readonly state: string
  readonly outcome: string | null
  readonly sqlstate: string | null
  readonly registry_version: string | null
}

export function targetRows(on: Queryable, rolloutId: string): Promise<TargetRow[]> {
  return on.query<TargetRow & Record<string, unknown>>(
    `select tenant.name as tenant, tenant.database_name as database, tenant.schema_name as schema, target.server_id,
       target.wave, target.state, target.outcome, target.sqlstate, tenant.version_id as registry_version
     from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
     where target.rollout_id = $1 order by target.position`,
    [rolloutId],
  )
}

/**
 * @param truthOf looks into a tenant; undefined for one that cannot be looked into (its database is gone).
 * @returns every contradiction in words; none when all is well.
 */
export async function contradictions(
  control: Control,
  rolloutId: string,
  truthOf: (target: TargetRow, versions: readonly string[]) => Promise<TenantTruth | undefined>,
): Promise<string[]> {
  const { rollout, targets, facts, found } = await inOneSnapshot(control, (on) => readRecords(on, rolloutId))
  for (const target of targets) {
    const truth = await truthOf(target, rollout.version_ids)
    if (truth === undefined) {
      if (target.state === 'succeeded') found.push(`${target.tenant}: succeeded, but cannot be looked into`)
      continue
    }
    // What is being changed right now may be seen between two looks.
    const isAtRest = rollout.state !== 'running' || !isOpen(target)
    const problems = [...(isAtRest ? wrongSchema(truth) : []), ...wrongTarget(rollout, target, truth, facts)]
    found.push(
      ...problems.map(
        (problem) => `${target.tenant} (${target.state}, ${target.outcome ?? '–'}): ${problem}`,
      ),
    )
  }
  return found
}

/** What the control database says, and where it contradicts itself. */
async function readRecords(on: Queryable, rolloutId: string) {
  const rollout = await getRollout(on, rolloutId)
  const targets = await targetRows(on, rolloutId)
  const facts = await factsOf(on, rollout)
  return { rollout, targets, facts, found: await wrongCounts(on, rollout, targets) }
}

/** Everything that is read belongs together, however much goes on meanwhile. One query at a time, as `pg` wants it. */
function inOneSnapshot<T>(control: Control, read: (on: Queryable) => Promise<T>): Promise<T> {
  return control.transaction(async (tx) => {
    await tx.query('set transaction isolation level repeatable read')
    let last: Promise<unknown> = Promise.resolve()
    return read({
      query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]> {
        const next = last.then(() => tx.query<Row>(text, values))
        last = next.catch(() => undefined)
        return next
      },
    })
  })
}

function isOpen(target: TargetRow): boolean {
  return target.state === 'pending' || target.state === 'claimed'
}

interface Facts {
  readonly checksums: ReadonlyMap<string, string>
  /** A later rollout took (part of) this one back. */
  readonly wasUndone: boolean
}

async function factsOf(on: Queryable, rollout: Rollout): Promise<Facts> {
  const versions = await on.query<{ version_id: string; checksum: string }>(
    'select version_id, checksum from tenantry.versions where version_id = any($1)',
    [rollout.version_ids],
  )
  const undone = await on.query('select from tenantry.rollouts where undo_of = $1 and not dry_run', [
    rollout.id,
  ])
  return {
    checksums: new Map(versions.map((row) => [row.version_id, row.checksum])),
    wasUndone: undone.length > 0,
  }
}

function wrongSchema(truth: TenantTruth): string[] {
  return [...truth.changed].flatMap(([version, changed]) => {
    if (truth.halfWay.includes(version)) return []
    const recorded = truth.ledger.some((row) => row.version_id === version)
    if (changed === recorded) return []
    return [
      changed
        ? `${version} is in the schema, not in the ledger`
        : `${version} is in the ledger, not in the schema`,
    ]
  })
}

function wrongTarget(rollout: Rollout, target: TargetRow, truth: TenantTruth, facts: Facts): string[] {
  const ours = truth.ledger.filter((row) => row.rollout_id === rollout.id)
  const hasAll = rollout.version_ids.every((id) =>
    truth.ledger.some((row) => row.version_id === id && row.checksum === facts.checksums.get(id)),
  )
  if (isOpen(target) && ['completed', 'stopped'].includes(rollout.state))
    return [`still open in a ${rollout.state} rollout`]
  if (rollout.dry_run) return ours.length > 0 ? ['a dry run left a ledger row'] : []
  if (rollout.direction === 'downgrade') return wrongUndo(rollout, target, truth)
  if (facts.wasUndone) return []
  switch (target.state) {
    case 'succeeded':
      return [
        ...(hasAll ? [] : ['a version is missing in the ledger']),
        ...(ours.length > 0 === (target.outcome === 'applied')
          ? []
          : [`the ledger has ${ours.length} rows of this rollout`]),
        ...wrongRegistry(target, truth),
      ]
    case 'failed':
      return [
        ...(hasAll ? ['failed, but the ledger has everything'] : []),
        ...(ours.length > 0 === (target.outcome === 'partly_applied')
          ? []
          : [`the ledger has ${ours.length} rows of this rollout`]),
      ]
    case 'skipped':
      return ours.length > 0 === (target.outcome === 'partly_applied')
        ? []
        : [`the ledger has ${ours.length} rows of this rollout`]
    default:
      return []
  }
}

function wrongRegistry(target: TargetRow, truth: TenantTruth): string[] {
  const newest =
    truth.ledger
      .map((row) => row.version_id)
      .toSorted()
      .at(-1) ?? null
  return newest === target.registry_version
    ? []
    : [`the registry says ${target.registry_version}, the ledger ${newest}`]
}

function wrongUndo(rollout: Rollout, target: TargetRow, truth: TenantTruth): string[] {
  const left = truth.ledger.filter((row) => row.rollout_id === rollout.undo_of)
  if (target.outcome === 'undone' || target.outcome === 'partly_undone') {
    const problems = wrongRegistry(target, truth)
    if (problems.length > 0) return problems
  }
  if (target.state === 'succeeded' && left.length > 0) return ['undone, but the ledger still has it']
  return target.state === 'failed' && left.length === 0
    ? ['failed to undo, but nothing is left in the ledger']
    : []
}

/** Lanes, waves and what is shown against the targets themselves. */
async function wrongCounts(
  on: Queryable,
  rollout: Rollout,
  targets: readonly TargetRow[],
): Promise<string[]> {
  const lanes = await on.query<Record<string, number>>(
    `select wave, server_id, total, succeeded, failed, skipped, already,
       coalesce((select sum(count) from unnest(durations) as count), 0) as timed
     from tenantry.rollout_lanes where rollout_id = $1`,
    [rollout.id],
  )
  const expected = new Map<string, Record<string, number>>()
  for (const target of targets) {
    const key = `wave ${target.wave} on server ${target.server_id}`
    const counts = expected.get(key) ?? { total: 0, succeeded: 0, failed: 0, skipped: 0, already: 0 }
    count(counts, 'total')
    if (target.state in counts) count(counts, target.state)
    if (target.outcome === 'already_applied' || target.outcome === 'not_applied') count(counts, 'already')
    expected.set(key, counts)
  }
  const problems: string[] = []
  const counted = new Set<string>()
  for (const { wave, server_id: server, timed, ...counts } of lanes) {
    const key = `wave ${wave} on server ${server}`
    counted.add(key)
    problems.push(...differences(`the lane of ${key}`, counts, expected.get(key) ?? {}))
    // What was found in a ledger afterwards has no duration.
    if ((timed ?? 0) > (counts['succeeded'] ?? 0)) problems.push(`the lane of ${key} timed ${timed} tenants`)
  }
  for (const key of expected.keys()) if (!counted.has(key)) problems.push(`there is no lane for ${key}`)
  return [...problems, ...(await wrongStatus(on, rollout, targets))]
}

async function wrongStatus(
  on: Queryable,
  rollout: Rollout,
  targets: readonly TargetRow[],
): Promise<string[]> {
  const status = await rolloutStatus(on, rollout.id)
  const inState = (...states: string[]): number =>
    targets.filter((target) => states.includes(target.state)).length
  const expected = {
    total: targets.length,
    completed: inState('succeeded', 'failed', 'skipped'),
    successful: inState('succeeded'),
    failed: inState('failed'),
    skipped: inState('skipped'),
    inFlight: inState('claimed'),
  }
  const grouped = status.errorGroups.reduce((sum, group) => sum + group.count, 0)
  const ofWaves = status.waves.reduce((sum, wave) => sum + wave.total, 0)
  return [
    ...differences('the status', { ...status.progress }, expected),
    ...differences('the error groups', { failed: grouped }, { failed: expected.failed }),
    ...differences('the waves', { total: ofWaves }, { total: expected.total }),
  ]
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

function differences(
  what: string,
  actual: Record<string, number>,
  expected: Record<string, number>,
): string[] {
  return Object.entries(expected)
    .filter(([key, value]) => actual[key] !== value)
    .map(([key, value]) => `${what} says ${key} ${actual[key]}, the targets say ${value}`)
}

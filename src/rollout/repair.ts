/**
 * Brings the tenants that differ in one way to the schema that is expected of them: a plan, made and proved once,
 * rolled out as a version of its own that no other tenant gets.
 */
import type { Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { TenantryError } from '../lib/errors.ts'
import { getTenant } from '../registry/tenants.ts'
import { detectRenames } from '../schema/diff/renames.ts'
import type { Dialect } from '../schema/dialects/dialect.ts'
import { dialectNamed } from '../schema/dialects/index.ts'
import { getDifference, listFindings, type DriftDifference } from '../schema/drift/findings.ts'
import { cataloguesOf } from '../schema/drift/readings.ts'
import { snapshotNameOf } from '../schema/drift/names.ts'
import type { PlanOptions } from '../schema/plan/action.ts'
import { refuseHazards } from '../schema/plan/allow.ts'
import type { HazardName } from '../schema/plan/hazards.ts'
import { makePlan } from '../schema/plan/make-plan.ts'
import type { Plan } from '../schema/plan/plan.ts'
import { versionSql } from '../schema/plan/version-sql.ts'
import { provePlan } from '../schema/prove.ts'
import type { Snapshot } from '../schema/snapshot/snapshot.ts'
import { controlStore } from '../schema/snapshot/stores/control.ts'
import { inspectOptionsOf, scratchLike, serverOf } from '../schema/tenant-session.ts'
import { storeVersion, withNewVersionId } from '../schema/versions.ts'
import type { Rollout } from './rollout.ts'
import { startRollout, type NewRollout } from './start.ts'

export interface Parts {
  readonly control: Control
  readonly keyring: Keyring
}

export interface RepairPlan {
  readonly difference: DriftDifference
  readonly dialect: Dialect
  readonly source: Snapshot
  readonly target: Snapshot
  readonly plan: Plan
}

/** The plan for one way to differ; nothing is run. @throws TenantryError `not_found` */
export async function planRepair(
  control: Control,
  key: string,
  options: Partial<PlanOptions> = {},
): Promise<RepairPlan> {
  const difference = await getDifference(control, key)
  const store = controlStore(control)
  const [source, target] = await Promise.all([store.get(difference.actual), store.get(difference.expected)])
  const dialect = await dialectNamed(target.dialect)
  const renames = detectRenames(dialect, source, target).filter((rename) => rename.certain)
  const plan = makePlan(dialect, source, target, options, renames)
  return { difference, dialect, source, target, plan }
}

export interface RepairRequest {
  readonly key: string
  readonly allow: readonly HazardName[]
  readonly plan?: Partial<PlanOptions>
  readonly rollout: Omit<NewRollout, 'versionId' | 'upTo' | 'order'>
}

/**
 * Proves the plan on a scratch database beside one of the tenants, then starts its rollout.
 * @throws TenantryError `conflict` when a hazard is not allowed, the plan is not proved, or no tenant differs so any
 *   more; `not_found`
 */
export async function startRepair(parts: Parts, request: RepairRequest): Promise<Rollout> {
  const { control } = parts
  const repair = await planRepair(control, request.key, request.plan)
  refuseHazards(repair.plan, request.allow)
  const [example] = await listFindings(control, { selector: `drift:${request.key}`, limit: 1 })
  if (example === undefined) {
    throw new TenantryError(
      'conflict',
      `No tenant is left to repair: those that had the difference ${request.key} are repaired, ignored or gone.`,
      { nextSteps: ['Look again: tenantry drift scan'] },
    )
  }
  await prove(parts, repair, example.tenant)
  const versionId = await storeRepair(control, repair, await schemaOf(control, example.tenant))
  return startRollout(control, { ...request.rollout, versionId, upTo: false, order: 'name' })
}

async function schemaOf(control: Control, tenant: string): Promise<string> {
  return (await getTenant(control, tenant)).schema_name
}

async function prove(parts: Parts, repair: RepairPlan, tenant: string): Promise<void> {
  const { server } = await getTenant(parts.control, tenant)
  const scratch = await scratchLike(await serverOf(parts.control, parts.keyring, server))
  try {
    await provePlan(repair.dialect, scratch, repair.source, repair.target, repair.plan)
  } finally {
    await scratch.close()
  }
}

/** Kept out of lists and of `latest`: it is for those tenants alone. */
async function storeRepair(control: Control, repair: RepairPlan, schema: string): Promise<string> {
  const { dialect, difference, plan } = repair
  const back = makePlan(dialect, repair.target, repair.source)
  const masked = schema !== ''
  const inspect = inspectOptionsOf(schema)
  const guardFor = async (fingerprint: string): Promise<string | undefined> =>
    dialect.guard?.(await cataloguesOf(control, dialect.name, fingerprint), inspect)
  const upgradeSql = versionSql(dialect, plan, masked, await guardFor(difference.actual))
  const version = await withNewVersionId(control, new Date(), (tx, versionId) =>
    storeVersion(tx, {
      versionId,
      dialect: dialect.name,
      description: `Repair of the difference ${difference.key}`,
      upgradeSql,
      downgradeSql: versionSql(dialect, back, masked),
      source: 'drift',
      sourceRevision: difference.key,
      internal: true,
    }),
  )
  await controlStore(control).put(snapshotNameOf(version.version_id), repair.target, version.description)
  return version.version_id
}

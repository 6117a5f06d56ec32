/** The other way to end a difference: what its tenants have becomes what is expected. */
import type { Control } from '../../control/control.ts'
import { TenantryError } from '../../lib/errors.ts'
import { controlStore } from '../snapshot/stores/control.ts'
import type { StoredVersion } from '../snapshot/stores/store.ts'
import { getDifference } from './findings.ts'
import { isOfVersion, snapshotNameOf, TARGET_NAME } from './names.ts'

export interface Adoption {
  readonly key: string
  /** The snapshot to change; absent: the one that the tenants were held against, where that is only one. */
  readonly name?: string | undefined
  readonly reason: string
}

/**
 * Stores the schema of the tenants that differ so as the newest snapshot of the name that they are held against.
 * @throws TenantryError `not_found` for an unknown difference or name; `conflict` when no tenant differs so any more,
 *   or when it is not clear which snapshot is meant
 */
export async function adoptDifference(control: Control, adoption: Adoption): Promise<StoredVersion> {
  const { key, reason } = adoption
  const difference = await getDifference(control, key)
  const store = controlStore(control)
  const stored = await store.list()
  const expecting = await expectingNames(control, key)
  const held = stored
    .filter(({ name, fingerprint }) => fingerprint === difference.expected && expecting(name))
    .map(({ name }) => name)
  const name = adoption.name ?? only(held, key)
  if (!stored.some((one) => one.name === name)) {
    throw new TenantryError('not_found', `There is no snapshot ${name} in ${store.label}.`, {
      nextSteps: ['See what there is: tenantry snapshot list --store control --all'],
    })
  }
  return (await store.put(name, await store.get(difference.actual), reason)).version
}

/** Which names the tenants that differ so can have been held against. */
async function expectingNames(control: Control, key: string): Promise<(name: string) => boolean> {
  const rows = await control.query<{ named: boolean; version_id: string | null }>(
    `select distinct scan.expected is not null as named, tenant.version_id
     from tenantry.drift_state as finding join tenantry.tenants as tenant on tenant.id = finding.tenant_id
     left join tenantry.drift_scans as scan on scan.operation_id = finding.operation_id
     where finding.difference_key = $1 and finding.repaired_at is null`,
    [key],
  )
  if (rows.length === 0) {
    throw new TenantryError('conflict', `No tenant has the difference ${key} any more.`, {
      nextSteps: ['Look again: tenantry drift scan'],
    })
  }
  const versions = new Set(
    rows.flatMap(({ named, version_id: id }) => (named || id === null ? [] : [snapshotNameOf(id)])),
  )
  const byName = rows.some(({ named }) => named)
  return (name) => versions.has(name) || (byName && name !== TARGET_NAME && !isOfVersion(name))
}

function only(names: readonly string[], key: string): string {
  const [name, another] = names
  if (name !== undefined && another === undefined) return name
  const why =
    name === undefined
      ? 'What its tenants were held against is the newest snapshot of no name'
      : `Its tenants were held against what ${names.join(' and ')} have in common`
  throw new TenantryError('conflict', `${why}: say which snapshot the schema is to become.`, {
    nextSteps: [`tenantry drift adopt ${key} --name ${name ?? 'NAME'} --reason …`],
  })
}

/** Versions with a purpose, for tests on a fleet. */
import type { Fleet, FleetTenant } from './fleet.ts'

let made = 0

export interface FailingVersion {
  readonly version: string
  /** Makes the tenants ready for it: the next try succeeds. */
  readonly heal: () => Promise<void>
}

/** A version that fails on these tenants (23514: their data violates it) and on no others. */
export async function failingOn(fleet: Fleet, tenants: readonly FleetTenant[]): Promise<FailingVersion> {
  made += 1
  const bad = `bad_${made}`
  for (const tenant of tenants) await fleet.sql(tenant, `insert into items values (${1000 + made}, '${bad}')`)
  const version = await fleet.addVersion({
    upgrade: `alter table items add constraint ${bad} check (name <> '${bad}')`,
    downgrade: `alter table items drop constraint ${bad}`,
    probe: `select exists (select from pg_constraint where conname = '${bad}' and conrelid = to_regclass('items'))`,
  })
  return {
    version,
    async heal() {
      for (const tenant of tenants) await fleet.sql(tenant, `delete from items where name = '${bad}'`)
    },
  }
}

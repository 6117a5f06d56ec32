/** Plans for tenants that are schemas: their statements name no schema, the search path leads to the tenant's. */
import type { Dialect } from '../dialects/dialect.ts'
import { MASKED_SCHEMA, type Snapshot } from '../snapshot/snapshot.ts'

export function isMasked(...snapshots: readonly Snapshot[]): boolean {
  return snapshots.some((snapshot) => snapshot.objects.some((object) => object.name[0] === MASKED_SCHEMA))
}

/** The dialect's preamble; without its search path where that has to stay the tenant's. */
export function preambleFor(dialect: Dialect, masked: boolean): readonly string[] {
  return masked ? dialect.preamble.filter((statement) => !/search_path/u.test(statement)) : dialect.preamble
}

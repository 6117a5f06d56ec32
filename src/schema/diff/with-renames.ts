/** The differences of two schemas, with what keeps its contents under another name told as such. */
import type { Dialect } from '../dialects/dialect.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { diff, type Change } from './diff.ts'
import { applyRenames, detectRenames, type PossibleRename, type RenameHint } from './renames.ts'

export interface Compared {
  readonly changes: readonly Change[]
  /** The first schema with all renames done. */
  readonly renamed: Snapshot
  /** The renames in their order: those told, then those found. */
  readonly renames: readonly RenameHint[]
  /** What was found beside those told; what is not `certain` is in none of the others. */
  readonly found: readonly PossibleRename[]
}

/**
 * @param told renames that are meant
 * @param detect whether others are looked for
 * @throws TenantryError `invalid_input` for a rename that is not possible
 */
export function diffWithRenames(
  dialect: Dialect,
  from: Snapshot,
  to: Snapshot,
  { told = [], detect = true }: { readonly told?: readonly RenameHint[]; readonly detect?: boolean } = {},
): Compared {
  const found = detect ? detectRenames(dialect, applyRenames(dialect, from, to, told).snapshot, to) : []
  const renames = [...told, ...found.filter(({ certain }) => certain)]
  const { snapshot, changes } = applyRenames(dialect, from, to, renames)
  return { changes: [...changes, ...diff(snapshot, to)], renamed: snapshot, renames, found }
}

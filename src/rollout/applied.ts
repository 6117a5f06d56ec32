/** What became of a tenant on which every version of a rollout is in place. */
import type { TargetResult } from './change.ts'

/**
 * @param changes the rollout's, in order
 * @param applied the versions that this rollout has applied; the others were there already
 */
export function appliedResult(
  changes: readonly { readonly versionId: string }[],
  applied: readonly string[],
): TargetResult {
  return {
    outcome: applied.length > 0 ? 'applied' : 'already_applied',
    versionId: changes.at(-1)?.versionId,
    note: applied.length > 1 ? `${applied.length} versions` : undefined,
  }
}

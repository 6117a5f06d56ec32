/** What a failure on one tenant means, after a look at its server where the server may be the reason. */
import type { DatabaseFailure } from '../engine/failure.ts'
import { failureKind, type FailureKind } from './retry.ts'
import type { ServerWatch } from './server-watch.ts'

export type Diagnosis =
  /** The whole server cannot be used. */
  | { readonly kind: 'down'; readonly problem: string }
  | { readonly kind: Exclude<FailureKind, 'server'>; readonly failure: DatabaseFailure }

/** @param isPooled the tenant was reached through a pooler, which keeps to itself why the server refuses. */
export async function diagnose(
  failure: DatabaseFailure,
  database: string,
  watch: ServerWatch,
  isPooled: boolean,
): Promise<Diagnosis> {
  const kind = failureKind(failure, database)
  if (kind !== 'server') return { kind, failure }
  const problem = await watch.look()
  if (problem !== undefined) return { kind: 'down', problem }
  if (isPooled) {
    const refusal = await watch.refusalOf(database)
    const reason = refusal === undefined ? 'server' : failureKind(refusal, database)
    if (refusal !== undefined && reason !== 'server') return { kind: reason, failure: refusal }
    // The database itself can be reached: what refuses is the way to it, and that is every tenant's.
    const closed = refusal === undefined ? await watch.lookAtWay(database) : undefined
    if (closed !== undefined) return { kind: 'down', problem: closed }
  }
  return { kind: failure.sqlstate.startsWith('28') ? 'permanent' : 'transient', failure }
}

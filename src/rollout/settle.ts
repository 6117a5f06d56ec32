/**
 * The end of a stopped rollout: tenants that nobody has in hand any more are skipped, except where a try that ended
 * without an answer had changed the tenant after all. There the tenant's ledger is asked.
 */
import type { Control, Queryable } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { DatabaseFailure } from '../engine/failure.ts'
import { messageOf } from '../lib/errors.ts'
import { addressOf, getServerById } from '../registry/servers.ts'
import { ROLLOUT_KINDS } from './kinds.ts'
import type { Rollout } from './rollout.ts'
import { settleTargets, type SettledTarget } from './sql/settle-targets.ts'

const BATCH = 200
const PARALLEL = 8

interface Parts {
  readonly control: Control
  readonly keyring: Keyring
}

interface OpenTarget extends Record<string, unknown> {
  readonly tenantId: number
  readonly serverId: number
  readonly database: string
  readonly schema: string
  readonly wasTried: boolean
}

/**
 * Accounts for everything that is still open in a stopped rollout.
 * @param write runs what it is given in a transaction that the controller is sure of.
 */
export async function settleStopped(
  parts: Parts,
  rollout: Rollout,
  write: (work: (tx: Queryable) => Promise<void>) => Promise<void>,
): Promise<void> {
  for (;;) {
    const open = await openTargets(parts.control, rollout.id)
    if (open.length === 0) return
    const settled: SettledTarget[] = []
    for (let start = 0; start < open.length; start += PARALLEL) {
      const some = open.slice(start, start + PARALLEL)
      settled.push(...(await Promise.all(some.map((target) => settle(parts, rollout, target)))))
    }
    await write((tx) => settleTargets(tx, rollout.id, settled))
  }
}

function openTargets(on: Queryable, rolloutId: string): Promise<OpenTarget[]> {
  return on.query<OpenTarget>(
    `select target.tenant_id as "tenantId", target.server_id as "serverId", tenant.database_name as database,
       tenant.schema_name as schema, target.attempts > 0 or target.sqlstate is not null or target.unanswered as "wasTried"
     from tenantry.rollout_targets as target join tenantry.tenants as tenant on tenant.id = target.tenant_id
     where target.rollout_id = $1 and target.state = 'pending' order by target.position limit $2`,
    [rolloutId, BATCH],
  )
}

async function settle(parts: Parts, rollout: Rollout, target: OpenTarget): Promise<SettledTarget> {
  const reason = rollout.reason ?? 'Stopped.'
  const skipped = {
    tenantId: target.tenantId,
    state: 'skipped',
    outcome: 'skipped',
    error: reason,
    sqlstate: null,
  } as const
  if (!target.wasTried || rollout.dry_run) return skipped
  let rollouts: Map<string, string>
  try {
    rollouts = await ledgerOf(parts, rollout, target)
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    // With this SQLSTATE an undo asks again.
    const unknown = `${reason} Whether its last try had changed it is not known: ${messageOf(error)}`
    return { ...skipped, error: unknown, sqlstate: '40003' }
  }
  const has = (version: string, by: string | null): boolean => rollouts.get(version) === by
  if (rollout.direction === 'downgrade') {
    const left = rollout.version_ids.filter((version) => has(version, rollout.undo_of))
    const versionId = [...rollouts.keys()].toSorted().at(-1) ?? null
    if (left.length === 0)
      return { ...skipped, versionId, state: 'succeeded', outcome: 'undone', error: null }
    return left.length === rollout.version_ids.length
      ? skipped
      : { ...skipped, versionId, outcome: 'partly_undone' }
  }
  const ours = rollout.version_ids.filter((version) => has(version, rollout.id))
  if (ours.length === 0) return skipped
  return rollout.version_ids.every((version) => rollouts.has(version))
    ? { ...skipped, versionId: ours.at(-1), state: 'succeeded', outcome: 'applied', error: null }
    : { ...skipped, versionId: ours.at(-1), outcome: 'partly_applied' }
}

/** The tenant's versions with the rollouts that applied them. */
async function ledgerOf(parts: Parts, rollout: Rollout, target: OpenTarget): Promise<Map<string, string>> {
  const server = await getServerById(parts.control, target.serverId)
  return ROLLOUT_KINDS[server.kind].ledger({
    ...target,
    server,
    address: await addressOf(parts.control, parts.keyring, server),
    rolloutId: rollout.id,
  })
}

/** Rollouts on PostgreSQL servers, as a kind. */
import { Session } from '../../engine/session.ts'
import type { DbServer } from '../../registry/servers.ts'
import type { Adoption } from '../adopt-decision.ts'
import { adoptTenant } from './adopt.ts'
import { changeOf, type Change, type RolloutWork } from '../change.ts'
import { isMissingLedger } from '../failures.ts'
import {
  shareOf,
  type AdoptRequest,
  type LaneRequest,
  type RolloutKind,
  type RolloutTask,
  type TenantRequest,
} from '../kind.ts'
import {
  AWAIT_LEDGER_WRITERS,
  JUDGE_DEFERRED,
  leaveSession,
  localSettings,
  selectLedger,
  startupSettings,
  SUPERUSER_GUARD,
  type MessageSettings,
} from './ledger.ts'
import { postgresExecutor } from './executor.ts'
import type { Rollout } from '../rollout.ts'
import { lookAt } from '../server-watch.ts'
import { wayTo } from '../way.ts'

export const postgresKind: RolloutKind = { check: changeOf, ways, ledger, adopt, lookAt }

function ways(request: LaneRequest): ReturnType<RolloutKind['ways']> {
  const { rollout, versions, server, address: direct, task, holdsLease } = request
  const { options } = rollout
  const changes = versions.map((version) => changeOf(version, rollout.direction))
  const address = wayTo(direct, server, options, changes)
  const throughPooler = address !== direct
  const work = workOf(rollout, task, changes, throughPooler, server)
  const session = {
    applicationName: `tenantry rollout ${rollout.id.slice(0, 8)}`,
    ...(throughPooler ? {} : { settings: startupSettings(settingsOf(rollout, server)) }),
  }
  return {
    work,
    executor: postgresExecutor({ work, address, direct, session, holdsLease }),
    cap: shareOf(request),
    flushPerBatch: options.flush === 'batch' && !rollout.dry_run,
  }
}

async function ledger({ server, address, database, schema }: TenantRequest): Promise<Map<string, string>> {
  const session = await Session.open(address, {
    database,
    silenceMs: 15_000,
    settings: { search_path: 'pg_catalog, pg_temp', statement_timeout: '10s', lock_timeout: '5s' },
  })
  try {
    const guard = server.is_superuser === true ? [SUPERUSER_GUARD] : []
    const results = await session.query([...guard, AWAIT_LEDGER_WRITERS, selectLedger(schema)].join(';\n'), {
      keepRows: true,
    })
    return new Map(results.at(-1)?.rows.map(([version, , rolloutId]) => [version ?? '', rolloutId ?? '']))
  } catch (error) {
    if (isMissingLedger(error)) return new Map()
    throw error
  } finally {
    session.close()
  }
}

const ADOPT_SETTINGS = { lockTimeout: '5s', statementTimeout: '30s', synchronousCommit: 'on' } as const

async function adopt({ server, address, target, work }: AdoptRequest): Promise<Adoption> {
  const session = await Session.open(address, {
    database: target.database,
    applicationName: `tenantry adopt ${work.operationId.slice(0, 8)}`,
    settings: startupSettings(ADOPT_SETTINGS),
    silenceMs: 60_000,
  })
  try {
    const guard = server.is_superuser === true ? [SUPERUSER_GUARD] : []
    return await adoptTenant(session, { ...work, guard }, target)
  } finally {
    session.close()
  }
}

function workOf(
  rollout: Rollout,
  task: RolloutTask,
  changes: readonly Change[],
  throughPooler: boolean,
  server: DbServer,
): RolloutWork {
  const isSuperuser = server.is_superuser === true
  const settings = throughPooler ? localSettings(settingsOf(rollout, server)) : []
  return {
    ...task,
    changes,
    prelude: isSuperuser ? [...settings, SUPERUSER_GUARD] : settings,
    guardIndex: isSuperuser ? settings.length : -1,
    postlude: throughPooler ? leaveSession(settingsOf(rollout, server)) : [JUDGE_DEFERRED],
  }
}

function settingsOf(rollout: Rollout, server: DbServer): MessageSettings {
  return {
    lockTimeout: rollout.options.lockTimeout,
    statementTimeout: rollout.options.statementTimeout,
    synchronousCommit: rollout.options.flush === 'batch' && !rollout.dry_run ? 'off' : 'on',
    noticesLostClient: (server.server_version ?? 0) >= 140_000,
  }
}

/** A worker's part in all rollouts: finds the servers where something is due and runs a lane for each. */
import type { Logger } from 'pino'
import { isControlOutage, type Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { liveWorkers, type WorkerLoad } from '../control/workers.ts'
import { messageOf } from '../lib/errors.ts'
import { Wakeup } from '../lib/wakeup.ts'
import { addressOf, getServerById, type DbServer } from '../registry/servers.ts'
import { getVersion } from '../schema/versions.ts'
import { changeOf, type Change, type RolloutWork } from './change.ts'
import { recordServerDown } from './controller.ts'
import { Lane } from './lane.ts'
import {
  JUDGE_DEFERRED,
  leaveSession,
  localSettings,
  startupSettings,
  SUPERUSER_GUARD,
  type MessageSettings,
} from './ledger.ts'
import { postgresExecutor } from './postgres-executor.ts'
import { getRollout, type Rollout } from './rollout.ts'
import { activeLanes } from './sql/active-lanes.ts'
import { sqliteChangeOf } from './sqlite/change.ts'
import { sqliteExecutor } from './sqlite/executor.ts'
import { SQLITE_THREADS } from './sqlite/threads.ts'
import { wayTo } from './way.ts'

const POLL_MS = 500
const OUTAGE_PAUSE_MS = 500

export interface CarryOutParts {
  readonly control: Control
  readonly keyring: Keyring
  readonly log: Logger
}

/** A worker's identity, for as long as it lasts. */
interface Life {
  readonly workerId: string
  readonly signal: AbortSignal
  readonly holdsLease: () => boolean
}

interface RunningLane {
  readonly rolloutId: string
  readonly server: string
  readonly lane: Lane
  readonly done: Promise<void>
}

export class RolloutCarrier {
  readonly #parts: CarryOutParts
  readonly #wakeup = new Wakeup()
  readonly #lanes = new Map<string, RunningLane>()
  #workers = 1

  constructor(parts: CarryOutParts) {
    this.#parts = parts
  }

  wake(): void {
    this.#wakeup.wake()
  }

  get loads(): WorkerLoad[] {
    return [...this.#lanes.values()].map((running) => ({ server: running.server, ...running.lane.load }))
  }

  /** Runs lanes until `signal` aborts, then settles what is in hand. */
  async run(workerId: string, signal: AbortSignal, holdsLease: () => boolean): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#startLanes({ workerId, signal, holdsLease })
        await this.#wakeup.sleep(POLL_MS, signal)
      } catch (error) {
        if (!isControlOutage(error))
          this.#parts.log.error({ err: messageOf(error) }, 'looking for rollout work failed')
        await this.#wakeup.sleep(OUTAGE_PAUSE_MS, signal)
      }
    }
    await Promise.all([...this.#lanes.values()].map((running) => running.done))
  }

  async #startLanes(life: Life): Promise<void> {
    await this.#haltIdleLanes()
    const active = await activeLanes(this.#parts.control)
    if (active.length > 0) this.#workers = Math.max(1, (await liveWorkers(this.#parts.control)).length)
    for (const { rolloutId, serverId } of active) {
      const key = `${rolloutId} ${serverId}`
      if (this.#lanes.has(key) || life.signal.aborted) continue
      try {
        await this.#startLane(key, rolloutId, serverId, life)
      } catch (error) {
        // One rollout that cannot be begun does not hold up the others.
        if (isControlOutage(error)) throw error
        this.#parts.log.error({ rollout: rolloutId, err: messageOf(error) }, 'a lane cannot be started')
      }
    }
  }

  async #startLane(key: string, rolloutId: string, serverId: number, life: Life): Promise<void> {
    const rollout = await getRollout(this.#parts.control, rolloutId)
    const server = await getServerById(this.#parts.control, serverId)
    const lane = await this.#makeLane(life, rollout, server)
    this.#lanes.set(key, { rolloutId, server: server.name, lane, done: this.#runLane(key, lane, life) })
  }

  async #runLane(key: string, lane: Lane, life: Life): Promise<void> {
    try {
      await lane.run(life.signal)
      this.#wakeup.wake()
    } catch (error) {
      // It is begun again at the next poll, not at once.
      this.#parts.log.error({ lane: key, err: messageOf(error) }, 'a lane failed')
    } finally {
      this.#lanes.delete(key)
    }
  }

  /** A rollout that is paused or stopped, or whose lane was closed, gives back what it claimed and did not begin. */
  async #haltIdleLanes(): Promise<void> {
    if (this.#lanes.size === 0) return
    const rows = await this.#parts.control.query<{ key: string }>(
      `select lane.rollout_id || ' ' || lane.server_id as key from tenantry.rollout_servers as lane
       join tenantry.rollouts as rollout on rollout.id = lane.rollout_id
       where rollout.id = any($1) and (rollout.state <> 'running' or lane.state <> 'open')`,
      [[...new Set([...this.#lanes.values()].map((running) => running.rolloutId))]],
    )
    for (const { key } of rows) this.#lanes.get(key)?.lane.halt()
  }

  async #makeLane({ workerId, holdsLease }: Life, rollout: Rollout, server: DbServer): Promise<Lane> {
    const { control, keyring, log } = this.#parts
    const { options } = rollout
    const versions = await Promise.all(rollout.version_ids.map((id) => getVersion(control, id)))
    const parts = {
      control,
      log,
      workerId,
      serverId: server.id,
      maxRetries: options.maxRetries,
      onServerDown: (reason: string) => recordServerDown(control, rollout.id, server.id, reason),
      holdsLease,
    }
    if (server.kind === 'sqlite') {
      const work = {
        ...taskOf(rollout),
        changes: versions.map((version) => sqliteChangeOf(version, rollout.direction)),
      }
      const busyMs = millisecondsOf(options.lockTimeout)
      return new Lane({
        ...parts,
        work,
        executor: sqliteExecutor({ work, directory: server.host, busyMs, holdsLease }),
        cap: () => Math.min(SQLITE_THREADS, options.maxConnections),
        flushPerBatch: false,
      })
    }
    const changes = versions.map((version) => changeOf(version, rollout.direction))
    const direct = await addressOf(control, keyring, server)
    const address = wayTo(direct, server, options, changes)
    const throughPooler = address !== direct
    const ceiling = Math.max(
      1,
      Math.min(options.maxConnections, (server.max_connections ?? 100) - RESERVED_CONNECTIONS),
    )
    const work = workOf(rollout, changes, throughPooler, server)
    return new Lane({
      ...parts,
      work,
      executor: postgresExecutor({
        work,
        address,
        direct,
        session: {
          applicationName: `tenantry rollout ${rollout.id.slice(0, 8)}`,
          ...(throughPooler ? {} : { settings: startupSettings(settingsOf(rollout, server)) }),
        },
        holdsLease,
      }),
      cap: () => Math.max(1, Math.floor(ceiling / this.#workers)),
      flushPerBatch: options.flush === 'batch' && !rollout.dry_run,
    })
  }
}

/** A tenant that kills every worker that takes it must not go on doing so. */
const MAX_DEATHS = 10

/** Left for the server's own administrators and for other programs. */
const RESERVED_CONNECTIONS = 10

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000 }

/** @param text a time as LOCK_TIMEOUT has it, e.g. `2s` */
function millisecondsOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? []
  return Number(digits) * (UNITS[unit] ?? 1)
}

function taskOf(rollout: Rollout) {
  return {
    rolloutId: rollout.id,
    direction: rollout.direction,
    undoOf: rollout.undo_of ?? undefined,
    dryRun: rollout.dry_run,
    maxAttempts: rollout.options.maxRetries + 1 + MAX_DEATHS,
  }
}

function workOf(
  rollout: Rollout,
  changes: readonly Change[],
  throughPooler: boolean,
  server: DbServer,
): RolloutWork {
  const isSuperuser = server.is_superuser === true
  const settings = throughPooler ? localSettings(settingsOf(rollout, server)) : []
  return {
    ...taskOf(rollout),
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

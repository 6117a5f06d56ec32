/** A worker's part in all rollouts: finds the servers where something is due and runs a lane for each. */
import type { Logger } from 'pino'
import { isControlOutage, type Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { liveWorkers, type WorkerLoad } from '../control/workers.ts'
import { messageOf } from '../lib/errors.ts'
import { Wakeup } from '../lib/wakeup.ts'
import { addressOf, getServerById, type DbServer } from '../registry/servers.ts'
import { getVersion } from '../schema/versions.ts'
import { recordServerDown } from './controller.ts'
import type { RolloutTask } from './kind.ts'
import { ROLLOUT_KINDS } from './kinds.ts'
import { Lane } from './lane.ts'
import { getRollout, type Rollout } from './rollout.ts'
import { activeLanes } from './sql/active-lanes.ts'

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
    const versions = await Promise.all(rollout.version_ids.map((id) => getVersion(control, id)))
    const ways = ROLLOUT_KINDS[server.kind].ways({
      rollout,
      versions,
      server,
      address: await addressOf(control, keyring, server),
      task: taskOf(rollout),
      holdsLease,
      workers: () => this.#workers,
    })
    return new Lane({
      control,
      log,
      workerId,
      serverId: server.id,
      maxRetries: rollout.options.maxRetries,
      onServerDown: (reason: string) => recordServerDown(control, rollout.id, server.id, reason),
      holdsLease,
      ...ways,
    })
  }
}

/** A tenant that kills every worker that takes it must not go on doing so. */
const MAX_DEATHS = 10

function taskOf(rollout: Rollout): RolloutTask {
  return {
    rolloutId: rollout.id,
    direction: rollout.direction,
    undoOf: rollout.undo_of ?? undefined,
    dryRun: rollout.dry_run,
    maxAttempts: rollout.options.maxRetries + 1 + MAX_DEATHS,
  }
}

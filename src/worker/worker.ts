/**
 * A worker: keeps its lease, runs operations, carries out rollouts, leads the schedules when it is its turn.
 * All it knows it can lose: another worker goes on from the control database.
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { isControlOutage, type Control } from '../control/control.ts'
import { listen, type Listener } from '../control/listen.ts'
import type { Operation, OperationHandler, StopReason } from '../control/operations/operation.ts'
import { fireDueSchedules, lead } from '../control/operations/schedules.ts'
import { claimOperations, OPERATIONS_CHANNEL } from '../control/operations/store.ts'
import {
  forgetDeadWorkers,
  HEARTBEAT_MS,
  LEASE_SECONDS,
  markDraining,
  registerWorker,
  removeWorker,
  renewLease,
  type WorkerLoad,
} from '../control/workers.ts'
import { messageOf } from '../lib/errors.ts'
import { Wakeup } from '../lib/wakeup.ts'
import { runOperation } from './operations.ts'

const POLL_MS = 1_000
const SCHEDULE_POLL_MS = 1_000
const MAX_OPERATIONS = 20
const OUTAGE_PAUSE_MS = 500
/** A heartbeat that takes longer is tried again on another connection while there is a lease to save. */
const HEARTBEAT_PATIENCE_MS = 3_000

/** Work that a worker does beside operations, for as long as its identity lasts. */
export interface SideWork {
  /**
   * Resolves when `signal` has aborted and everything it had in hand is settled. Begins nothing while `holdsLease`
   * is false: a process that was frozen asks before its heartbeat has had the time to find out.
   */
  run(workerId: string, signal: AbortSignal, holdsLease: () => boolean): Promise<void>
  /** Something changed: look now. */
  wake(): void
  readonly loads: readonly WorkerLoad[]
}

export interface WorkerParts {
  readonly control: Control
  readonly controlUrl: string
  readonly host: string
  readonly handlers: Readonly<Record<string, OperationHandler>>
  readonly sideWork: SideWork
  readonly log: Logger
}

interface RunningOperation {
  readonly abort: AbortController
  readonly wakeup: Wakeup
  readonly done: Promise<void>
}

export class Worker {
  readonly #parts: WorkerParts
  readonly #running = new Map<string, RunningOperation>()
  readonly #idle = new Wakeup()
  readonly #stopping = new AbortController()
  readonly #settled = new AbortController()
  readonly #clock = new Wakeup()
  #id: string = randomUUID()
  #life = new AbortController()
  /** By this process's clock; the database's lease lasts a little longer, never shorter. */
  #leaseUntil = 0
  #listener: Listener | undefined
  #loops: Promise<unknown> = Promise.resolve()
  #heartbeat: Promise<void> = Promise.resolve()

  constructor(parts: WorkerParts) {
    this.#parts = parts
  }

  get id(): string {
    return this.#id
  }

  /** Registers and begins to take work. */
  async start(): Promise<void> {
    await this.#beginLife()
    this.#listener = listen(this.#parts.controlUrl, OPERATIONS_CHANNEL, (id) => this.#onNotify(id))
    this.#heartbeat = this.#heartbeatLoop()
    this.#loops = Promise.all([this.#operationLoop(), this.#scheduleLoop(), this.#sideLoop()])
  }

  /** Takes nothing new, lets what is in hand finish or go back to the queue, and signs off. */
  async drain(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    await markDraining(this.#parts.control, this.#id).catch((error: unknown) => this.#report('drain', error))
    this.#stopping.abort('draining' satisfies StopReason)
    this.#idle.wake()
    for (const running of this.#running.values()) running.abort.abort('draining' satisfies StopReason)
    this.#life.abort('draining' satisfies StopReason)
    await Promise.all([...this.#running.values()].map((running) => running.done))
    await this.#loops
    this.#settled.abort()
    await this.#heartbeat
    await this.#listener?.close()
    await removeWorker(this.#parts.control, this.#id).catch((error: unknown) =>
      this.#report('sign off', error),
    )
  }

  async #beginLife(): Promise<void> {
    const asked = performance.now()
    await registerWorker(this.#parts.control, { id: this.#id, host: this.#parts.host, pid: process.pid })
    this.#leaseUntil = asked + LEASE_SECONDS * 1000
  }

  get #holdsLease(): boolean {
    return performance.now() < this.#leaseUntil
  }

  /** Goes on while a draining worker settles what it has in hand. */
  async #heartbeatLoop(): Promise<void> {
    const { signal } = this.#settled
    while (!signal.aborted) {
      await this.#clock.sleep(HEARTBEAT_MS, signal)
      if (signal.aborted) return
      try {
        await this.#beat()
      } catch (error) {
        this.#report('heartbeat', error)
      }
      // By this clock the lease may be gone although the database could not say so.
      if (!this.#holdsLease) this.#letGo('lease lost')
    }
  }

  async #beat(): Promise<void> {
    const asked = performance.now()
    const renewal = renewLease(this.#parts.control, this.#id, this.#parts.sideWork.loads, [
      ...this.#running.keys(),
    ])
    const lease = await withPatience(renewal, HEARTBEAT_PATIENCE_MS)
    const stopping = this.#stopping.signal.aborted
    if (lease.alive && (stopping || !this.#life.signal.aborted))
      this.#leaseUntil = asked + LEASE_SECONDS * 1000
    else if (!stopping) await this.#startOver()
    for (const id of lease.cancelled) this.#running.get(id)?.abort.abort('cancelled' satisfies StopReason)
  }

  /** The lease was lost: everything under the old id is let go, work goes on under a new one. */
  async #startOver(): Promise<void> {
    this.#parts.log.warn({ worker: this.#id }, 'lease lost: going on under a new identity')
    this.#letGo('lease lost')
    this.#id = randomUUID()
    await this.#beginLife()
    this.#life = new AbortController()
  }

  #letGo(reason: StopReason): void {
    for (const running of this.#running.values()) running.abort.abort(reason)
    this.#life.abort(reason)
  }

  async #sideLoop(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const life = this.#life
      if (life.signal.aborted) {
        await this.#idle.sleep(100, signal)
        continue
      }
      try {
        await this.#parts.sideWork.run(this.#id, life.signal, () => life === this.#life && this.#holdsLease)
      } catch (error) {
        this.#report('rollout work', error)
        await this.#idle.sleep(OUTAGE_PAUSE_MS, signal)
      }
    }
  }

  async #operationLoop(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const free = MAX_OPERATIONS - this.#running.size
        const claimed =
          free > 0
            ? await claimOperations(this.#parts.control, {
                id: this.#id,
                kinds: Object.keys(this.#parts.handlers),
                limit: free,
              })
            : []
        for (const operation of claimed) this.#begin(operation)
        if (claimed.length === 0) await this.#idle.sleep(POLL_MS, signal)
      } catch (error) {
        this.#report('claiming operations', error)
        await this.#idle.sleep(OUTAGE_PAUSE_MS, signal)
      }
    }
  }

  #begin(operation: Operation): void {
    const handler = this.#parts.handlers[operation.kind]
    if (handler === undefined) return
    const abort = new AbortController()
    const wakeup = new Wakeup()
    // A life of the same operation that is still unwinding must not be mistaken for this one.
    const previous = this.#running.get(operation.id)?.done ?? Promise.resolve()
    const done = previous
      .then(() =>
        runOperation({ control: this.#parts.control, operation, handler, signal: abort.signal, wakeup }),
      )
      .catch((error: unknown) => this.#report(`operation ${operation.id}`, error))
      .finally(() => {
        if (this.#running.get(operation.id)?.abort === abort) this.#running.delete(operation.id)
        this.#idle.wake()
      })
    this.#running.set(operation.id, { abort, wakeup, done })
  }

  async #scheduleLoop(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#clock.sleep(SCHEDULE_POLL_MS, signal)
      if (signal.aborted) return
      try {
        if (!(await lead(this.#parts.control, 'schedules', this.#id))) continue
        await fireDueSchedules(this.#parts.control)
        await forgetDeadWorkers(this.#parts.control)
      } catch (error) {
        this.#report('schedules', error)
      }
    }
  }

  #onNotify(operationId: string | undefined): void {
    this.#idle.wake()
    this.#parts.sideWork.wake()
    if (operationId === undefined) {
      for (const running of this.#running.values()) running.wakeup.wake()
      return
    }
    const running = this.#running.get(operationId)
    if (running === undefined) return
    running.wakeup.wake()
    void this.#passOnCancel(operationId, running)
  }

  async #passOnCancel(operationId: string, running: RunningOperation): Promise<void> {
    try {
      const [row] = await this.#parts.control.query<{ cancel_requested: boolean }>(
        'select cancel_requested from tenantry.operations where id = $1',
        [operationId],
      )
      if (row?.cancel_requested === true) running.abort.abort('cancelled' satisfies StopReason)
    } catch (error) {
      this.#report('cancel', error)
    }
  }

  #report(what: string, error: unknown): void {
    const facts = { worker: this.#id, err: messageOf(error) }
    if (isControlOutage(error)) this.#parts.log.warn(facts, `${what}: the control database is away`)
    else this.#parts.log.error(facts, `${what} failed`)
  }
}

/** @throws what looks like an outage when `promise` takes longer; its own error is then of no interest. */
async function withPatience<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(Object.assign(new Error(`no answer within ${ms / 1000} s`), { code: 'ETIMEDOUT' }))
  }, ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

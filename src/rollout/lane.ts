/**
 * One rollout on one server, as one worker carries it out: claims targets in batches, keeps as many connections
 * busy as measuring says is best, and records outcomes in batches once the server has flushed their commits.
 */
import type { Logger } from 'pino'
import { isPassing, type Control } from '../control/control.ts'
import type { DatabaseFailure } from '../engine/failure.ts'
import { messageOf } from '../lib/errors.ts'
import { Wakeup } from '../lib/wakeup.ts'
import type { RolloutWork, Target } from './change.ts'
import { nextConcurrency, startConcurrency, type ConcurrencyState } from './concurrency.ts'
import type { Executor, TenantLink } from './executor.ts'
import { changedTenant, failed, inDoubt, retryOf, succeeded, unconfirmed } from './outcome.ts'
import { asFailure, backoffMs, leavesDoubt, triesOf } from './retry.ts'
import { claimTargets } from './sql/claim-targets.ts'
import { finishTargets, type FinishedTarget } from './sql/finish-targets.ts'
import { releaseTargets } from './sql/release-targets.ts'

export interface LaneParts {
  readonly control: Control
  readonly log: Logger
  readonly workerId: string
  readonly serverId: number
  readonly work: Pick<RolloutWork, 'rolloutId' | 'dryRun'>
  /** Closed with the lane. */
  readonly executor: Executor
  readonly maxRetries: number
  /** Connections this worker may open to the server now. */
  readonly cap: () => number
  /** Commits are flushed once per batch, not by each tenant: see docs/decisions/0003-flush-per-batch.md. */
  readonly flushPerBatch: boolean
  readonly onServerDown: (reason: string) => Promise<void>
  /** False when this worker's claims may be somebody else's by now. */
  readonly holdsLease: () => boolean
}

const FLUSH_DELAY_MS = 100
const FLUSH_COUNT = 100
const MEASURE_MS = 500
const MEASURE_TARGETS = 40
const MAX_GROUP = 50
const MAX_CLAIM = 250
const OUTAGE_PAUSE_MS = 250
/** A worker that is told to end waits no longer than this for the control database: by then its lease is over. */
const LAST_PATIENCE_MS = 15_000

interface Done {
  readonly target: Target
  readonly finished: FinishedTarget
  /** Must confirm the tenant's commit before it counts: it may not be on disk yet. */
  readonly witness: object | undefined
}

export class Lane {
  readonly #parts: LaneParts
  readonly #executor: Executor
  readonly #queue: Target[] = []
  /** Claimed, and neither recorded nor given back. */
  readonly #inHand = new Map<number, Target>()
  /** The control database may hold claims for us that we do not know of, since an answer was lost. */
  #mayHoldMore = false
  readonly #change = new Wakeup()
  #concurrency: ConcurrencyState
  #active = 0
  #done: Done[] = []
  #flushing: Promise<void> = Promise.resolve()
  #flushTimer: NodeJS.Timeout | undefined
  #signal = new AbortController().signal
  #halted = false
  #window = { since: performance.now(), finished: 0, refused: 0, lockTimeouts: 0 }

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#concurrency = startConcurrency(parts.cap())
    this.#executor = parts.executor
  }

  /** Connections in use and allowed now. */
  get load(): { active: number; limit: number } {
    return { active: this.#active, limit: this.#concurrency.limit }
  }

  /** Begins nothing more; what is in hand finishes. */
  halt(): void {
    this.#halted = true
    this.#change.wake()
  }

  /** Works until nothing is due, or it is halted. Everything in hand is recorded or given back when it returns. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const onAbort = (): void => this.halt()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) this.halt()
    try {
      await this.#work()
    } finally {
      this.halt()
      if (this.#queue.length > 0) await this.#giveBack()
      while (this.#active > 0) await this.#change.sleep(1_000)
      await this.#flushAll()
      if (this.#mayHoldMore) await this.#giveBack()
      signal.removeEventListener('abort', onAbort)
      clearTimeout(this.#flushTimer)
      this.#executor.close()
    }
  }

  async #work(): Promise<void> {
    let dry = false
    while (!this.#halted) {
      if (!dry && this.#queue.length < this.#concurrency.limit) dry = (await this.#claim()) === 0
      this.#pump()
      if (dry && this.#queue.length === 0) {
        if (this.#active === 0 && this.#done.length === 0) return
        if (this.#active === 0) this.#flushSoon(0)
        await this.#change.sleep(FLUSH_DELAY_MS)
        dry = false
        continue
      }
      await this.#change.sleep(1_000)
    }
  }

  async #claim(): Promise<number> {
    const { control, work, serverId, workerId } = this.#parts
    try {
      if (this.#mayHoldMore) await this.#releaseOthers()
      this.#mayHoldMore = true
      const targets = await claimTargets(control, {
        rolloutId: work.rolloutId,
        serverId,
        workerId,
        limit: this.#claimSize(),
      })
      this.#mayHoldMore = false
      for (const target of targets) this.#inHand.set(target.tenantId, target)
      this.#queue.push(...targets)
      return targets.length
    } catch (error) {
      if (!isPassing(error)) throw error
      await this.#change.sleep(OUTAGE_PAUSE_MS, this.#signal)
      return 0
    }
  }

  /** Half a second's work: larger claims cost less per tenant, smaller ones leave more to other workers. */
  #claimSize(): number {
    const { limit, previous } = this.#concurrency
    return Math.floor(Math.min(MAX_CLAIM, Math.max(16, limit * 2, (previous ?? 0) / 2)))
  }

  /** Gives back what was claimed and not begun. Nobody else would: the worker that claimed it goes on living. */
  async #giveBack(): Promise<void> {
    for (const target of this.#queue.splice(0)) this.#inHand.delete(target.tenantId)
    const started = performance.now()
    while (this.#isWorthWaiting(started)) {
      try {
        await this.#releaseOthers()
        return
      } catch (error) {
        if (!isPassing(error)) throw error
        await this.#change.sleep(OUTAGE_PAUSE_MS)
      }
    }
    this.#parts.log.warn(
      'claimed tenants could not be given back: they are free when the lease of this worker ends',
    )
  }

  async #releaseOthers(): Promise<void> {
    const { control, work, serverId, workerId } = this.#parts
    await releaseTargets(control, {
      rolloutId: work.rolloutId,
      serverId,
      workerId,
      except: [...this.#inHand.keys()],
    })
    this.#mayHoldMore = false
  }

  /** With the lease lost others take over what is in hand: the tenants' ledgers say what was done. */
  #isWorthWaiting(since: number): boolean {
    const { aborted, reason } = this.#signal
    return reason !== 'lease lost' && (!aborted || performance.now() - since < LAST_PATIENCE_MS)
  }

  get #mayBegin(): boolean {
    return !this.#halted && this.#parts.holdsLease()
  }

  #pump(): void {
    while (this.#mayBegin && this.#active < this.#concurrency.limit && this.#queue.length > 0) {
      const first = this.#queue.shift()
      if (first === undefined) return
      this.#active += 1
      void this.#serve(first).finally(() => {
        this.#active -= 1
        this.#change.wake()
      })
    }
  }

  /** Serves a target, and others of the same database over the same connection. */
  async #serve(first: Target): Promise<void> {
    const link = this.#executor.connect(first)
    let target: Target | undefined = first
    for (let served = 0; target !== undefined; served += 1) {
      await this.#serveOne(target, link)
      const next: Target | undefined = this.#queue[0]
      const sharesDatabase: boolean =
        next !== undefined && next.schema !== '' && next.database === target.database
      target = sharesDatabase && served < MAX_GROUP && this.#mayBegin ? this.#queue.shift() : undefined
      if (target === undefined) break
      link.renew()
      if (this.#queue.length < this.#concurrency.limit) this.#change.wake()
    }
    link.close()
  }

  async #serveOne(target: Target, link: TenantLink): Promise<void> {
    const started = performance.now()
    try {
      const witness = this.#parts.work.dryRun ? undefined : await this.#executor.witness()
      const result = await link.apply(target)
      // What was found done may be another worker's commit, not flushed yet either.
      const isFlushed = !this.#parts.flushPerBatch && changedTenant(result)
      const done = succeeded(target, result, performance.now() - started)
      this.#record(target, done, isFlushed ? undefined : witness)
    } catch (error) {
      link.close()
      await this.#fail(target, asFailure(error), performance.now() - started)
    }
  }

  /** @param asked of a tenant in doubt that cannot be asked either: why its last try had no answer, if it was that one */
  async #fail(
    target: Target,
    thrown: DatabaseFailure,
    durationMs: number,
    asked?: { readonly lost: DatabaseFailure | undefined },
  ): Promise<void> {
    const found = await this.#executor.diagnose(thrown, target)
    if (found.kind === 'down') {
      this.#record(target, retryOf(target, thrown, durationMs, 0, false))
      return this.#reportDown(found.problem)
    }
    const { kind, failure } = found
    if (kind === 'crowded' || kind === 'busy') {
      if (kind === 'crowded') this.#window.refused += 1
      this.#record(target, retryOf(target, failure, durationMs, backoffMs(2), false))
      return
    }
    if (failure.sqlstate === '55P03') this.#window.lockTimeouts += 1
    if (kind === 'transient' && target.attempts <= triesOf(this.#parts.maxRetries, asked !== undefined)) {
      this.#record(target, retryOf(target, failure, durationMs, backoffMs(target.attempts), true))
    } else if (asked !== undefined) {
      this.#record(target, inDoubt(target, asked.lost, failure, durationMs))
    } else if ((leavesDoubt(failure) || target.unanswered) && !this.#parts.work.dryRun) {
      await this.#ask(target, failure, durationMs)
    } else {
      this.#record(target, failed(target, failure, durationMs))
    }
  }

  /** A try ended without an answer, this one or one before it: the tenant's ledger tells what became of it. */
  async #ask(target: Target, failure: DatabaseFailure, durationMs: number): Promise<void> {
    const link = this.#executor.connect(target)
    try {
      const witness = await this.#executor.witness()
      const found = await link.ask(target)
      if (found === undefined) this.#record(target, failed(target, failure, durationMs))
      else this.#record(target, succeeded(target, found, durationMs), witness)
    } catch (error) {
      const lost = leavesDoubt(failure) ? failure : undefined
      await this.#fail(target, asFailure(error), durationMs, { lost })
    } finally {
      link.close()
    }
  }

  async #reportDown(problem: string): Promise<void> {
    if (this.#halted) return
    this.halt()
    try {
      await this.#parts.onServerDown(problem)
    } catch (error) {
      // The next claim meets the same server and reports it again.
      this.#parts.log.warn({ err: messageOf(error) }, 'a server that is down could not be recorded')
    }
  }

  #record(target: Target, finished: FinishedTarget, witness?: object): void {
    this.#done.push({ target, finished, witness })
    this.#window.finished += 1
    this.#measure()
    this.#flushSoon(this.#done.length >= FLUSH_COUNT ? 0 : FLUSH_DELAY_MS)
  }

  #measure(): void {
    const seconds = (performance.now() - this.#window.since) / 1000
    const enough = this.#window.finished >= Math.max(MEASURE_TARGETS, this.#concurrency.limit * 3)
    if (this.#window.refused === 0 && (seconds * 1000 < MEASURE_MS || !enough)) return
    const { finished, refused, lockTimeouts } = this.#window
    const measured = { tenantsPerSecond: finished / seconds, refused, lockTimeouts, finished }
    this.#concurrency = nextConcurrency(this.#concurrency, measured, this.#parts.cap())
    this.#window = { since: performance.now(), finished: 0, refused: 0, lockTimeouts: 0 }
  }

  #flushSoon(delayMs: number): void {
    if (delayMs === 0) {
      clearTimeout(this.#flushTimer)
      this.#flushTimer = undefined
      this.#beginFlush()
    } else {
      this.#flushTimer ??= setTimeout(() => {
        this.#flushTimer = undefined
        this.#beginFlush()
      }, delayMs)
    }
  }

  #beginFlush(): void {
    this.#flushing = this.#flushing
      .then(() => this.#flush())
      .then(
        () => this.#change.wake(),
        (error: unknown) => {
          // Others will find in the tenants' ledgers what was done.
          this.#parts.log.error({ err: messageOf(error) }, 'outcomes could not be recorded')
          this.#mayHoldMore = true
          this.halt()
        },
      )
  }

  /** Records what is done. While the control database is away the outcomes wait here, as long as the lease holds. */
  async #flush(): Promise<void> {
    const batch = this.#done.splice(0)
    if (batch.length === 0) return
    const settled = await this.#flushServer(batch)
    try {
      for (const wave of new Set(settled.map((target) => target.wave))) {
        await this.#finish(
          wave,
          settled.filter((target) => target.wave === wave),
        )
      }
    } finally {
      // One that is to be tried again may have been claimed anew by now.
      for (const { target } of batch) {
        if (this.#inHand.get(target.tenantId) === target) this.#inHand.delete(target.tenantId)
      }
    }
  }

  async #finish(wave: number, targets: readonly FinishedTarget[]): Promise<void> {
    const { control, work, serverId, workerId } = this.#parts
    const started = performance.now()
    for (;;) {
      try {
        await finishTargets(control, { rolloutId: work.rolloutId, serverId, workerId, wave, targets })
        const urgent = this.#queue.length === 0 || targets.some((target) => target.state === 'failed')
        if (urgent) await control.query(`select pg_notify('tenantry_operations', $1)`, [work.rolloutId])
        return
      } catch (error) {
        if (!isPassing(error) || !this.#isWorthWaiting(started)) throw error
        await this.#change.sleep(OUTAGE_PAUSE_MS)
      }
    }
  }

  /** A tenant counts as changed only when its server has flushed past its commit. */
  async #flushServer(batch: readonly Done[]): Promise<FinishedTarget[]> {
    const refusals = new Map<object, DatabaseFailure>()
    for (const witness of new Set(batch.map((done) => done.witness))) {
      const refusal = witness === undefined ? undefined : await this.#executor.confirm(witness)
      if (witness !== undefined && refusal !== undefined) refusals.set(witness, refusal)
    }
    return batch.map(({ finished, witness }) => {
      const refusal = witness === undefined ? undefined : refusals.get(witness)
      return refusal === undefined ? finished : unconfirmed(finished, refusal)
    })
  }

  async #flushAll(): Promise<void> {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    this.#beginFlush()
    await this.#flushing
  }
}

/**
 * One rollout on one server, as one worker carries it out: claims targets in batches, keeps as many connections
 * busy as measuring says is best, and records outcomes in batches once the server has flushed their commits.
 */
import type { Logger } from 'pino'
import { isControlOutage, type Control } from '../control/control.ts'
import type { ServerAddress } from '../engine/address.ts'
import { DatabaseFailure } from '../engine/failure.ts'
import { Session, type SessionOptions } from '../engine/session.ts'
import { messageOf } from '../lib/errors.ts'
import { Wakeup } from '../lib/wakeup.ts'
import { applyToTarget } from './apply.ts'
import type { RolloutWork, Target, TargetResult } from './change.ts'
import { nextConcurrency, startConcurrency, type ConcurrencyState } from './concurrency.ts'
import { errorGroupOf, storedMessage } from './error-groups.ts'
import { asFailure, backoffMs, failureKind, type FailureKind } from './retry.ts'
import { claimTargets } from './sql/claim-targets.ts'
import { finishTargets, type FinishedTarget } from './sql/finish-targets.ts'
import { releaseTargets } from './sql/release-targets.ts'
import { ServerWatch } from './server-watch.ts'
import { TenantConnection } from './tenant-connection.ts'

export interface LaneParts {
  readonly control: Control
  readonly log: Logger
  readonly workerId: string
  readonly serverId: number
  readonly serverName: string
  readonly work: RolloutWork
  /** Where tenants are reached: the server, or its pooler. */
  readonly address: ServerAddress
  readonly session: SessionOptions
  readonly maxRetries: number
  /** Connections this worker may open to the server now. */
  readonly cap: () => number
  /** Commits are flushed once per batch, not by each tenant: see docs/decisions/0003-flush-per-batch.md. */
  readonly flushPerBatch: boolean
  readonly onServerDown: (reason: string) => Promise<void>
}

const FLUSH_DELAY_MS = 100
const FLUSH_COUNT = 100
const MEASURE_MS = 500
const MEASURE_TARGETS = 40
const MAX_GROUP = 50
const MAX_CLAIM = 250
const OUTAGE_PAUSE_MS = 250

interface Done {
  readonly finished: FinishedTarget
  /** True when the tenant's commit may not be on disk yet. */
  readonly needsFlush: boolean
}

export class Lane {
  readonly #parts: LaneParts
  readonly #watch: ServerWatch
  readonly #queue: Target[] = []
  readonly #change = new Wakeup()
  #concurrency: ConcurrencyState
  #active = 0
  #done: Done[] = []
  #flushing: Promise<void> = Promise.resolve()
  #flushTimer: NodeJS.Timeout | undefined
  #halted = false
  #window = { since: performance.now(), finished: 0, refused: 0, lockTimeouts: 0 }

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#concurrency = startConcurrency(parts.cap())
    this.#watch = new ServerWatch(parts.address)
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
    const onAbort = (): void => this.halt()
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) this.halt()
    try {
      await this.#work(signal)
      await this.#giveBack()
      while (this.#active > 0) await this.#change.sleep(1_000)
      await this.#flushAll(signal)
    } finally {
      signal.removeEventListener('abort', onAbort)
      clearTimeout(this.#flushTimer)
      this.#watch.close()
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    let dry = false
    while (!this.#halted) {
      if (!dry && this.#queue.length < this.#concurrency.limit) dry = (await this.#claim(signal)) === 0
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

  async #claim(signal: AbortSignal): Promise<number> {
    const { control, work, serverId, workerId } = this.#parts
    try {
      const targets = await claimTargets(control, {
        rolloutId: work.rolloutId,
        serverId,
        workerId,
        limit: this.#claimSize(),
      })
      this.#queue.push(...targets)
      return targets.length
    } catch (error) {
      if (!isControlOutage(error)) throw error
      await this.#change.sleep(OUTAGE_PAUSE_MS, signal)
      return 0
    }
  }

  /** Half a second's work: larger claims cost less per tenant, smaller ones leave more to other workers. */
  #claimSize(): number {
    const halfASecond = Math.ceil((this.#concurrency.previous ?? 0) / 2)
    return Math.min(MAX_CLAIM, Math.max(16, this.#concurrency.limit * 2, halfASecond))
  }

  async #giveBack(): Promise<void> {
    const tenantIds = this.#queue.splice(0).map((target) => target.tenantId)
    if (tenantIds.length === 0) return
    const { control, work, workerId } = this.#parts
    try {
      await releaseTargets(control, { rolloutId: work.rolloutId, workerId, tenantIds })
    } catch (error) {
      // They become claimable when this worker's lease ends.
      this.#parts.log.warn({ err: messageOf(error) }, 'claimed tenants could not be given back')
    }
  }

  #pump(): void {
    while (!this.#halted && this.#active < this.#concurrency.limit && this.#queue.length > 0) {
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
    const connection = new TenantConnection(() =>
      Session.open(this.#parts.address, { ...this.#parts.session, database: first.database }),
    )
    let target: Target | undefined = first
    for (let served = 0; target !== undefined; served += 1) {
      await this.#serveOne(target, connection)
      const next: Target | undefined = this.#queue[0]
      const sharesDatabase: boolean = next !== undefined && next.schema !== '' && next.database === target.database
      target = sharesDatabase && served < MAX_GROUP && !this.#halted ? this.#queue.shift() : undefined
      if (target !== undefined && this.#queue.length < this.#concurrency.limit) this.#change.wake()
    }
    connection.close()
  }

  async #serveOne(target: Target, connection: TenantConnection): Promise<void> {
    const started = performance.now()
    try {
      const result = await applyToTarget(connection, this.#parts.work, target)
      this.#record(succeeded(target, result, performance.now() - started), this.#needsFlush(result))
    } catch (error) {
      connection.close()
      await this.#fail(target, asFailure(error), performance.now() - started)
    }
  }

  #needsFlush(result: TargetResult): boolean {
    return this.#parts.flushPerBatch && (result.outcome === 'applied' || result.outcome === 'undone')
  }

  async #fail(target: Target, failure: DatabaseFailure, durationMs: number): Promise<void> {
    let kind: FailureKind = failureKind(failure)
    if (kind === 'server') {
      const problem = await this.#watch.look()
      if (problem !== undefined) {
        this.#record(retryOf(target, failure, durationMs, 0, false), false)
        await this.#reportDown(problem)
        return
      }
      kind = failure.sqlstate.startsWith('28') ? 'permanent' : 'transient'
    }
    if (kind === 'crowded') {
      this.#window.refused += 1
      this.#record(retryOf(target, failure, durationMs, backoffMs(2), false), false)
      return
    }
    if (failure.sqlstate === '55P03') this.#window.lockTimeouts += 1
    const again = kind === 'transient' && target.attempts <= this.#parts.maxRetries
    this.#record(
      again
        ? retryOf(target, failure, durationMs, backoffMs(target.attempts), true)
        : failed(target, failure, durationMs),
      false,
    )
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

  #record(finished: FinishedTarget, needsFlush: boolean): void {
    this.#done.push({ finished, needsFlush })
    this.#window.finished += 1
    this.#measure()
    if (this.#done.length >= FLUSH_COUNT) this.#flushSoon(0)
    else this.#flushSoon(FLUSH_DELAY_MS)
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
    this.#flushing = this.#flushing.then(() => this.#flush()).then(
      () => this.#change.wake(),
      (error: unknown) => {
        this.#parts.log.error({ err: messageOf(error) }, 'outcomes could not be recorded')
        this.halt()
      },
    )
  }

  /** Records what is done. While the control database is away the outcomes wait here, as long as the lease holds. */
  async #flush(): Promise<void> {
    const batch = this.#done.splice(0)
    if (batch.length === 0) return
    const settled = await this.#flushServer(batch)
    for (const wave of new Set(settled.map((target) => target.wave))) {
      await this.#finish(wave, settled.filter((target) => target.wave === wave))
    }
  }

  async #finish(wave: number, targets: readonly FinishedTarget[]): Promise<void> {
    const { control, work, serverId, workerId } = this.#parts
    for (;;) {
      try {
        await finishTargets(control, { rolloutId: work.rolloutId, serverId, workerId, wave, targets })
        const urgent = this.#queue.length === 0 || targets.some((target) => target.state === 'failed')
        if (urgent) await control.query(`select pg_notify('tenantry_operations', $1)`, [work.rolloutId])
        return
      } catch (error) {
        if (!isControlOutage(error) || this.#abandoned) throw error
        await this.#change.sleep(OUTAGE_PAUSE_MS)
      }
    }
  }

  #abandoned = false

  /** A tenant counts as changed only when its server has flushed past its commit. */
  async #flushServer(batch: readonly Done[]): Promise<FinishedTarget[]> {
    if (!batch.some((done) => done.needsFlush)) return batch.map((done) => done.finished)
    try {
      await this.#watch.flushCommits()
      return batch.map((done) => done.finished)
    } catch (error) {
      const failure = asFailure(error)
      return batch.map(({ finished, needsFlush }) =>
        needsFlush ? { ...finished, ...again(failure, 0, false), versionId: undefined } : finished,
      )
    }
  }

  async #flushAll(signal: AbortSignal): Promise<void> {
    // With the lease lost, others take these over: their ledgers say what was done.
    if (signal.reason === 'lease lost') this.#abandoned = true
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    this.#beginFlush()
    await this.#flushing
  }
}

function succeeded(target: Target, result: TargetResult, durationMs: number): FinishedTarget {
  const isReal = !result.outcome.startsWith('would_')
  return {
    ...blank(target, durationMs),
    state: 'succeeded',
    outcome: result.outcome,
    error: result.note === undefined ? null : storedMessage(result.note),
    versionId: isReal ? result.versionId : undefined,
    ledgerReady: target.ledgerReady || result.outcome === 'applied' || result.outcome === 'undone',
  }
}

function failed(target: Target, failure: DatabaseFailure, durationMs: number): FinishedTarget {
  return { ...blank(target, durationMs), ...described(target, failure), state: 'failed', outcome: null }
}

function retryOf(
  target: Target,
  failure: DatabaseFailure,
  durationMs: number,
  retryInMs: number,
  countsAsAttempt: boolean,
): FinishedTarget {
  return { ...blank(target, durationMs), ...described(target, failure), ...again(failure, retryInMs, countsAsAttempt) }
}

function again(failure: DatabaseFailure, retryInMs: number, countsAsAttempt: boolean) {
  return { state: 'pending' as const, outcome: null, sqlstate: failure.sqlstate, retryInMs, countsAsAttempt }
}

function described(target: Target, failure: DatabaseFailure) {
  const detail = failure.facts.detail === undefined ? '' : ` – ${failure.facts.detail}`
  return {
    sqlstate: failure.sqlstate,
    error: storedMessage(`${failure.message}${detail}`),
    errorGroup: errorGroupOf(failure.sqlstate, failure.message, [target.name, target.database, target.schema]),
  }
}

function blank(target: Target, durationMs: number): FinishedTarget {
  return {
    tenantId: target.tenantId,
    wave: target.wave,
    state: 'pending',
    outcome: null,
    durationMs,
    sqlstate: null,
    error: null,
    errorGroup: null,
    retryInMs: 0,
    countsAsAttempt: true,
    ledgerReady: target.ledgerReady,
  }
}

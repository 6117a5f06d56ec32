/** Processes of Tenantry itself: kept running, started again when they die, drained at the end. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

export interface ChildrenPlan {
  readonly count: number
  /** The program's own starter. */
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Told when a child has ended although nobody asked it to. */
  onDeath(facts: {
    pid: number | undefined
    code: number | null
    signal: string | null
    restartMs: number
  }): void
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A child that lived this long has started well: the next death is a new story. */
const HEALTHY_MS = 60_000

export class Children {
  readonly #plan: ChildrenPlan
  readonly #running = new Set<ChildProcess>()
  readonly #stopping = new AbortController()
  readonly #keepers: readonly Promise<void>[]

  constructor(plan: ChildrenPlan) {
    this.#plan = plan
    this.#keepers = Array.from({ length: plan.count }, () => this.#keep())
  }

  /** Sends SIGTERM and waits until all have drained. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const child of this.#running) child.kill('SIGTERM')
    await Promise.all(this.#keepers)
  }

  /** SIGKILL: what they had in hand is taken over by others when its lease runs out. */
  kill(): void {
    this.#stopping.abort()
    for (const child of this.#running) child.kill('SIGKILL')
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping
    let restartMs = FIRST_PAUSE_MS
    while (!signal.aborted) {
      const startedAt = performance.now()
      const end = await this.#runOnce()
      if (signal.aborted) return
      if (performance.now() - startedAt > HEALTHY_MS) restartMs = FIRST_PAUSE_MS
      this.#plan.onDeath({ ...end, restartMs })
      await pause(restartMs, undefined, { signal }).catch(() => undefined)
      restartMs = Math.min(restartMs * 2, LONGEST_PAUSE_MS)
    }
  }

  async #runOnce(): Promise<{ pid: number | undefined; code: number | null; signal: string | null }> {
    // A session of its own: a terminal's Ctrl-C reaches the parent alone, which then drains its children in order.
    // The channel tells the child when the parent is gone.
    const child = fork(this.#plan.file, this.#plan.args, {
      env: this.#plan.env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
      detached: true,
    })
    this.#running.add(child)
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      return { pid: child.pid, code, signal }
    } catch {
      // It could not even be started: counts as a death, to be tried again.
      return { pid: child.pid, code: null, signal: null }
    } finally {
      this.#running.delete(child)
    }
  }
}

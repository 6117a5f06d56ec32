/** Following a rollout live, over lost connections and restarts of the API. */
import { TenantryError } from '../../lib/errors.ts'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { EXIT } from '../errors.ts'
import { ProgressLine } from '../progress.ts'
import { stopSignal } from '../signals.ts'
import {
  eventText,
  groupText,
  hasSettled,
  hasSucceeded,
  progressText,
  summaryLines,
  type Rollout,
} from './render.ts'

export interface WatchOptions {
  /** Milliseconds; undefined: as long as it takes. */
  readonly timeout?: number | undefined
}

/**
 * Shows a rollout until it has ended, its breaker has paused it, or the watcher lets go.
 * @returns the exit code. @throws TenantryError `wait_timeout`
 */
export async function watchRollout(
  cli: Cli,
  api: Api,
  jobId: string,
  options: WatchOptions = {},
): Promise<number> {
  const stop = stopSignal()
  const deadline = options.timeout === undefined ? [] : [AbortSignal.timeout(options.timeout)]
  const last = await followRollout(cli, api, jobId, AbortSignal.any([stop, ...deadline]))
  if (stop.aborted) {
    cli.output.say(`The rollout continues; stop it with: tenantry rollout stop ${jobId}`)
    return EXIT.interrupted
  }
  if (last === undefined || deadline.some((signal) => signal.aborted)) {
    throw new TenantryError('wait_timeout', `Rollout ${jobId} has not ended yet; it continues.`, {
      nextSteps: [`Go on watching: tenantry rollout watch ${jobId}`],
    })
  }
  showEnd(cli, last)
  return hasSucceeded(last) ? EXIT.ok : EXIT.failedTargets
}

function showEnd(cli: Cli, rollout: Rollout): void {
  if (cli.output.format === 'jsonl') return
  if (cli.output.forPeople) cli.output.print(summaryLines(rollout).join('\n'))
  else cli.output.value(rollout, rollout.job_id)
}

/**
 * Shows a rollout until it has ended, its breaker has paused it, or `signal` aborts.
 * @returns the last that was seen of it; undefined when nothing was.
 */
export async function followRollout(
  cli: Cli,
  api: Api,
  jobId: string,
  signal: AbortSignal,
): Promise<Rollout | undefined> {
  const watcher = new Watcher(cli)
  try {
    const events = api.stream(api.at('rollouts.stream'), {
      params: { job_id: jobId },
      signal,
      onReconnect: (reason) => watcher.lost(reason),
    })
    for await (const received of events) {
      if (cli.output.format === 'jsonl') cli.output.event(received)
      if (received.event === 'event') watcher.happened(received.data.type, received.data.data)
      else if (watcher.see(received.data)) break
    }
    return watcher.last
  } finally {
    watcher.end()
  }
}

class Watcher {
  readonly #line: ProgressLine
  readonly #groups = new Set<string>()
  #isLost = false
  #askedForApproval = false
  last: Rollout | undefined

  constructor(cli: Cli) {
    this.#line = new ProgressLine({
      live: cli.terminal.live,
      columns: () => process.stderr.columns || 80,
      write: (text) => cli.output.screen(text),
    })
  }

  /** @returns true when there is nothing more to wait for. */
  see(rollout: Rollout): boolean {
    if (this.#isLost) this.#line.log('Connected again.')
    this.#isLost = false
    this.last = rollout
    for (const group of rollout.errors) {
      if (!this.#groups.has(group.group)) this.#line.log(`failed: ${groupText(group)}`)
      this.#groups.add(group.group)
    }
    const waits = rollout.status === 'awaiting_approval'
    if (waits && !this.#askedForApproval) {
      this.#line.log(`Approve the next wave with: tenantry rollout approve ${rollout.job_id}`)
    }
    this.#askedForApproval = waits
    this.#line.update(progressText(rollout))
    return hasSettled(rollout)
  }

  happened(type: string, data: Readonly<Record<string, unknown>>): void {
    // What comes before the first snapshot was before the watching began.
    const text = this.last === undefined ? undefined : eventText(type, data)
    if (text !== undefined) this.#line.log(text)
  }

  lost(reason: string): void {
    if (!this.#isLost) this.#line.log(`Connection lost (${reason}); trying again. The rollout goes on.`)
    this.#isLost = true
  }

  end(): void {
    this.#line.end()
  }
}

/** What a rollout does next: pure, from what is counted to one decision. */
import { judge, type BreakerCounts } from './breaker.ts'
import type { RolloutOptions, RolloutState } from './rollout.ts'
import { waveText, type WaveGate } from './waves.ts'

export interface WaveView {
  readonly wave: number
  readonly name: string
  readonly state: 'pending' | 'running' | 'soaking' | 'awaiting_approval' | 'passed'
  readonly gate: WaveGate
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  /** Milliseconds since its last target finished; null while some are open. */
  readonly idleMs: number | null
}

export interface ServerView {
  readonly serverId: number
  readonly name: string
  readonly state: 'open' | 'down' | 'tripped'
  readonly counts: BreakerCounts
  readonly base: BreakerCounts
  /** Targets that are neither finished nor skipped. */
  readonly open: number
  /** Of those, the ones in waves that have begun. */
  readonly openNow: number
  /** Milliseconds since it is down; null when it is not. */
  readonly downMs: number | null
}

export interface RolloutView {
  readonly state: RolloutState
  readonly currentWave: number
  readonly options: RolloutOptions
  readonly waves: readonly WaveView[]
  readonly servers: readonly ServerView[]
  /** Targets that some worker has in hand. */
  readonly inFlight: number
}

export type Decision =
  | { readonly do: 'nothing' }
  /** Nothing can go on by itself before a server is back: the reason is shown meanwhile. */
  | { readonly do: 'wait'; readonly reason: string }
  | { readonly do: 'trip'; readonly reason: string }
  | { readonly do: 'trip server'; readonly serverId: number; readonly reason: string }
  | { readonly do: 'give up server'; readonly serverId: number; readonly reason: string }
  | { readonly do: 'soak'; readonly wave: number }
  | { readonly do: 'ask approval'; readonly wave: number }
  | { readonly do: 'pass wave'; readonly wave: number; readonly next: number }
  | { readonly do: 'complete' }
  /** Stopped, nothing is in hand any more, and some targets are not accounted for. */
  | { readonly do: 'settle' }
  /** Stopped or paused, and nothing is in hand any more: the controller can let go. */
  | { readonly do: 'rest' }

export function decide(view: RolloutView): Decision {
  if (view.state === 'stopped' || view.state === 'paused' || view.state === 'awaiting_approval') {
    if (view.inFlight > 0) return { do: 'nothing' }
    return view.state === 'stopped' && view.servers.some((server) => server.open > 0)
      ? { do: 'settle' }
      : { do: 'rest' }
  }
  if (view.state === 'completed') return { do: 'rest' }
  return judgeBreakers(view) ?? judgeServers(view) ?? judgeWave(view)
}

function judgeBreakers(view: RolloutView): Decision | undefined {
  const { errorThresholdPercent: thresholdPercent, minSample } = view.options
  const rule = { thresholdPercent, minSample }
  // One bad server among several is a matter of its lane: the others go on.
  if (view.servers.length > 1) {
    for (const server of view.servers.filter((one) => one.state === 'open')) {
      const reason = judge(server.counts, server.base, rule, ` on ${server.name}`)
      if (reason !== undefined) return { do: 'trip server', serverId: server.serverId, reason }
    }
  }
  const judged = view.servers.filter((server) => server.state !== 'tripped')
  const failing = judged.filter((server) => server.counts.failed > server.base.failed)
  if (view.servers.length > 1 && failing.length < 2) return undefined
  const total = (pick: (server: ServerView) => number): number =>
    judged.reduce((sum, server) => sum + pick(server), 0)
  const reason = judge(
    { finished: total((server) => server.counts.finished), failed: total((server) => server.counts.failed) },
    { finished: total((server) => server.base.finished), failed: total((server) => server.base.failed) },
    rule,
    '',
  )
  return reason === undefined ? undefined : { do: 'trip', reason }
}

function judgeServers(view: RolloutView): Decision | undefined {
  const limitMs = view.options.serverDownMinutes * 60_000
  const lost = view.servers.find(
    (server) => server.downMs !== null && server.downMs > limitMs && server.open > 0,
  )
  if (lost === undefined) return undefined
  return {
    do: 'give up server',
    serverId: lost.serverId,
    reason: `Server ${lost.name} could not be used for ${view.options.serverDownMinutes} minutes.`,
  }
}

function judgeWave(view: RolloutView): Decision {
  const wave = view.waves.find((one) => one.wave === view.currentWave)
  if (wave === undefined) return { do: 'complete' }
  const finished = wave.succeeded + wave.failed + wave.skipped
  const earlierOpen = view.waves.some(
    (one) => one.wave < view.currentWave && one.succeeded + one.failed + one.skipped < one.total,
  )
  const next = view.waves.find((one) => one.wave > wave.wave)
  if (finished < wave.total || earlierOpen) {
    return judgeStandstill(view, wave)
  }
  if (next === undefined) return view.inFlight === 0 ? { do: 'complete' } : { do: 'nothing' }
  return passGate(wave, next.wave)
}

/**
 * What is left of the waves that have begun is on servers that take nothing. A wave proves a change only when all of
 * its tenants are settled: the change may be what brought the server down, so no further wave begins meanwhile.
 */
function judgeStandstill(view: RolloutView, wave: WaveView): Decision {
  const open = view.servers.filter((server) => server.openNow > 0)
  const stands = view.inFlight === 0 && open.length > 0 && open.every((server) => server.state !== 'open')
  if (!stands) return { do: 'nothing' }
  const down = open.filter((server) => server.state === 'down')
  if (down.length === 0) {
    const reason = `All tenants that remain are on servers where too many failed: ${namesOf(open)}.`
    return { do: 'trip', reason }
  }
  return {
    do: 'wait',
    reason: `Tenants of ${waveText(wave)} wait for a server that cannot be used: ${namesOf(down)}. It goes on when the server is back; after ${view.options.serverDownMinutes} minutes its tenants count as failed.`,
  }
}

function namesOf(servers: readonly ServerView[]): string {
  return servers.map((server) => server.name).join(', ')
}

/** One that somebody approved is `passed`; one that was resumed in spite of its errors is `soaking`, be it for 0 s. */
function passGate(wave: WaveView, next: number): Decision {
  if (wave.state === 'passed') return { do: 'pass wave', wave: wave.wave, next }
  if (wave.state === 'running') {
    const reason = judge(
      { finished: wave.succeeded + wave.failed, failed: wave.failed },
      { finished: 0, failed: 0 },
      { thresholdPercent: wave.gate.maxErrorPercent, minSample: 1 },
      ` in ${waveText(wave)}`,
    )
    if (reason !== undefined) return { do: 'trip', reason }
    if (wave.gate.soakSeconds > 0) return { do: 'soak', wave: wave.wave }
  }
  if (wave.state === 'soaking' && (wave.idleMs ?? 0) < wave.gate.soakSeconds * 1000) return { do: 'nothing' }
  if (wave.gate.approval) return { do: 'ask approval', wave: wave.wave }
  return { do: 'pass wave', wave: wave.wave, next }
}

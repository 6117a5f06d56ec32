/**
 * The operation behind a rollout: one worker at a time watches the counts and decides. Carrying out is done by all
 * workers (src/rollout/carry-out.ts). A controller that dies is replaced by the next worker, from the rows alone.
 */
import { isPassing, type Control, type Queryable } from '../control/control.ts'
import type { OperationContext, OperationHandler, OperationOutcome } from '../control/operations/operation.ts'
import { recordEvent } from '../control/operations/store.ts'
import type { Keyring } from '../control/secrets.ts'
import { addressOf, getServerById, type DbServer } from '../registry/servers.ts'
import { getVersion } from '../schema/versions.ts'
import { changeOf } from './change.ts'
import { decide, type Decision, type RolloutView } from './decide.ts'
import { stopRollout } from './commands.ts'
import { getRollout, lockRollout, type Rollout } from './rollout.ts'
import { RateMeter } from './rate.ts'
import { ROLLOUT_KINDS } from './kinds.ts'
import { lookAtPooler } from './server-watch.ts'
import { settleStopped } from './settle.ts'
import { releaseLostTargets } from './sql/release-targets.ts'
import { viewRollout } from './sql/view.ts'
import { wayTo } from './way.ts'

const TICK_MS = 250
const RELEASE_EVERY_MS = 1_000
const OUTAGE_PAUSE_MS = 500
const PROBE_BASE_MS = 1_000
const PROBE_CAP_MS = 10_000

export interface ControllerParts {
  readonly control: Control
  readonly keyring: Keyring
}

export function rolloutController(parts: ControllerParts): OperationHandler {
  return {
    // Stopping is orderly: what is in hand finishes, the rest is recorded as skipped.
    runsWhenCancelled: true,
    run: (context) => steer(parts, context),
  }
}

async function steer(parts: ControllerParts, context: OperationContext): Promise<OperationOutcome> {
  const meter = new RateMeter()
  let releasedAt = -Infinity
  for (;;) {
    const isCancelled = context.signal.reason === 'cancelled' || context.operation.cancel_requested
    if (context.signal.aborted && !isCancelled) throw new Error('the worker let go')
    try {
      if (isCancelled) await stopIfActive(parts, context)
      if (performance.now() - releasedAt > RELEASE_EVERY_MS) {
        await releaseLostTargets(parts.control, context.operation.id)
        await probeServers(parts, context.operation.id)
        releasedAt = performance.now()
      }
      const outcome = await tick(context, meter)
      if (outcome === 'settle') await settle(parts, context)
      else if (outcome !== undefined) return outcome
      await context.sleep(TICK_MS)
    } catch (error) {
      // Nothing was decided. As long as the lease holds this goes on by itself; the queue's backoff would be longer.
      if (!isPassing(error)) throw error
      await context.sleep(OUTAGE_PAUSE_MS)
    }
  }
}

async function stopIfActive(parts: ControllerParts, context: OperationContext): Promise<void> {
  const { state } = await getRollout(parts.control, context.operation.id)
  if (state === 'completed' || state === 'stopped') return
  await stopRollout(parts.control, context.operation.id, { actor: 'whoever cancelled the operation' })
}

async function settle(parts: ControllerParts, context: OperationContext): Promise<void> {
  const rollout = await getRollout(parts.control, context.operation.id)
  await settleStopped(parts, rollout, (work) => context.fenced(work))
}

/** One decision and its effect, in one transaction. @returns how the operation ends, when it does. */
function tick(context: OperationContext, meter: RateMeter): Promise<OperationOutcome | 'settle' | undefined> {
  return context.fenced(async (tx) => {
    const rollout = await lockRollout(tx, context.operation.id)
    const view = await viewRollout(tx, rollout)
    await recordRate(tx, rollout, view, meter)
    const decision = decide(view)
    await showReason(tx, rollout, decision)
    await carryOut(tx, rollout, decision)
    return endAfter(rollout, view, decision)
  })
}

async function carryOut(tx: Queryable, rollout: Rollout, decision: Decision): Promise<void> {
  const { id } = rollout
  switch (decision.do) {
    case 'nothing':
    case 'wait':
    case 'settle':
    case 'rest':
      return
    case 'trip':
      await setState(tx, id, 'paused', decision.reason)
      await tx.query('update tenantry.rollouts set breaker_open = true where id = $1', [id])
      await recordEvent(tx, id, 'rollout.breaker_tripped', { reason: decision.reason })
      return
    case 'trip server':
      await tx.query(
        `update tenantry.rollout_servers set state = 'tripped', reason = $3, since = clock_timestamp()
         where rollout_id = $1 and server_id = $2`,
        [id, decision.serverId, decision.reason],
      )
      await recordEvent(tx, id, 'rollout.server_tripped', {
        server_id: decision.serverId,
        reason: decision.reason,
      })
      return
    case 'give up server':
      await failOpenTargets(tx, id, decision.serverId, decision.reason)
      await recordEvent(tx, id, 'rollout.server_given_up', {
        server_id: decision.serverId,
        reason: decision.reason,
      })
      return
    case 'soak':
      await setWave(tx, id, decision.wave, 'soaking')
      await recordEvent(tx, id, 'rollout.soaking', { wave: decision.wave })
      return
    case 'ask approval':
      await setWave(tx, id, decision.wave, 'awaiting_approval')
      await setState(
        tx,
        id,
        'awaiting_approval',
        `Wave ${decision.wave} is done; the next one waits for an approval.`,
      )
      await recordEvent(tx, id, 'rollout.awaiting_approval', { wave: decision.wave })
      return
    case 'pass wave':
      await setWave(tx, id, decision.wave, 'passed')
      await setWave(tx, id, decision.next, 'running')
      await tx.query('update tenantry.rollouts set current_wave = $2 where id = $1', [id, decision.next])
      await recordEvent(tx, id, 'rollout.wave_started', { wave: decision.next })
      return
    case 'complete':
      await setWave(tx, id, rollout.current_wave, 'passed')
      await setState(tx, id, 'completed', null)
      await recordEvent(tx, id, 'rollout.completed', {})
  }
}

/** Why a running rollout stands still, as long as it does. */
async function showReason(tx: Queryable, rollout: Rollout, decision: Decision): Promise<void> {
  const reason = decision.do === 'wait' ? decision.reason : null
  if (rollout.state !== 'running' || rollout.reason === reason) return
  await tx.query('update tenantry.rollouts set reason = $2 where id = $1', [rollout.id, reason])
  if (reason !== null) await recordEvent(tx, rollout.id, 'rollout.waiting', { reason })
}

function endAfter(
  rollout: Rollout,
  view: RolloutView,
  decision: Decision,
): OperationOutcome | 'settle' | undefined {
  if (decision.do === 'settle') return 'settle'
  if (decision.do === 'complete') return { state: 'succeeded', result: resultOf(view) }
  if (decision.do !== 'rest') return undefined
  if (rollout.state === 'completed') return { state: 'succeeded', result: resultOf(view) }
  return rollout.state === 'stopped' ? { state: 'cancelled', result: resultOf(view) } : { state: 'waiting' }
}

function resultOf(view: RolloutView): Record<string, unknown> {
  const sum = (pick: (wave: RolloutView['waves'][number]) => number): number =>
    view.waves.reduce((total, wave) => total + pick(wave), 0)
  return {
    total: sum((wave) => wave.total),
    successful: sum((wave) => wave.succeeded),
    failed: sum((wave) => wave.failed),
    skipped: sum((wave) => wave.skipped),
  }
}

async function setState(
  tx: Queryable,
  id: string,
  state: Rollout['state'],
  reason: string | null,
): Promise<void> {
  await tx.query(
    `update tenantry.rollouts set state = $2, reason = $3,
       finished_at = case when $2 in ('completed', 'stopped') then clock_timestamp() end where id = $1`,
    [id, state, reason],
  )
}

async function setWave(tx: Queryable, id: string, wave: number, state: string): Promise<void> {
  await tx.query(
    `update tenantry.rollout_waves set state = $3,
       started_at = case when $3 = 'running' then coalesce(started_at, clock_timestamp()) else started_at end,
       finished_at = case when $3 in ('soaking', 'awaiting_approval', 'passed') then coalesce(finished_at, clock_timestamp()) end
     where rollout_id = $1 and wave = $2`,
    [id, wave, state],
  )
}

async function failOpenTargets(tx: Queryable, id: string, serverId: number, reason: string): Promise<void> {
  await tx.query(
    `with given_up as (
       update tenantry.rollout_targets set state = 'failed', sqlstate = '08001', error = $3, error_group = 'server-lost',
         finished_at = clock_timestamp()
       where rollout_id = $1 and server_id = $2 and state = 'pending' returning wave)
     update tenantry.rollout_lanes as lane set failed = lane.failed + counts.number
     from (select wave, count(*) as number from given_up group by wave) as counts
     where lane.rollout_id = $1 and lane.server_id = $2 and lane.wave = counts.wave`,
    [id, serverId, reason],
  )
}

async function recordRate(
  tx: Queryable,
  rollout: Rollout,
  view: RolloutView,
  meter: RateMeter,
): Promise<void> {
  const finished = view.waves.reduce((sum, wave) => sum + wave.succeeded + wave.failed, 0)
  const rate = meter.add(performance.now(), finished)
  if (Math.abs(rate - rollout.rate) < 0.05) return
  await tx.query('update tenantry.rollouts set rate = $2 where id = $1', [rollout.id, rate])
}

/** Looks at servers that are down when their next look is due; those that answer are opened again. */
async function probeServers(parts: ControllerParts, rolloutId: string): Promise<void> {
  const due = await parts.control.query<{ server_id: number; probes: number }>(
    `select server_id, probes from tenantry.rollout_servers
     where rollout_id = $1 and state = 'down' and next_probe_at <= clock_timestamp()`,
    [rolloutId],
  )
  await Promise.all(
    due.map(async ({ server_id: serverId, probes }) => {
      const server = await getServerById(parts.control, serverId)
      const problem = await lookAtServer(parts, rolloutId, server)
      await parts.control.transaction(async (tx) => {
        if (problem === undefined) await openLane(tx, rolloutId, serverId, server.name)
        else
          await postponeProbe(
            tx,
            rolloutId,
            serverId,
            problem,
            Math.min(PROBE_CAP_MS, PROBE_BASE_MS * 2 ** probes),
          )
      })
    }),
  )
}

/** @returns why the rollout can do nothing on a server now, or undefined when it can. */
async function lookAtServer(
  { control, keyring }: ControllerParts,
  rolloutId: string,
  server: DbServer,
): Promise<string | undefined> {
  const direct = await addressOf(control, keyring, server)
  const problem = await ROLLOUT_KINDS[server.kind].lookAt(direct)
  const { options, direction, version_ids: ids } = await getRollout(control, rolloutId)
  const isPooled = options.via === 'pooler' && server.pooler_host !== null && server.kind === 'postgres'
  if (problem !== undefined || !isPooled) return problem
  const versions = await Promise.all(ids.map((id) => getVersion(control, id)))
  const way = wayTo(
    direct,
    server,
    options,
    versions.map((version) => changeOf(version, direction)),
  )
  return way === direct ? undefined : lookAtPooler(way, direct.database)
}

async function openLane(tx: Queryable, rolloutId: string, serverId: number, name: string): Promise<void> {
  await tx.query(
    `update tenantry.rollout_servers set state = 'open', reason = null, since = null, next_probe_at = null, probes = 0
     where rollout_id = $1 and server_id = $2 and state = 'down'`,
    [rolloutId, serverId],
  )
  await recordEvent(tx, rolloutId, 'rollout.server_up', { server: name })
}

async function postponeProbe(
  tx: Queryable,
  rolloutId: string,
  serverId: number,
  problem: string,
  afterMs: number,
): Promise<void> {
  await tx.query(
    `update tenantry.rollout_servers set reason = $3, probes = probes + 1,
       next_probe_at = clock_timestamp() + $4 * interval '1 millisecond'
     where rollout_id = $1 and server_id = $2 and state = 'down'`,
    [rolloutId, serverId, problem, afterMs],
  )
}

/** A worker found that a server cannot be used: its lane is closed until it answers again. */
export async function recordServerDown(
  control: Control,
  rolloutId: string,
  serverId: number,
  reason: string,
): Promise<void> {
  await control.transaction(async (tx) => {
    const rows = await tx.query<{ name: string }>(
      `update tenantry.rollout_servers as lane set state = 'down', reason = $3, since = clock_timestamp(), probes = 0,
         next_probe_at = clock_timestamp() + interval '1 second'
       from tenantry.db_servers as server
       where rollout_id = $1 and server_id = $2 and lane.state = 'open' and server.id = lane.server_id
       returning server.name`,
      [rolloutId, serverId, reason],
    )
    const [row] = rows
    if (row !== undefined)
      await recordEvent(tx, rolloutId, 'rollout.server_down', { server: row.name, reason })
  })
}

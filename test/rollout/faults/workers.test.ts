/** Worker processes that die, freeze and end in order while they carry a rollout out. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { LEASE_SECONDS } from '../../../src/control/workers.ts'
import { isRunning } from '../../../src/engine/processes.ts'
import { pauseRollout } from '../../../src/rollout/commands.ts'
import type { Fleet, WorkerProcess } from '../../support/fleet.ts'
import { until } from '../../support/wait.ts'
import {
  addSlowVersion,
  between,
  controllerOf,
  databaseTime,
  faultTest,
  inHandOf,
  inTheMiddle,
  lastFinished,
  MIXED,
  reportTakeover,
  SIZE,
  TAKEOVER_MS,
  workerIdOf,
} from '../../support/faults.ts'

/** Per tenant: so slow that a worker always has some in hand. */
const SECONDS = 0.6

/** Kills a worker at a random moment of a rollout. @returns what it had in hand and when it was killed. */
async function killInTheMiddle(
  fleet: Fleet,
  rolloutId: string,
  victim: WorkerProcess,
  afterMs: number,
): Promise<{ tenantIds: number[]; killedAt: number }> {
  await inTheMiddle(fleet, rolloutId, 0)
  const victimId = await workerIdOf(fleet, victim)
  // A moment that the seed chose: not a wait for something to happen.
  await pause(afterMs)
  const killedAt = await databaseTime(fleet)
  await victim.kill()
  return { tenantIds: await inHandOf(fleet, rolloutId, victimId), killedAt }
}

for (const victimIs of ['the worker that runs the controller', 'the other worker'] as const) {
  faultTest(
    `kill -9 of ${victimIs}: the one that lives takes over within 15 s`,
    async ({ seed, random, startFleet }) => {
      const fleet = await startFleet(MIXED)
      const version = await addSlowVersion(fleet, SECONDS)
      const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
      const { id } = await fleet.rollout({ version, options: { maxConnections: 8 } })
      const controller = await controllerOf(fleet, id)
      const ids = await Promise.all(workers.map((worker) => workerIdOf(fleet, worker)))
      const runsController = victimIs === 'the worker that runs the controller'
      const victim = workers[ids.findIndex((workerId) => (workerId === controller) === runsController)]
      if (victim === undefined) throw new Error('none of the two runs the controller')

      const { tenantIds, killedAt } = await killInTheMiddle(fleet, id, victim, between(random, 0, 1_000))
      expect(tenantIds.length).toBeGreaterThan(0)
      if (runsController) {
        await until(async () => (await controllerOf(fleet, id)) !== controller, {
          what: 'another worker to run the controller',
          timeoutMs: TAKEOVER_MS + 5_000,
        })
        const took = (await databaseTime(fleet)) - killedAt
        reportTakeover('the controller', seed, took)
        expect(took).toBeLessThan(TAKEOVER_MS)
      }
      const { progress } = await fleet.waitFor(id, 'completed', 40_000)
      expect(progress).toMatchObject({ total: SIZE, successful: SIZE, failed: 0, already: 0 })
      const took = (await lastFinished(fleet, id, tenantIds)) - killedAt
      reportTakeover(`a worker with ${tenantIds.length} tenants in hand`, seed, took)
      expect(took).toBeLessThan(TAKEOVER_MS)
      await fleet.expectConsistent(id)
    },
  )
}

faultTest('kill -9 of the only worker: one that is started later goes on', async ({ random, startFleet }) => {
  const fleet = await startFleet(MIXED)
  const version = await addSlowVersion(fleet, SECONDS)
  const worker = await fleet.spawnWorker()
  const { id } = await fleet.rollout({ version })
  const { tenantIds, killedAt } = await killInTheMiddle(fleet, id, worker, between(random, 0, 1_500))
  expect(tenantIds.length).toBeGreaterThan(0)
  const left = (await fleet.targets(id)).filter((target) => target.state === 'claimed').length
  expect(left).toBe(tenantIds.length)
  await fleet.spawnWorker()
  const { progress } = await fleet.waitFor(id, 'completed', 40_000)
  expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
  expect((await lastFinished(fleet, id, tenantIds)) - killedAt).toBeLessThan(TAKEOVER_MS)
  await fleet.expectConsistent(id)
})

faultTest(
  'a worker frozen past its lease is fenced: nothing that it does afterwards counts',
  async ({ random, startFleet }) => {
    const fleet = await startFleet(MIXED)
    const version = await addSlowVersion(fleet, SECONDS)
    const [zombie] = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const { id } = await fleet.rollout({ version, options: { maxConnections: 8 } })
    await inTheMiddle(fleet, id, 0)
    const zombieId = await workerIdOf(fleet, zombie)
    await pause(between(random, 0, 1_000))
    zombie.signal('SIGSTOP')
    const inHand = await inHandOf(fleet, id, zombieId)
    expect(inHand.length).toBeGreaterThan(0)
    await fleet.waitFor(id, 'completed', 40_000)
    const before = await fleet.targets(id)
    zombie.signal('SIGCONT')
    await until(async () => (await workerIdOf(fleet, zombie)) !== zombieId, {
      what: 'the worker to go on under a new identity',
    })
    expect(zombie.log()).toContain('lease lost')
    expect(await fleet.targets(id)).toEqual(before)
    await fleet.expectConsistent(id)
    // It is a good worker again.
    const next = await fleet.rollout({ version: await addSlowVersion(fleet) })
    await fleet.waitFor(next.id, 'completed')
    await fleet.expectConsistent(next.id)
    expect(await zombie.stop()).toBe(0)
  },
)

faultTest('a frozen worker begins nothing more when it wakes', async ({ startFleet }) => {
  const fleet = await startFleet(MIXED)
  const zombie = await fleet.spawnWorker()
  const version = await addSlowVersion(fleet, 2)
  const { id } = await fleet.rollout({ version, options: { maxConnections: 4 } })
  const sleeping = statements(fleet, id, `wait_event = 'PgSleep'`)
  await until(async () => (await sleeping()) === 4, { what: 'all its connections to be at work' })
  zombie.signal('SIGSTOP')
  await until(async () => (await statements(fleet, id, `state = 'active'`)()) === 0, {
    what: 'the statements under way to end',
  })
  // Nobody else goes on with it: all that happens to a tenant from here on is the frozen worker's doing.
  await pauseRollout(fleet.app.control, id, { actor: 'test' })
  await fleet.app.control.query(
    `update tenantry.workers set lease_until = clock_timestamp() where pid = $1`,
    [zombie.pid],
  )
  // The lease is over on the worker's clock as well.
  await pause(LEASE_SECONDS * 1000)
  const before = await markedTenants(fleet)
  expect(before).toBe(4)
  zombie.signal('SIGCONT')
  await until(() => zombie.log().includes('lease lost'), { what: 'the worker to notice' })
  expect(await zombie.stop()).toBe(0)
  expect(await markedTenants(fleet)).toBe(before)
})

/** Counts the rollout's connections that a condition on pg_stat_activity holds for. */
function statements(fleet: Fleet, rolloutId: string, condition: string): () => Promise<number> {
  const name = `tenantry rollout ${rolloutId.slice(0, 8)}`
  const sql = `select from pg_stat_activity where application_name = '${name}' and ${condition}`
  return async () => (await fleet.sql(fleet.tenant(0), sql)).length
}

/** How many tenants have a mark of `addSlowVersion`. */
async function markedTenants(fleet: Fleet): Promise<number> {
  let marked = 0
  for (const tenant of fleet.tenants) {
    const rows = await fleet.sql(tenant, `select from items where name like 'mark %'`)
    marked += rows.length
  }
  return marked
}

faultTest(
  'SIGTERM drains: what is in hand finishes, the rest is given back, the exit code is 0',
  async ({ random, startFleet }) => {
    const fleet = await startFleet(MIXED)
    const version = await addSlowVersion(fleet, SECONDS)
    const drained = await fleet.spawnWorker()
    const { id } = await fleet.rollout({ version, options: { maxConnections: 8 } })
    await inTheMiddle(fleet, id)
    await pause(between(random, 0, 500))
    const started = performance.now()
    expect(await drained.stop()).toBe(0)
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(await isRunning(drained.pid)).toBe(false)
    const targets = await fleet.targets(id)
    expect(targets.filter((target) => target.state === 'claimed')).toEqual([])
    expect(targets.filter((target) => target.state === 'pending').length).toBeGreaterThan(0)
    // Nothing was cut off: what is open was not begun.
    await fleet.expectConsistent(id)
    expect(await fleet.app.control.query('select from tenantry.workers')).toEqual([])
    const next = performance.now()
    await fleet.spawnWorker()
    const { progress } = await fleet.waitFor(id, 'completed', 30_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0, retries: 0 })
    // The one after it need not wait for a lease.
    expect(performance.now() - next).toBeLessThan(9_500)
    await fleet.expectConsistent(id)
  },
)

/** The control database, or the way to it, goes away while a rollout runs. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { LEASE_SECONDS } from '../../../src/control/workers.ts'
import { startCutProxy } from '../../support/cut-proxy.ts'
import {
  addSlowVersion,
  between,
  databaseTime,
  faultTest,
  inHandOf,
  inTheMiddle,
  lastFinished,
  MIXED,
  pick,
  SIZE,
  TAKEOVER_MS,
  workerIdOf,
} from '../../support/faults.ts'
import type { Fleet } from '../../support/fleet.ts'
import { adminQuery } from '../../support/postgres.ts'
import { startPrivateServer } from '../../support/private-servers.ts'
import { until } from '../../support/wait.ts'

/** Another way to the fleet's control database. */
function through(fleet: Fleet, port: number): { controlUrl: string } {
  const url = new URL(fleet.controlUrl)
  url.port = String(port)
  return { controlUrl: url.href }
}

function controlPort(fleet: Fleet): number {
  return Number(new URL(fleet.controlUrl).port)
}

faultTest(
  'a control database that is restarted and killed: the rollout goes on by itself',
  async ({ random, after, startFleet }) => {
    const controlServer = await startPrivateServer()
    after(controlServer.remove)
    const fleet = await startFleet({ ...MIXED, controlServer })
    const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    for (let round = 0; round < 2; round += 1) {
      const { id } = await fleet.rollout({
        version: await addSlowVersion(fleet, 0.2),
        waves: [{ size: '4' }, { size: 'rest' }],
        options: { maxConnections: 8 },
      })
      await inTheMiddle(fleet, id, 0)
      for (let outage = 0; outage < 3; outage += 1) {
        await pause(between(random, 0, 400))
        if (pick(random, ['kill', 'restart']) === 'kill') await controlServer.kill()
        await controlServer.restart()
      }
      const { progress } = await fleet.waitFor(id, 'completed', 40_000)
      expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
      await fleet.expectConsistent(id)
    }
    for (const worker of workers) {
      const code = await worker.stop()
      expect(code === 0 ? '' : `exit code ${code}: ${worker.log()}`).toBe('')
    }
  },
)

faultTest(
  'a control database that is away for longer than a lease: everything fits together afterwards',
  async ({ random, after, startFleet }) => {
    const controlServer = await startPrivateServer()
    after(controlServer.remove)
    const fleet = await startFleet({ ...MIXED, controlServer })
    const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.5),
      options: { maxConnections: 8 },
    })
    await inTheMiddle(fleet, id, 0)
    await pause(between(random, 0, 500))
    await controlServer.kill()
    await pause((LEASE_SECONDS + 2) * 1000)
    await controlServer.restart()
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
    for (const worker of workers) {
      expect(worker.log()).toContain('lease lost')
      expect(await worker.stop()).toBe(0)
    }
  },
)

faultTest(
  'a tenant server that crashes while outcomes wait for the control database: none is recorded that was lost',
  async ({ after, startFleet }) => {
    const server = await startPrivateServer({ settings: { wal_writer_delay: '10s', max_connections: '60' } })
    after(server.remove)
    const fleet = await startFleet({ ...MIXED, servers: [server] })
    const proxy = await startCutProxy({ host: '127.0.0.1', port: controlPort(fleet) })
    after(proxy.stop)
    await fleet.spawnWorker(through(fleet, proxy.port))
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.3),
      options: { maxConnections: 4 },
    })
    await inTheMiddle(fleet, id, 0)
    // The worker goes on with what it has claimed, and cannot record it.
    proxy.refuse()
    const sessions = `select from pg_stat_activity where application_name like 'tenantry rollout%'`
    const count = async (): Promise<number> => (await adminQuery(sessions, 'postgres', server)).length
    await until(async () => (await count()) > 0, { what: 'the worker to be at work' })
    await until(async () => (await count()) === 0, { what: 'the worker to have nothing more to do' })
    await server.kill()
    await server.restart()
    proxy.heal()
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'a worker whose way to the control database is cut again and again',
  async ({ random, after, startFleet }) => {
    const fleet = await startFleet(MIXED)
    const proxy = await startCutProxy({ host: '127.0.0.1', port: controlPort(fleet) })
    after(proxy.stop)
    const worker = await fleet.spawnWorker(through(fleet, proxy.port))
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.2),
      waves: [{ size: '4' }, { size: 'rest' }],
      options: { maxConnections: 4 },
    })
    for (let round = 0; round < 12; round += 1) {
      await pause(between(random, 10, 250))
      proxy.cut()
    }
    const { progress } = await fleet.waitFor(id, 'completed', 50_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
    expect(await worker.stop()).toBe(0)
  },
)

faultTest(
  'a worker that the network silently cuts off is taken over, and is a worker again afterwards',
  async ({ after, startFleet }) => {
    const fleet = await startFleet(MIXED)
    const proxy = await startCutProxy({ host: '127.0.0.1', port: controlPort(fleet) })
    after(proxy.stop)
    const [lost] = await Promise.all([fleet.spawnWorker(through(fleet, proxy.port)), fleet.spawnWorker()])
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.5),
      options: { maxConnections: 8 },
    })
    const lostId = await workerIdOf(fleet, lost)
    await until(async () => (await inHandOf(fleet, id, lostId)).length > 0, {
      what: 'the worker to have something in hand',
    })
    const cutAt = await databaseTime(fleet)
    proxy.stall()
    const inHand = await inHandOf(fleet, id, lostId)
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    expect((await lastFinished(fleet, id, inHand)) - cutAt).toBeLessThan(TAKEOVER_MS)
    await fleet.expectConsistent(id)
    proxy.heal()
    await until(async () => (await workerIdOf(fleet, lost)) !== lostId, {
      what: 'the worker to be back under a new identity',
      timeoutMs: 20_000,
    })
  },
)

/** Statements that change something, by a text to find them by on the wire, and one that their answer must have. */
const CHANGES = {
  'claims tenants': ['order by target.wave, target.position limit $4 for update skip locked', 'shared'],
  'records outcomes': ['as input (tenant_id, state, outcome, duration_ms', ''],
  'claims an operation': ['limit $3 for update skip locked', 'rollout'],
  'decides about a rollout': ['update tenantry.rollout_waves set state', ''],
} as const

for (const [what, [text, answer]] of Object.entries(CHANGES)) {
  faultTest(
    `the answer to the statement that ${what} is lost: nothing stays in limbo`,
    async ({ after, startFleet }) => {
      const fleet = await startFleet({ tenants: 0, schemas: ['a', 'b', 'c', 'd', 'e', 'f'] })
      const proxy = await startCutProxy({ host: '127.0.0.1', port: controlPort(fleet) })
      after(proxy.stop)
      await fleet.spawnWorker(through(fleet, proxy.port))
      const lost = proxy.loseAnswerTo(text, answer)
      const { id } = await fleet.rollout({
        version: await addSlowVersion(fleet, 0.1),
        waves: [{ size: '2' }, { size: 'rest' }],
      })
      await lost
      const { progress } = await fleet.waitFor(id, 'completed', 30_000)
      expect(progress).toMatchObject({ successful: 6, failed: 0, already: 0, retries: 0 })
      await fleet.expectConsistent(id)
    },
  )
}

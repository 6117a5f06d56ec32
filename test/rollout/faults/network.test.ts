/** The network between a worker and a tenant server: cut, silent, refusing. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { startCutProxy, type CutProxy } from '../../support/cut-proxy.ts'
import { addSlowVersion, between, faultTest, inTheMiddle, MIXED, SIZE } from '../../support/faults.ts'
import type { Fleet } from '../../support/fleet.ts'
import { adminQuery, sharedServer } from '../../support/postgres.ts'
import { until } from '../../support/wait.ts'

type Parts = Parameters<Parameters<typeof faultTest>[1]>[0]

/** The fleet's server is reached through the proxy, also by the test itself. */
async function fleetBehindProxy({ after, startFleet }: Parts): Promise<{ fleet: Fleet; proxy: CutProxy }> {
  const proxy = await startCutProxy(sharedServer())
  after(proxy.stop)
  return { fleet: await startFleet({ ...MIXED, servers: [{ ...sharedServer(), port: proxy.port }] }), proxy }
}

async function isRunning(fleet: Fleet, rolloutId: string): Promise<boolean> {
  const rows = await fleet.app.control.query(
    `select from tenantry.rollouts where id = $1 and state = 'running'`,
    [rolloutId],
  )
  return rows.length > 0
}

faultTest('connections that are cut again and again: each tenant is changed once', async (parts) => {
  const { fleet, proxy } = await fleetBehindProxy(parts)
  await fleet.startWorker()
  const { id } = await fleet.rollout({
    version: await addSlowVersion(fleet, 0.1),
    options: { maxConnections: 8, maxRetries: 20 },
  })
  await inTheMiddle(fleet, id, 0)
  let cut = 0
  for (let round = 0; round < 6 && (await isRunning(fleet, id)); round += 1) {
    await pause(between(parts.random, 20, 300))
    cut += proxy.cut()
  }
  expect(cut).toBeGreaterThan(0)
  const { progress } = await fleet.waitFor(id, 'completed', 40_000)
  expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
  await fleet.expectConsistent(id)
})

faultTest(
  'a connection cut after the last try was sent: what the server did is what is reported',
  async (parts) => {
    const { fleet, proxy } = await fleetBehindProxy(parts)
    await fleet.startWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 4),
      options: { maxConnections: 8, maxRetries: 0, flush: 'each' },
    })
    const running = `select from pg_stat_activity where application_name = 'tenantry rollout ${id.slice(0, 8)}' and wait_event = 'PgSleep'`
    // All of them: one that was only connecting would have nothing to settle, and fail without a try left.
    await until(async () => (await adminQuery(running)).length === 8, { what: 'statements to be under way' })
    proxy.stall()
    // The server finishes, and its answers are lost.
    await until(async () => (await adminQuery(running)).length === 0, { what: 'the statements to end' })
    proxy.heal()
    proxy.cut()
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0, retries: 0 })
    await fleet.expectConsistent(id)
  },
)

faultTest('a server that refuses for a while is down for as long', async (parts) => {
  const { fleet, proxy } = await fleetBehindProxy(parts)
  await fleet.startWorker()
  const { id } = await fleet.rollout({
    version: await addSlowVersion(fleet, 0.2),
    options: { maxConnections: 4 },
  })
  await inTheMiddle(fleet, id)
  proxy.refuse()
  await until(
    async () => {
      const { servers } = await fleet.waitFor(id, 'running')
      return servers[0]?.state === 'down' && /Cannot connect|closed|reset/.test(servers[0].reason ?? '')
    },
    { what: 'the server to be down' },
  )
  proxy.heal()
  const { progress } = await fleet.waitFor(id, 'completed', 40_000)
  expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0, retries: 0 })
  await fleet.expectConsistent(id)
})

faultTest(
  'a network that goes silent and comes back holds a rollout up no longer than that, and a little',
  async (parts) => {
    const { fleet, proxy } = await fleetBehindProxy(parts)
    await fleet.startWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.2),
      options: { maxConnections: 4 },
    })
    await inTheMiddle(fleet, id)
    proxy.stall()
    await pause(between(parts.random, 500, 3_000))
    proxy.heal()
    const { progress } = await fleet.waitFor(id, 'completed', 50_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
  },
)

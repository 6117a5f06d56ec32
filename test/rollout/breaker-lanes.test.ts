/** The circuit breaker on real servers: the whole rollout, and one server's lane while the other goes on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resumeRollout, retryFailed } from '../../src/rollout/commands.ts'
import { rolloutStatus } from '../../src/rollout/status.ts'
import { startFleet, type Fleet, type FleetTenant } from '../support/fleet.ts'
import { failingOn } from '../support/fleet-versions.ts'
import { FAST_NOT_DURABLE } from '../support/global-setup.ts'
import { sharedServer } from '../support/postgres.ts'
import { startPrivateServer, type PrivateServer } from '../support/private-servers.ts'
import { until } from '../support/wait.ts'

let other: PrivateServer
let fleet: Fleet
const by = { actor: 'tester' }
const STRICT = { errorThresholdPercent: 10, minSample: 5, maxConnections: 2 }

beforeAll(async () => {
  other = await startPrivateServer({ settings: FAST_NOT_DURABLE })
  fleet = await startFleet({ tenants: 24, servers: [sharedServer(), other] })
  await fleet.startWorker()
})
afterAll(async () => {
  await fleet.close()
  await other.remove()
})

function on(server: string): FleetTenant[] {
  return fleet.tenants.filter((tenant) => tenant.server === server)
}

/** Each tenant takes a little time, so that decisions are made while others are still to come. */
async function failingSlowlyOn(
  tenants: readonly FleetTenant[],
): Promise<{ version: string; heal: () => Promise<void> }> {
  for (const tenant of tenants) await fleet.sql(tenant, `create table in_the_way ()`)
  const version = await fleet.addVersion({
    upgrade: 'select pg_sleep(0.1); create table in_the_way ()',
    downgrade: 'drop table in_the_way',
  })
  return {
    version,
    heal: async () => {
      for (const tenant of tenants) await fleet.sql(tenant, 'drop table if exists in_the_way')
    },
  }
}

describe('on one server', () => {
  test('it trips above the threshold, says why, and leaves the rest alone; healed and retried it completes', async () => {
    const { version, heal } = await failingSlowlyOn(on('pg-1'))
    const { id } = await fleet.rollout({ version, selector: 'server:pg-1', options: STRICT })
    const paused = await fleet.waitFor(id, 'paused')
    expect(paused.rollout.reason).toMatch(/^(\d+) of \1 tenants failed \(100\.0 %, the limit is 10 %\)$/)
    expect(paused.progress.failed).toBeGreaterThanOrEqual(5)
    expect(paused.progress.completed).toBeLessThan(24)
    await fleet.expectConsistent(id)
    await heal()
    await retryFailed(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 24, failed: 0 })
    await fleet.expectConsistent(id)
    for (const tenant of on('pg-1')) await fleet.sql(tenant, 'drop table in_the_way')
  })

  test('fewer failures than the smallest sample do not trip it', async () => {
    const { version } = await failingOn(fleet, on('pg-1').slice(0, 2))
    const { id } = await fleet.rollout({
      version,
      selector: 'server:pg-1',
      options: { ...STRICT, minSample: 24 },
    })
    const { progress } = await fleet.waitFor(id, ['completed', 'paused'])
    expect(progress).toMatchObject({ successful: 22, failed: 2 })
  })

  test('resumed, what had failed is not judged again', async () => {
    const { version } = await failingOn(fleet, on('pg-1').slice(0, 5))
    const options = { ...STRICT, maxConnections: 1, minSample: 5 }
    const { id } = await fleet.rollout({ version, selector: 'server:pg-1', options })
    await fleet.waitFor(id, 'paused')
    await resumeRollout(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, ['completed', 'paused'])).rollout.state).toBe('completed')
    await fleet.expectConsistent(id)
  })
})

describe('on two servers', () => {
  test('the lane of the bad one is closed, the other goes on to its end; then somebody must decide', async () => {
    const { version, heal } = await failingSlowlyOn(on('pg-1'))
    const { id } = await fleet.rollout({ version, options: { ...STRICT, maxConnections: 1 } })
    const paused = await fleet.waitFor(id, 'paused')
    expect(paused.rollout.reason).toBe('All tenants that remain are on servers where too many failed: pg-1.')
    const [bad, good] = paused.servers
    expect(good).toMatchObject({ server: 'pg-2', state: 'open', successful: 24, failed: 0 })
    expect(bad).toMatchObject({ server: 'pg-1', state: 'tripped', successful: 0 })
    expect(bad?.reason).toMatch(/^\d+ of \d+ tenants failed on pg-1 \(100\.0 %, the limit is 10 %\)$/)
    // What it had claimed and not begun is given back instead of failing too.
    expect(bad?.failed).toBeLessThan(16)
    await fleet.expectConsistent(id)
    await heal()
    await retryFailed(fleet.app.control, id, by)
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 48, failed: 0 })
    expect(done.servers.map((server) => server.state)).toEqual(['open', 'open'])
    await fleet.expectConsistent(id)
  })

  test('a wave that waits for a closed lane only does not wait for ever', async () => {
    const { version } = await failingOn(fleet, on('pg-1'))
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '24', selector: 'server:pg-1' }, { size: 'rest' }],
      options: { ...STRICT, maxConnections: 1 },
    })
    const paused = await fleet.waitFor(id, 'paused')
    expect(paused.rollout.reason).toMatch(/pg-1/)
    expect(paused.servers[1]).toMatchObject({ server: 'pg-2', successful: 0, failed: 0 })
    await fleet.expectConsistent(id)
  })

  test('a server that is away closes its lane; the other goes on to the end of the wave; the next one waits', async () => {
    const version = await fleet.addColumn()
    await other.stop()
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '30' }, { size: 'rest' }],
      order: 'random',
    })
    const inFirst = (await fleet.targets(id)).filter((target) => target.wave === 1)
    const expected = inFirst.filter((target) => target.server_id === 1).length
    const waiting = await until(
      async () => {
        const status = await rolloutStatus(fleet.app.control, id)
        return status.rollout.reason !== null && status
      },
      { what: 'the wave to wait' },
    )
    expect(waiting.rollout.state).toBe('running')
    expect(waiting.rollout.reason).toMatch(
      /^Tenants of wave 1 \(30 tenants\) wait for a server that cannot be used: pg-2\. /,
    )
    expect(waiting.waves.map((wave) => wave.successful)).toEqual([expected, 0])
    expect(waiting.servers[1]).toMatchObject({
      state: 'down',
      reason: expect.stringContaining('Cannot connect to') as string,
    })
    await other.restart()
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 48, failed: 0 })
    expect(done.rollout.reason).toBeNull()
    await fleet.expectConsistent(id)
  })

  test('a wave whose server stays away is judged by its gate: its tenants count as failed', async () => {
    const version = await fleet.addColumn()
    await other.stop()
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '30' }, { size: 'rest' }],
      order: 'random',
      options: { serverDownMinutes: 0, errorThresholdPercent: 10, minSample: 1000 },
    })
    const paused = await fleet.waitFor(id, 'paused')
    expect(paused.rollout.reason).toMatch(/^\d+ of 30 tenants failed in wave 1 \(30 tenants\)/)
    expect(paused.waves[1]).toMatchObject({ successful: 0 })
    await other.restart()
    await retryFailed(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 48, failed: 0 })
    await fleet.expectConsistent(id)
  })

  test('one that stays away is given up after its time, and its tenants fail with the reason', async () => {
    const version = await fleet.addColumn()
    await other.stop()
    const { id } = await fleet.rollout({ version, options: { serverDownMinutes: 0 } })
    const status = await fleet.waitFor(id, ['completed', 'paused'])
    expect(status.progress).toMatchObject({ successful: 24, failed: 24 })
    expect(status.errorGroups).toMatchObject([
      { sqlstate: '08001', count: 24, message: 'Server pg-2 could not be used for 0 minutes.' },
    ])
    await other.restart()
    await retryFailed(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 48, failed: 0 })
    await fleet.expectConsistent(id)
  })
})

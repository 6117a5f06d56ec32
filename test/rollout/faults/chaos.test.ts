/** Everything at once: a rollout and its undo, while workers, servers, the control database and the network fail. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { isControlOutage } from '../../../src/control/control.ts'
import { TenantryError } from '../../../src/lib/errors.ts'
import { pauseRollout, resumeRollout } from '../../../src/rollout/commands.ts'
import { getRollout, rolloutOptions } from '../../../src/rollout/rollout.ts'
import { startUndo } from '../../../src/rollout/start.ts'
import { startCutProxy } from '../../support/cut-proxy.ts'
import { addSlowVersion, between, faultTest, MIXED, pick, type Random } from '../../support/faults.ts'
import type { Fleet, WorkerProcess } from '../../support/fleet.ts'
import { adminQuery, sharedServer } from '../../support/postgres.ts'
import { startPrivateServer, type PrivateServer } from '../../support/private-servers.ts'
import { until } from '../../support/wait.ts'

const OPTIONS = { maxConnections: 8, maxRetries: 100, errorThresholdPercent: 100 }

/** What fails, as functions that leave everything able to go on. */
interface World {
  readonly fleet: Fleet
  readonly workers: WorkerProcess[]
  readonly tenantServer: PrivateServer
  readonly controlServer: PrivateServer
  readonly proxy: Awaited<ReturnType<typeof startCutProxy>>
  readonly random: Random
}

const EVENTS: Readonly<Record<string, (world: World, rolloutId: string) => Promise<void>>> = {
  'a worker is killed': async ({ workers, random, fleet }) => {
    const victim = Math.floor(random() * workers.length)
    await workers[victim]?.kill()
    workers[victim] = await fleet.spawnWorker()
  },
  'a worker is frozen': async ({ workers, random }) => {
    const victim = pick(random, workers)
    victim.signal('SIGSTOP')
    await pause(random() < 0.2 ? 12_000 : between(random, 100, 3_000))
    victim.signal('SIGCONT')
  },
  'a worker is replaced in order': async ({ workers, random, fleet }) => {
    const victim = Math.floor(random() * workers.length)
    const [code] = await Promise.all([
      workers[victim]?.stop(),
      fleet.spawnWorker().then((one) => workers.push(one)),
    ])
    workers.splice(victim, 1)
    expect(code).toBe(0)
  },
  'the tenant server is killed': async ({ tenantServer, random }) => {
    await tenantServer.kill()
    await pause(between(random, 0, 1_000))
    await tenantServer.restart()
  },
  'the control database is killed': async ({ controlServer, random }) => {
    await controlServer.kill()
    await pause(between(random, 0, 2_000))
    await controlServer.restart()
  },
  'the control database ends its sessions': async ({ controlServer }) => {
    await adminQuery(
      `select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      'postgres',
      controlServer,
    )
  },
  'connections are cut': ({ proxy }) => Promise.resolve(void proxy.cut()),
  'connections are refused': async ({ proxy, random }) => {
    proxy.refuse()
    await pause(between(random, 100, 2_000))
    proxy.heal()
  },
  'somebody pauses and resumes': async ({ fleet, random }, rolloutId) => {
    await insist(() => pauseRollout(fleet.app.control, rolloutId, { actor: 'test' }))
    await pause(between(random, 0, 1_000))
    await insist(() => resumeRollout(fleet.app.control, rolloutId, { actor: 'test' }))
  },
}

/** A command of somebody who tries again when the control database is away, and who may come too late. */
async function insist(command: () => Promise<unknown>): Promise<void> {
  await until(
    async () => {
      try {
        await command()
        return true
      } catch (error) {
        if (error instanceof TenantryError && error.code === 'conflict') return true
        if (isControlOutage(error)) return false
        throw error
      }
    },
    { what: 'the control database to take a command' },
  )
}

async function torment(world: World, rolloutId: string, events: number): Promise<string[]> {
  const log: string[] = []
  for (let event = 0; event < events; event += 1) {
    await pause(between(world.random, 50, 1_000))
    const name = pick(world.random, Object.keys(EVENTS))
    log.push(name)
    await EVENTS[name]?.(world, rolloutId)
  }
  return log
}

faultTest(
  'a rollout and its undo survive everything at once',
  async ({ random, seed, after, startFleet }) => {
    const [tenantServer, controlServer] = await Promise.all([
      startPrivateServer({ settings: { wal_writer_delay: '10s', max_connections: '80' } }),
      startPrivateServer(),
    ])
    after(tenantServer.remove)
    after(controlServer.remove)
    const proxy = await startCutProxy(sharedServer())
    after(proxy.stop)
    const servers = [tenantServer, { ...sharedServer(), port: proxy.port }]
    const fleet = await startFleet({
      tenants: 4,
      schemas: (MIXED.schemas ?? []).slice(0, 12),
      servers,
      controlServer,
    })
    const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const world: World = { fleet, workers, tenantServer, controlServer, proxy, random }

    const version = await addSlowVersion(fleet, 0.5)
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '5' }, { size: 'rest' }],
      options: OPTIONS,
    })
    const log = await torment(world, id, 5)
    const rolledOut = await fleet.waitFor(id, 'completed', 90_000)
    expect(rolledOut.progress, `seed ${seed}: ${log.join(', ')}`).toMatchObject({ successful: 32, failed: 0 })
    await fleet.expectConsistent(id)

    const { control } = fleet.app
    const undo = await startUndo(control, await getRollout(control, id), {
      dryRun: false,
      waves: [{ size: 'rest' }],
      createdBy: 'test',
      options: rolloutOptions.parse({ ...rolledOut.rollout.options, ...OPTIONS }),
    })
    log.push('undo', ...(await torment(world, undo.id, 5)))
    const undone = await fleet.waitFor(undo.id, 'completed', 90_000)
    expect(undone.progress, `seed ${seed}: ${log.join(', ')}`).toMatchObject({ successful: 32, failed: 0 })
    await fleet.expectConsistent(undo.id)
    for (const tenant of fleet.tenants) expect(await fleet.ledgerOf(tenant)).toEqual([])
  },
  300_000,
)

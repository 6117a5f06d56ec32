/** Tenant servers that crash, restart and fail over under a rollout. Durable settings, private servers. */
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { signal } from '../../../src/engine/processes.ts'
import type { Fleet } from '../../support/fleet.ts'
import {
  addSlowVersion,
  between,
  faultTest,
  inTheMiddle,
  MIXED,
  pick,
  type Random,
  SIZE,
} from '../../support/faults.ts'
import { adminQuery, toldAlready } from '../../support/postgres.ts'
import { startPrivateServer, type PrivateServer } from '../../support/private-servers.ts'
import { until } from '../../support/wait.ts'

/** Commits that nobody asks to flush stay in memory for ten seconds: what is reported too early is lost for sure. */
const SLOW_WAL = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB', max_connections: '60' }

/** Another process after every crash. */
async function checkpointerOf(server: PrivateServer): Promise<number | undefined> {
  const [row] = await adminQuery<{ pid: number }>(
    `select pid from pg_stat_activity where backend_type = 'checkpointer'`,
    'postgres',
    server,
  )
  return row?.pid
}

const CRASHES = {
  'kill -9 of the whole server': async (server: PrivateServer, random: Random) => {
    await server.kill()
    await pause(between(random, 0, 500))
    await server.restart()
  },
  'kill -9 of one of its processes, which ends all of them': async (
    server: PrivateServer,
    random: Random,
  ) => {
    const rows = await adminQuery<{ pid: number }>(
      `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      'postgres',
      server,
    )
    if (rows.length === 0) return
    const before = await checkpointerOf(server)
    signal(pick(random, rows).pid, 'SIGKILL')
    // Until the server has seen it, it still answers.
    await until(async () => (await checkpointerOf(server)) !== before, { what: 'the server to be back' })
  },
  'a clean restart': (server: PrivateServer) => server.restart(),
} as const

async function isRunning(fleet: Fleet, rolloutId: string): Promise<boolean> {
  const [row] = await fleet.app.control.query<{ state: string }>(
    'select state from tenantry.rollouts where id = $1',
    [rolloutId],
  )
  return row?.state === 'running'
}

faultTest(
  'a server that crashes again and again loses no change that was reported',
  async ({ random, after, startFleet }) => {
    const server = await startPrivateServer({ settings: SLOW_WAL })
    after(server.remove)
    const fleet = await startFleet({ ...MIXED, servers: [server] })
    await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const names = Object.keys(CRASHES) as (keyof typeof CRASHES)[]
    for (const first of names) {
      const { id } = await fleet.rollout({
        version: await addSlowVersion(fleet, 0.05),
        options: { maxConnections: 4 },
      })
      await inTheMiddle(fleet, id, 0)
      await CRASHES[first](server, random)
      for (let more = 0; more < 2 && (await isRunning(fleet, id)); more += 1) {
        await pause(between(random, 50, 700))
        await CRASHES[pick(random, names)](server, random)
      }
      const { progress } = await fleet.waitFor(id, 'completed', 40_000)
      expect(progress).toMatchObject({ successful: SIZE, failed: 0, already: 0 })
      // One more crash: what is reported done must be on disk.
      await server.kill()
      await server.restart()
      await fleet.expectConsistent(id)
    }
  },
)

faultTest(
  'a server that is a replica for a while gets no change meanwhile, and all afterwards',
  async ({ after, startFleet }) => {
    const server = await startPrivateServer({ settings: { max_connections: '60' } })
    after(server.remove)
    const fleet = await startFleet({ ...MIXED, servers: [server] })
    await fleet.startWorker()
    const { id } = await fleet.rollout({
      version: await addSlowVersion(fleet, 0.2),
      options: { maxConnections: 4 },
    })
    await inTheMiddle(fleet, id)
    await server.stop()
    const standby = path.join(server.dataDir, 'standby.signal')
    await writeFile(standby, '')
    await server.restart()
    const [lane] = await until(
      async () => {
        const { servers } = await fleet.waitFor(id, 'running')
        return servers[0]?.state === 'down' && /replica/.test(servers[0].reason ?? '') && servers
      },
      { what: 'the lane to be down because the server is a replica', timeoutMs: 20_000 },
    )
    expect(lane).toMatchObject({ state: 'down' })
    await fleet.expectConsistent(id)
    await adminQuery('select pg_promote()', 'postgres', server)
    await rm(standby, { force: true })
    const { progress } = await fleet.waitFor(id, 'completed', 30_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0 })
    await fleet.expectConsistent(id)
  },
)

async function hog(
  server: PrivateServer,
  user: string,
  password: string,
  count: number,
): Promise<pg.Client[]> {
  const clients = Array.from(
    { length: count },
    () => new pg.Client({ host: server.host, port: server.port, user, password, database: 'postgres' }),
  )
  for (const client of clients) client.on('error', toldAlready)
  await Promise.all(clients.map((client) => client.connect()))
  return clients
}

async function release(clients: pg.Client[]): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.end()))
}

faultTest(
  'a server whose connections are taken makes the rollout slower, and no tenant fails',
  async ({ after, startFleet }) => {
    const server = await startPrivateServer({
      settings: { max_connections: '24', superuser_reserved_connections: '8' },
    })
    after(server.remove)
    const fleet = await startFleet({ ...MIXED, servers: [server] })
    await fleet.startWorker()
    const { user, password } = fleet.servers[0]?.migrator ?? { user: '', password: '' }
    const hogs = await hog(server, user, password, 14)
    after(() => release(hogs))
    const { id } = await fleet.rollout({ version: await addSlowVersion(fleet, 0.2) })
    await until(
      async () => {
        const [row] = await fleet.app.control.query<{ refused: number }>(
          `select count(*) as refused from tenantry.rollout_targets where rollout_id = $1 and sqlstate = '53300'`,
          [id],
        )
        return (row?.refused ?? 0) > 0
      },
      { what: 'a tenant to be refused' },
    )
    await inTheMiddle(fleet, id, 2)
    await release(hogs)
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: SIZE, failed: 0, retries: 0 })
    await fleet.expectConsistent(id)
  },
)

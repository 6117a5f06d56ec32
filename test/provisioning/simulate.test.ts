/** Simulated tenants on a server of their own: made in parallel, made once, removed by their own mark only. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Operation } from '../../src/control/operations/operation.ts'
import { getOperation, hasEnded } from '../../src/control/operations/read.ts'
import { enqueueOperation } from '../../src/control/operations/store.ts'
import { checkSimulate } from '../../src/provisioning/simulate.ts'
import { countTenants, getTenant, listTenants, registerTenants } from '../../src/registry/tenants.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { FAST_NOT_DURABLE } from '../support/global-setup.ts'
import { adminQuery } from '../support/postgres.ts'
import { startPrivateServer, type PrivateServer } from '../support/private-servers.ts'
import { until } from '../support/wait.ts'

let server: PrivateServer
let fleet: Fleet

beforeAll(async () => {
  server = await startPrivateServer({ settings: FAST_NOT_DURABLE })
  fleet = await startFleet({ tenants: 1, servers: [server] })
})
afterAll(async () => {
  for (const name of [...(await databases('%\\_%')), 'tenantry_template']) {
    await adminQuery(`drop database if exists ${name} with (force)`, 'postgres', server)
  }
  await fleet.close()
  await server.remove()
})

async function enqueue(kind: string, input: Record<string, unknown>): Promise<string> {
  return (await enqueueOperation(fleet.app.control, { kind, input, createdBy: 'test' })).id
}

function ended(id: string): Promise<Operation> {
  return until(
    async () => {
      const operation = await getOperation(fleet.app.control, id)
      return hasEnded(operation) && operation
    },
    { what: 'the operation to end', timeoutMs: 40_000 },
  )
}

async function simulate(input: Record<string, unknown>): Promise<Operation> {
  return ended(await enqueue('simulate', { server: 'pg-1', startId: 1, ...input }))
}

async function databases(like: string): Promise<string[]> {
  const rows = await adminQuery<{ datname: string }>(
    `select datname from pg_database where datname like '${like}' order by datname`,
    'postgres',
    server,
  )
  return rows.map((row) => row.datname)
}

test('two at once, each with its databases, labels and rows; a rollout reaches them', async () => {
  const worker = await fleet.startWorker()
  const [one, two] = await Promise.all([
    simulate({ count: 6, prefix: 'one_' }),
    simulate({ count: 5, prefix: 'two_', startId: 10 }),
  ])
  expect([one, two]).toMatchObject([
    { state: 'succeeded', result: { created: 6 } },
    { state: 'succeeded', result: { created: 5 } },
  ])
  expect(await databases('two\\_%')).toEqual(['two_10', 'two_11', 'two_12', 'two_13', 'two_14'])
  expect(await countTenants(fleet.app.control, 'simulated:true')).toBe(11)
  const customers = await adminQuery('select from customers', 'one_1', server)
  expect(customers.length).toBeGreaterThan(10)
  const version = await fleet.addVersion({ upgrade: 'alter table customers add column more integer' })
  const { id } = await fleet.rollout({ version, selector: 'simulated:true' })
  expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 11 })
  await worker.drain()
})

test('names that are taken are refused before anything is made', async () => {
  const worker = await fleet.startWorker()
  const refused = await simulate({ count: 10, prefix: 'one_', startId: 4 })
  expect(refused).toMatchObject({
    state: 'failed',
    error: { code: 'conflict', message: expect.stringContaining('one_4, one_5, one_6') as string },
  })
  expect(await databases('one\\_%')).toHaveLength(6)
  expect(await simulate({ count: 1, prefix: 'x_', templateDb: 'nothing' })).toMatchObject({
    state: 'failed',
    error: { code: 'not_found' },
  })
  await worker.drain()
})

test('a worker that is killed half way leaves nothing twice: the next one goes on', async () => {
  const killed = await fleet.spawnWorker()
  const id = await enqueue('simulate', { server: 'pg-1', count: 60, prefix: 'kill_', startId: 1 })
  await until(async () => (await databases('kill\\_%')).length > 15, { what: 'a part of the databases' })
  await killed.kill()
  const worker = await fleet.startWorker()
  expect(await ended(id)).toMatchObject({ state: 'succeeded', result: { created: 60 } })
  expect(await databases('kill\\_%')).toHaveLength(60)
  expect(await countTenants(fleet.app.control, 'name:kill_%')).toBe(60)
  await worker.drain()
}, 60_000)

test('cleanup removes what simulate made, by its mark, and nothing else', async () => {
  const worker = await fleet.startWorker()
  const { control } = fleet.app
  await adminQuery('create database one_by_hand', 'postgres', server)
  await registerTenants(control, [{ name: 'by hand', server: 'pg-1', database: 'one_by_hand' }])
  await adminQuery(`comment on database one_2 is 'somebody else uses it now'`, 'postgres', server)
  await adminQuery('drop database one_3', 'postgres', server)
  const cleaned = await ended(await enqueue('simulate-cleanup', { prefix: 'one_' }))
  expect(cleaned).toMatchObject({ state: 'succeeded', result: { removed: 5, kept: ['one_2'] } })
  expect(await databases('one\\_%')).toEqual(['one_2', 'one_by_hand'])
  expect(
    (await listTenants(control, { selector: 'name:one_%', limit: 10 })).map((tenant) => tenant.name),
  ).toEqual(['one_2'])
  expect(await getTenant(control, 'by hand')).toMatchObject({ state: 'active' })
  expect(await countTenants(control, 'name:two_%')).toBe(5)
  // What a rollout remembers stays as a retired tenant, and its name is free again.
  expect(await simulate({ count: 1, prefix: 'one_' })).toMatchObject({ state: 'succeeded' })
  expect(await ended(await enqueue('simulate-cleanup', { prefix: 'one_' }))).toMatchObject({
    result: { removed: 1, kept: ['one_2'] },
  })
  await worker.drain()
})

test.each([
  ['Big_', 1],
  ['1_', 1],
  ['', 1],
  ['a-b', 1],
  ['x'.repeat(39), 100],
  ['a"; drop database postgres; --', 1],
])('the prefix %j is refused', (prefix, count) => {
  expect(() => checkSimulate({ prefix, count, startId: 1 })).toThrow(
    expect.objectContaining({ code: 'invalid_input' }) as Error,
  )
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { isRunning } from '../../src/engine/processes.ts'
import { columnOf, startFleet, type Fleet } from './fleet.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ tenants: 3, schemas: ['one', 'two'] })
})
afterAll(() => fleet.close())

test('a worker process carries a rollout out, drains, and another is killed', async () => {
  const [drained, killed] = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
  const version = await fleet.addColumn()
  const rollout = await fleet.rollout({ version })
  const { progress } = await fleet.waitFor(rollout.id, 'completed')
  expect(progress).toMatchObject({ total: 5, successful: 5 })
  await fleet.expectConsistent(rollout.id)
  expect(await fleet.columnsOf(fleet.tenant(4))).toEqual(['id', 'name', columnOf(version)])
  expect(await drained.stop()).toBe(0)
  await killed.kill()
  expect(await isRunning(killed.pid)).toBe(false)
})

test('every kind of contradiction is found', async () => {
  const worker = await fleet.startWorker()
  const version = await fleet.addColumn()
  const { id } = await fleet.rollout({ version })
  await fleet.waitFor(id, 'completed')
  await worker.drain()
  const found = (): Promise<string> => fleet.expectConsistent(id).then(() => 'nothing', String)
  const target = (state: string, outcome: string): Promise<unknown> =>
    fleet.app.control.query(
      `update tenantry.rollout_targets set state = $2, outcome = $3 where rollout_id = $1 and position = 1`,
      [id, state, outcome],
    )

  await target('failed', '')
  expect(await found()).toMatch(
    /says succeeded 5, the targets say 4[^]*failed, but the ledger has everything/,
  )
  await target('pending', '')
  expect(await found()).toContain('still open in a completed rollout')
  await target('succeeded', 'already_applied')
  expect(await found()).toContain('the ledger has 1 rows of this rollout')
  await target('succeeded', 'applied')

  await fleet.app.control.query('update tenantry.rollouts set total = 9 where id = $1', [id])
  expect(await found()).toContain('the status says total 9, the targets say 5')
  await fleet.app.control.query('update tenantry.rollouts set total = 5 where id = $1', [id])
  expect(await found()).toBe('nothing')

  await fleet.sql(fleet.tenant(3), `delete from tenantry.ledger where version_id = '${version}'`)
  expect(await found()).toMatch(/is in the schema, not in the ledger[^]*a version is missing in the ledger/)
  await fleet.sql(fleet.tenant(0), `alter table items drop column ${columnOf(version)}`)
  expect(await found()).toContain('is in the ledger, not in the schema')
})

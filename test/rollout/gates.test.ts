/** Few tenants before many, on real databases: sizes, selectors, gates. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { labelTenant, retireTenant } from '../../src/registry/tenants.ts'
import { approveRollout, pauseRollout, resumeRollout, retryFailed } from '../../src/rollout/commands.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { failingOn } from '../support/fleet-versions.ts'
import { until } from '../support/wait.ts'

let fleet: Fleet
const by = { actor: 'tester' }
const ONE_THEN_REST = [{ size: '1' }, { size: 'rest' }]

beforeAll(async () => {
  fleet = await startFleet({ tenants: 10 })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

async function eventsOf(id: string): Promise<string[]> {
  const rows = await fleet.app.control.query<{ type: string }>(
    `select type from tenantry.operation_events where operation_id = $1 order by seq`,
    [id],
  )
  return rows.map((row) => row.type)
}

async function operationState(id: string): Promise<string | undefined> {
  const [row] = await fleet.app.control.query<{ state: string }>(
    'select state from tenantry.operations where id = $1',
    [id],
  )
  return row?.state
}

describe('waves', () => {
  test('numbers, percentages of all, rest; waves that take none are left out; in the order of names', async () => {
    const version = await fleet.addColumn()
    const status = await fleet.complete({
      version,
      waves: [{ size: '2' }, { size: '25%' }, { size: '50%' }, { size: '100%' }, { size: 'rest' }],
    })
    expect(status.waves.map(({ name, total, state }) => [name, total, state])).toEqual([
      ['2', 2, 'passed'],
      ['25%', 3, 'passed'],
      ['50%', 5, 'passed'],
    ])
    const targets = await fleet.targets(status.rollout.id)
    expect(targets.map((target) => target.tenant)).toEqual(fleet.tenants.map((tenant) => tenant.name))
    expect(targets.map((target) => target.wave)).toEqual([1, 1, 2, 2, 2, 3, 3, 3, 3, 3])
  })

  test('no tenant of a wave begins before the wave before it has finished', async () => {
    const { rollout } = await fleet.complete({
      version: await fleet.addColumn(),
      waves: [{ size: '3' }, { size: '3' }, { size: 'rest' }],
    })
    const applied: number[][] = [[], [], [], []]
    for (const target of await fleet.targets(rollout.id)) {
      const tenant = fleet.tenants.find((one) => one.name === target.tenant) ?? fleet.tenant(0)
      const [row] = await fleet.sql<{ at: Date }>(
        tenant,
        `select applied_at as at from tenantry.ledger where rollout_id = '${rollout.id}'`,
      )
      applied[target.wave]?.push(row?.at.getTime() ?? 0)
    }
    const [, first = [], second = [], third = []] = applied
    expect(Math.max(...first)).toBeLessThan(Math.min(...second))
    expect(Math.max(...second)).toBeLessThan(Math.min(...third))
  })

  test('a random order is another one, and the same for the same tenants', async () => {
    const order = async (): Promise<string[]> => {
      const { id } = await fleet.rollout({ version: await fleet.addColumn(), order: 'random', dryRun: true })
      await fleet.waitFor(id, 'completed')
      return (await fleet.targets(id)).map((target) => target.tenant)
    }
    const first = await order()
    expect(await order()).toEqual(first)
    expect(first).not.toEqual(first.toSorted())
    expect(first.toSorted()).toEqual(fleet.tenants.map((tenant) => tenant.name))
  })

  test('by selector: only its tenants, as many as asked for', async () => {
    for (const index of [4, 5, 6])
      await labelTenant(fleet.app.control, fleet.tenant(index).name, { plan: 'free' })
    const status = await fleet.complete({
      version: await fleet.addColumn(),
      waves: [
        { size: '2', selector: 'plan:free', name: 'canary' },
        { size: '3', selector: 'plan:none' },
        { size: 'rest' },
      ],
    })
    expect(status.waves.map(({ name, total }) => [name, total])).toEqual([
      ['canary', 2],
      ['rest', 8],
    ])
    const canaries = (await fleet.targets(status.rollout.id)).filter((target) => target.wave === 1)
    expect(canaries.map((target) => target.tenant)).toEqual([fleet.tenant(4).name, fleet.tenant(5).name])
  })

  test('a wave whose selector is nonsense is refused, and nothing is left of the rollout', async () => {
    const version = await fleet.addColumn()
    const before = await fleet.app.control.query('select count(*) from tenantry.operations')
    const waves = [{ size: '1', selector: 'nonsense' }, { size: 'rest' }]
    await expect(fleet.rollout({ version, waves })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('The selector term "nonsense"') as string,
    })
    expect(await fleet.app.control.query('select count(*) from tenantry.operations')).toEqual(before)
  })

  test('a selection by state reaches what it names, in all waves', async () => {
    const { name } = fleet.tenant(9)
    await retireTenant(fleet.app.control, name)
    const all = await fleet.complete({ version: await fleet.addColumn() })
    expect(all.progress.total).toBe(9)
    const version = await fleet.addColumn()
    const retired = await fleet.complete({ version, selector: 'state:retired', waves: ONE_THEN_REST })
    expect(retired.progress).toMatchObject({ total: 1, completed: 1, successful: 1 })
    await fleet.app.control.query(`update tenantry.tenants set state = 'active' where name = $1`, [name])
  })
})

describe('gates', () => {
  test('a canary that fails pauses the rollout before wave 2; healed and retried it goes on', async () => {
    const { version, heal } = await failingOn(fleet, [fleet.tenant(0)])
    const { id } = await fleet.rollout({
      version,
      waves: ONE_THEN_REST,
      options: { errorThresholdPercent: 10 },
    })
    const paused = await fleet.waitFor(id, 'paused')
    expect(paused.rollout.reason).toBe(
      '1 of 1 tenants failed in wave 1 (1 tenant) (100.0 %, the limit is 10 %)',
    )
    expect(paused.progress).toMatchObject({ completed: 1, failed: 1 })
    expect(paused.waves.map((wave) => wave.state)).toEqual(['running', 'pending'])
    await fleet.expectConsistent(id)
    await heal()
    await retryFailed(fleet.app.control, id, by)
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 10, failed: 0 })
    await fleet.expectConsistent(id)
  })

  test('resumed instead, the failed canary stays failed and the others follow', async () => {
    const { version } = await failingOn(fleet, [fleet.tenant(0)])
    const { id } = await fleet.rollout({
      version,
      waves: ONE_THEN_REST,
      options: { errorThresholdPercent: 20 },
    })
    await fleet.waitFor(id, 'paused')
    await resumeRollout(fleet.app.control, id, by)
    const done = await fleet.waitFor(id, 'completed')
    expect(done.progress).toMatchObject({ successful: 9, failed: 1 })
    await fleet.expectConsistent(id)
  })

  test('an approval is waited for, however long; the approver is kept', async () => {
    const { id } = await fleet.rollout({
      version: await fleet.addColumn(),
      waves: [{ size: '2', approval: true }, { size: '3' }, { size: 'rest' }],
    })
    const waiting = await fleet.waitFor(id, 'awaiting_approval')
    expect(waiting.progress).toMatchObject({ completed: 2 })
    expect(waiting.rollout.reason).toContain('waits for an approval')
    await until(async () => (await operationState(id)) === 'waiting', { what: 'the controller to let go' })
    await fleet.expectConsistent(id)
    await expect(resumeRollout(fleet.app.control, id, by)).rejects.toMatchObject({ code: 'conflict' })
    await approveRollout(fleet.app.control, id, { actor: 'anna' })
    const done = await fleet.waitFor(id, 'completed')
    expect(done.waves.map((wave) => wave.approvedBy)).toEqual(['anna', null, null])
    expect(done.progress).toMatchObject({ successful: 10 })
    await expect(approveRollout(fleet.app.control, id, by)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('a soak time passes between two waves', async () => {
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, waves: [{ size: '1', soakSeconds: 1 }, { size: 'rest' }] })
    await fleet.waitFor(id, 'completed')
    const [gap] = await fleet.app.control.query<{ ms: string }>(
      `select extract(epoch from min(finished_at) filter (where wave = 2) - max(finished_at) filter (where wave = 1)) * 1000 as ms
       from tenantry.rollout_targets where rollout_id = $1`,
      [id],
    )
    expect(Number(gap?.ms)).toBeGreaterThan(1000)
    expect(await eventsOf(id)).toContain('rollout.soaking')
  })

  test('a pause during the soak time does not open the gate behind it', async () => {
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '1', soakSeconds: 1, approval: true }, { size: 'rest' }],
    })
    await until(async () => (await eventsOf(id)).includes('rollout.soaking'), {
      what: 'the soak time to begin',
    })
    await pauseRollout(fleet.app.control, id, by)
    await resumeRollout(fleet.app.control, id, by)
    const waiting = await fleet.waitFor(id, ['awaiting_approval', 'completed'])
    expect(waiting.rollout.state).toBe('awaiting_approval')
    await approveRollout(fleet.app.control, id, by)
    await fleet.waitFor(id, 'completed')
  })

  test('a wave resumed in spite of its errors still waits for its approval', async () => {
    const { version } = await failingOn(fleet, [fleet.tenant(0)])
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '1', approval: true }, { size: 'rest' }],
      options: { errorThresholdPercent: 20 },
    })
    await fleet.waitFor(id, 'paused')
    await resumeRollout(fleet.app.control, id, by)
    const waiting = await fleet.waitFor(id, ['awaiting_approval', 'completed'])
    expect(waiting.rollout.state).toBe('awaiting_approval')
    await approveRollout(fleet.app.control, id, by)
    await fleet.waitFor(id, 'completed')
  })
})

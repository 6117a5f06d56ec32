/** The status of a rollout: one moment, whatever goes on meanwhile. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rolloutStatus, type RolloutStatus } from '../../src/rollout/status.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({
    tenants: 6,
    schemas: Array.from({ length: 30 }, (_, index) => `s${String(index + 1).padStart(2, '0')}`),
  })
  for (const index of [1, 7, 13, 19]) {
    await fleet.sql(fleet.tenant(index), 'alter table items drop column name')
  }
  await fleet.startWorker()
})
afterAll(() => fleet.close())

/** What the parts say of the same numbers. */
function contradictionsIn({ progress, waves, servers, errorGroups }: RolloutStatus): unknown[] {
  const { total, completed, successful, failed, skipped, inFlight } = progress
  const numbers = { total, successful, failed, skipped }
  const sums = [waves, servers].map((rows) => ({
    total: rows.reduce((sum, row) => sum + row.total, 0),
    successful: rows.reduce((sum, row) => sum + row.successful, 0),
    failed: rows.reduce((sum, row) => sum + row.failed, 0),
    skipped: rows.reduce((sum, row) => sum + row.skipped, 0),
  }))
  const grouped = errorGroups.reduce((sum, group) => sum + group.count, 0)
  return [
    ...sums.filter((sum) => JSON.stringify(sum) !== JSON.stringify(numbers)),
    ...(successful + failed + skipped === completed && completed + inFlight <= total ? [] : [progress]),
    ...(grouped === failed ? [] : [{ failed, grouped }]),
  ]
}

test('read all the time while a rollout goes on, its parts never contradict each other', async () => {
  const version = await fleet.addVersion({
    upgrade: 'alter table items alter column name set default 1; select pg_sleep(0.02)',
  })
  const { id } = await fleet.rollout({
    version,
    waves: [{ size: '5' }, { size: '10' }, { size: 'rest' }],
    options: { maxConnections: 4, maxRetries: 0 },
  })
  const seen = new Set<number>()
  let status: RolloutStatus
  do {
    status = await rolloutStatus(fleet.app.control, id)
    expect(contradictionsIn(status)).toEqual([])
    seen.add(status.progress.completed)
  } while (status.rollout.state === 'running')
  expect(status.rollout.state).toBe('completed')
  expect(status.progress).toMatchObject({ successful: 32, failed: 4, total: 36 })
  expect(status.errorGroups).toMatchObject([
    {
      sqlstate: '42703',
      count: 4,
      tenants: [1, 7, 13, 19].map((index) => fleet.tenant(index).name).toSorted(),
    },
  ])
  expect(seen.size).toBeGreaterThan(2)
})

test('it is one statement, so nothing can change between its parts', async () => {
  const { rollout } = await fleet.complete({ version: await fleet.addColumn() })
  const statements: string[] = []
  const { control } = fleet.app
  const counting = {
    query: <Row extends Record<string, unknown>>(text: string, values?: readonly unknown[]) => {
      statements.push(text)
      return control.query<Row>(text, values)
    },
  }
  const status = await rolloutStatus(counting, rollout.id)
  expect(statements).toHaveLength(1)
  expect(contradictionsIn(status)).toEqual([])
  expect(status.latencyMs.p50).toBeGreaterThan(0)
})

/** Drift on real tenants: found, grouped, ignored, repaired; and a selection brought to a snapshot. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Operation } from '../../src/control/operations/operation.ts'
import {
  countFindings,
  ignoreDifference,
  listFindings,
  listGroups,
  watchDifference,
} from '../../src/schema/drift/findings.ts'
import { startRepair } from '../../src/rollout/repair.ts'
import { getRollout } from '../../src/rollout/rollout.ts'
import { startUndo } from '../../src/rollout/start.ts'
import { carriedOut, keepAsExpected, REPAIR_OPTIONS } from '../support/drift.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { until } from '../support/wait.ts'

const SCHEMAS = ['alpha', 'beta', 'gamma']
let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({ tenants: 6, schemas: SCHEMAS })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

const run = (kind: string, input: Record<string, unknown>): Promise<Operation> =>
  carriedOut(fleet.app.control, kind, input)
const expectedFrom = (index: number): Promise<string> => keepAsExpected(fleet.app, fleet.tenant(index))

const selector = (): string =>
  `name:${fleet.tenants
    .slice(0, 6)
    .map((tenant) => tenant.name)
    .join(',')}`

test('tenants that are alike are in sync; those that differ in one way are one group, in sentences', async () => {
  const expected = await expectedFrom(0)
  const all = await run('drift-scan', { selector: selector(), expected })
  expect(all.result).toMatchObject({ in_sync: 6, different: 0, unreachable: 0 })

  for (const index of [1, 2]) await fleet.sql(fleet.tenant(index), 'alter table items add column note text')
  await fleet.sql(fleet.tenant(3), 'alter table items alter column name drop not null')
  const scan = await run('drift-scan', { selector: selector(), expected })
  expect(scan.result).toMatchObject({ in_sync: 3, different: 3 })
  const groups = await listGroups(fleet.app.control, selector(), scan.id)
  expect(groups.map(({ tenants, summary }) => [tenants, summary])).toEqual([
    [2, ['has column public.items.note, which is not expected']],
    [1, [expect.stringContaining('column public.items.name: not null is none, expected true')]],
  ])
})

test('tenants that nobody wrote to are not connected to again, unless that is asked for', async () => {
  const expected = await expectedFrom(0)
  const scan = async (more = {}): Promise<Operation> =>
    run('drift-scan', { selector: selector(), expected, ...more })
  const first = (await scan()).result
  const all = await until(
    async () => {
      const operation = await scan()
      return operation.result?.['unwritten'] === 6 && operation
    },
    { what: 'all to be left alone' },
  )
  expect(all.result).toEqual({ ...first, unwritten: 6 })
  const seen = await listFindings(fleet.app.control, { selector: selector(), limit: 10 })
  expect(seen.every((one) => one.looked_at < one.checked_at)).toBe(true)

  await fleet.sql(fleet.tenant(4), 'alter table items add column extra text')
  expect((await scan()).result).toMatchObject({ in_sync: 2, different: 4, unwritten: expect.any(Number) })
  const after = await listFindings(fleet.app.control, { selector: selector(), limit: 10 })
  const touched = after.find(({ tenant }) => tenant === fleet.tenant(4).name)
  expect(touched?.looked_at).toEqual(touched?.checked_at)
  await fleet.sql(fleet.tenant(4), 'alter table items drop column extra')

  expect((await scan({ full: true })).result).toEqual({ ...first, unwritten: 0 })
})

test('a tenant that cannot be reached is told with the reason, and keeps nobody waiting', async () => {
  const gone = fleet.tenant(5)
  await fleet.sql(fleet.tenant(0), `alter database "${gone.database}" rename to "${gone.database}_away"`)
  const scan = await run('drift-scan', { selector: selector() })
  expect(scan.result).toMatchObject({ unreachable: 1, no_expectation: 5 })
  const [finding] = await listFindings(fleet.app.control, {
    selector: selector(),
    state: 'unreachable',
    limit: 10,
  })
  expect(finding).toMatchObject({ tenant: gone.name, error: expect.stringContaining('does not exist') })
  await fleet.sql(fleet.tenant(0), `alter database "${gone.database}_away" rename to "${gone.database}"`)
})

test('what is ignored is told as such, until it is not', async () => {
  const expected = await expectedFrom(0)
  await run('drift-scan', { selector: selector(), expected })
  const [group] = await listGroups(fleet.app.control, selector())
  const key = group?.key ?? ''
  await ignoreDifference(fleet.app.control, { key, reason: 'they asked for it', createdBy: 'test' })
  expect(await countFindings(fleet.app.control, selector())).toMatchObject({ different: 3, ignored: 2 })
  expect(await watchDifference(fleet.app.control, key)).toBe(1)
  expect(await countFindings(fleet.app.control, selector())).toMatchObject({ different: 3, ignored: 0 })
})

test('a repair needs leave for what it loses, is proved, and reaches just the tenants that differ', async () => {
  const expected = await expectedFrom(0)
  await run('drift-scan', { selector: selector(), expected })
  const [extra] = await listGroups(fleet.app.control, selector())
  const request = (allow: readonly 'data-loss'[]) => ({
    key: extra?.key ?? '',
    allow,
    rollout: {
      dryRun: false,
      waves: [{ size: 'rest' }],
      options: { ...REPAIR_OPTIONS, selector: `drift:${extra?.key ?? ''}` },
      createdBy: 'test',
    },
  })
  await expect(startRepair(fleet.app, request([]))).rejects.toThrow(/--allow|data-loss/u)
  const rollout = await startRepair(fleet.app, request(['data-loss']))
  expect(rollout.total).toBe(2)
  await fleet.waitFor(rollout.id, 'completed')
  expect(await countFindings(fleet.app.control, selector())).toMatchObject({ different: 1, repaired: 2 })
  const [left] = await listGroups(fleet.app.control, selector())
  expect(left?.key).not.toBe(extra?.key)
  // Taken back, they differ as before; mended once more, they do not.
  const undo = await startUndo(fleet.app.control, await getRollout(fleet.app.control, rollout.id), {
    ...request([]).rollout,
    options: { ...REPAIR_OPTIONS, selector: '' },
  })
  await fleet.waitFor(undo.id, 'completed')
  expect(await countFindings(fleet.app.control, selector())).toMatchObject({ different: 3, repaired: 0 })
  const onceMore = await startRepair(fleet.app, request(['data-loss']))
  await fleet.waitFor(onceMore.id, 'completed')
  const after = await run('drift-scan', { selector: selector(), expected })
  expect(after.result).toMatchObject({ in_sync: 5, different: 1, repaired: 0 })
  // It differs as it did, since the scan that found it.
  expect(await listGroups(fleet.app.control, selector())).toEqual([left])
})

test('a tenant whose schema has changed since it was planned for is left alone', async () => {
  const expected = await expectedFrom(0)
  await run('drift-scan', { selector: selector(), expected })
  const [group] = await listGroups(fleet.app.control, selector())
  await fleet.sql(fleet.tenant(3), 'create table unforeseen (x integer)')
  const rollout = await startRepair(fleet.app, {
    key: group?.key ?? '',
    allow: ['table-rewrite', 'long-lock'],
    rollout: {
      dryRun: false,
      waves: [{ size: 'rest' }],
      options: { ...REPAIR_OPTIONS, selector: `drift:${group?.key ?? ''}` },
      createdBy: 'test',
    },
  })
  const status = await fleet.waitFor(rollout.id, ['completed', 'paused'])
  expect(status.errorGroups).toMatchObject([{ sqlstate: 'TN010' }])
  expect(await fleet.columnsOf(fleet.tenant(3), 'unforeseen')).toEqual(['x'])
})

test('sync brings all that differ to the snapshot, each way to differ with a rollout of its own', async () => {
  const expected = await expectedFrom(0)
  await fleet.sql(fleet.tenant(4), 'create index items_name on items (name)')
  const sync = await run('schema-sync', {
    selector: selector(),
    expected,
    allow: ['data-loss'],
    waves: [{ size: 'rest' }],
    options: { ...REPAIR_OPTIONS, selector: selector() },
  })
  const { groups } = sync.result as unknown as { groups: { rollout?: string; refused?: string }[] }
  expect(groups).toHaveLength(2)
  for (const { rollout, refused } of groups) {
    expect(refused).toBeUndefined()
    await fleet.waitFor(rollout ?? '', 'completed')
  }
  const after = await run('drift-scan', { selector: selector(), expected })
  expect(after.result).toMatchObject({ in_sync: 6, different: 0 })
})

test('tenants that are schemas are alike whatever they are called, and are repaired each in its own', async () => {
  const schemas = `name:${fleet.tenants
    .slice(6)
    .map((tenant) => tenant.name)
    .join(',')}`
  const first = await run('drift-scan', { selector: schemas })
  expect(first.result).toMatchObject({ no_expectation: 3 })
  const rows = await fleet.app.control.query<{ schema_fingerprint: string }>(
    `select distinct schema_fingerprint from tenantry.drift_findings where operation_id = $1`,
    [first.id],
  )
  expect(rows).toHaveLength(1)
  await fleet.sql(fleet.tenant(7), 'alter table items add column note text')
  const sync = await run('schema-sync', {
    selector: schemas,
    expected: rows[0]?.schema_fingerprint,
    allow: ['data-loss'],
    waves: [{ size: 'rest' }],
    options: { ...REPAIR_OPTIONS, selector: schemas },
  })
  const { groups } = sync.result as unknown as { groups: { rollout?: string; refused?: string }[] }
  expect(groups.map(({ refused }) => refused)).toEqual([undefined])
  await fleet.waitFor(groups[0]?.rollout ?? '', 'completed')
  expect(await fleet.columnsOf(fleet.tenant(7))).toEqual(['id', 'name'])
  expect(await fleet.columnsOf(fleet.tenant(6))).toEqual(['id', 'name'])
})

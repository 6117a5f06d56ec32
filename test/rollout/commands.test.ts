/** What a person does to a rollout, and that the counters are right at once. */
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { requestCancel } from '../../src/control/operations/store.ts'
import {
  pauseRollout,
  resumeRollout,
  retryFailed,
  skipRolloutTargets,
  stopRollout,
} from '../../src/rollout/commands.ts'
import { getRollout, type Rollout } from '../../src/rollout/rollout.ts'
import { startUndo } from '../../src/rollout/start.ts'
import { rolloutStatus } from '../../src/rollout/status.ts'
import type { Worker } from '../../src/worker/worker.ts'
import { columnOf, startFleet, type Fleet } from '../support/fleet.ts'
import { failingOn } from '../support/fleet-versions.ts'
import { holdLock } from '../support/locks.ts'
import { until } from '../support/wait.ts'

let fleet: Fleet
let worker: Worker
const by = { actor: 'tester' }

beforeAll(async () => {
  fleet = await startFleet({ tenants: 8 })
})
afterAll(() => fleet.close())
beforeEach(async () => {
  worker = await fleet.startWorker()
})
afterEach(() => worker.drain())

async function undo(original: string, dryRun = false): Promise<Rollout> {
  const rollout = await getRollout(fleet.app.control, original)
  return startUndo(fleet.app.control, rollout, {
    dryRun,
    waves: [{ size: 'rest' }],
    createdBy: 'test',
    options: rollout.options,
  })
}

async function progress(id: string) {
  return (await rolloutStatus(fleet.app.control, id)).progress
}

describe('pause and resume', () => {
  test('nothing begins while it is paused; what was claimed and not begun is given back', async () => {
    const version = await fleet.addColumn()
    // One connection, and its tenant waits for a lock: the others are claimed and wait behind it.
    const lock = await holdLock(fleet, fleet.tenant(0), 'items')
    const { id } = await fleet.rollout({ version, options: { maxConnections: 1, lockTimeout: '5s' } })
    await lock.waitedFor()
    await pauseRollout(fleet.app.control, id, { actor: 'anna', reason: 'lunch' })
    expect((await getRollout(fleet.app.control, id)).reason).toBe('lunch')
    await until(async () => (await progress(id)).inFlight === 1, { what: 'the queue to be given back' })
    await lock.release()
    const paused = await fleet.waitFor(id, 'paused')
    expect(paused.progress).toMatchObject({ completed: 1, successful: 1 })
    await fleet.expectConsistent(id)
    expect(await fleet.columnsOf(fleet.tenant(5))).not.toContain(columnOf(version))
    await resumeRollout(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 8 })
    await fleet.expectConsistent(id)
  })

  test('only a running one can be paused, only a paused one resumed', async () => {
    const { rollout } = await fleet.complete({ version: await fleet.addColumn() })
    for (const command of [pauseRollout, resumeRollout, stopRollout]) {
      await expect(command(fleet.app.control, rollout.id, by)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(`Rollout ${rollout.id} is completed`) as string,
      })
    }
  })
})

describe('stop', () => {
  test('what was not begun is skipped, also what a worker had claimed; what is in hand finishes', async () => {
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, fleet.tenant(0), 'items')
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '4' }, { size: 'rest' }],
      options: { maxConnections: 1, lockTimeout: '5s' },
    })
    await lock.waitedFor()
    await stopRollout(fleet.app.control, id, { actor: 'anna' })
    await until(async () => (await progress(id)).inFlight === 1, { what: 'the queue to be given back' })
    await lock.release()
    await fleet.waitFor(id, 'stopped')
    await until(async () => (await progress(id)).completed === 8, { what: 'everything to be accounted for' })
    expect(await progress(id)).toMatchObject({ successful: 1, skipped: 7, failed: 0 })
    const { waves } = await rolloutStatus(fleet.app.control, id)
    expect(waves.map(({ state }) => state)).toEqual(['stopped', 'not_begun'])
    const [row] = await fleet.app.control.query<{ error: string }>(
      `select distinct error from tenantry.rollout_targets where rollout_id = $1 and state = 'skipped'`,
      [id],
    )
    expect(row?.error).toBe('Stopped by anna.')
    await until(async () => (await operation(id)).state === 'cancelled', { what: 'the operation to end' })
    expect((await operation(id)).result).toEqual({ total: 8, successful: 1, failed: 0, skipped: 7 })
    await fleet.expectConsistent(id)
  })

  test('a try that had changed the tenant before its answer was lost counts as applied', async () => {
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, fleet.tenant(0), 'items')
    const { id } = await fleet.rollout({ version, options: { lockTimeout: '5s' } })
    await lock.waitedFor()
    // As a worker that died leaves it: claimed by nobody who lives, its change committed all the same.
    await fleet.app.control.query(
      `update tenantry.rollout_targets set claimed_by = gen_random_uuid() where rollout_id = $1 and state = 'claimed'`,
      [id],
    )
    await stopRollout(fleet.app.control, id, by)
    await lock.release()
    await until(async () => (await fleet.columnsOf(fleet.tenant(0))).includes(columnOf(version)), {
      what: 'the commit',
    })
    await until(async () => (await operation(id)).state === 'cancelled', { what: 'the operation to end' })
    expect((await fleet.targets(id))[0]).toMatchObject({
      state: 'succeeded',
      outcome: 'applied',
      registry_version: version,
    })
    await fleet.expectConsistent(id)
  })

  test('a tenant that waits for its retry is skipped too', async () => {
    const version = await fleet.addColumn()
    const lock = await holdLock(fleet, fleet.tenant(0), 'items')
    const { id } = await fleet.rollout({ version, options: { lockTimeout: '50ms', maxRetries: 100 } })
    await until(async () => (await progress(id)).retries > 0 && (await progress(id)).successful === 7, {
      what: 'a retry',
    })
    await stopRollout(fleet.app.control, id, by)
    await fleet.waitFor(id, 'stopped')
    await until(async () => (await progress(id)).completed === 8, { what: 'everything to be accounted for' })
    await lock.release()
    expect(await progress(id)).toMatchObject({ successful: 7, skipped: 1 })
    await fleet.expectConsistent(id)
  })

  test('cancelling the operation stops the rollout, running or paused', async () => {
    const lock = await holdLock(fleet, fleet.tenant(0), 'items')
    const { id } = await fleet.rollout({
      version: await fleet.addColumn(),
      options: { maxConnections: 1, lockTimeout: '5s' },
    })
    await lock.waitedFor()
    await pauseRollout(fleet.app.control, id, by)
    await lock.release()
    await fleet.waitFor(id, 'paused')
    await fleet.app.control.transaction((tx) => requestCancel(tx, id))
    await until(async () => (await operation(id)).state === 'cancelled', { what: 'the operation to end' })
    const stopped = await fleet.waitFor(id, 'stopped')
    expect(stopped.progress.successful + stopped.progress.skipped).toBe(8)
    expect(stopped.progress.skipped).toBeGreaterThan(0)
    await fleet.expectConsistent(id)
  })

  test('one that no worker has looked at yet can be stopped as well', async () => {
    await worker.drain()
    const { id } = await fleet.rollout({ version: await fleet.addColumn() })
    await stopRollout(fleet.app.control, id, by)
    expect(await progress(id)).toMatchObject({ skipped: 8, completed: 8 })
    worker = await fleet.startWorker()
    await until(async () => (await operation(id)).state === 'cancelled', { what: 'the operation to end' })
    await fleet.expectConsistent(id)
  })
})

describe('retry and skip', () => {
  test('by error group, by tenant, then all; the counters are right at once', async () => {
    const one = await failingOn(fleet, [fleet.tenant(0), fleet.tenant(1)])
    await fleet.sql(fleet.tenant(2), 'alter table items rename to elsewhere')
    const { id } = await fleet.rollout({ version: one.version })
    const failed = await fleet.waitFor(id, 'completed')
    expect(failed.errorGroups.map(({ sqlstate, count }) => [sqlstate, count])).toEqual([
      ['23514', 2],
      ['42P01', 1],
    ])
    await fleet.expectConsistent(id)
    await worker.drain()

    const group = failed.errorGroups[1]?.group
    expect(await retryFailed(fleet.app.control, id, by, { errorGroup: group })).toMatchObject({ retried: 1 })
    expect(await progress(id)).toMatchObject({ completed: 7, failed: 2, successful: 5 })
    const names = [fleet.tenant(0).name]
    expect(await retryFailed(fleet.app.control, id, by, { tenants: names })).toMatchObject({ retried: 1 })
    expect(await progress(id)).toMatchObject({ completed: 6, failed: 1 })
    await expect(retryFailed(fleet.app.control, id, by, { tenants: names })).rejects.toMatchObject({
      code: 'conflict',
    })

    worker = await fleet.startWorker()
    const again = await fleet.waitFor(id, 'completed')
    expect(again.progress).toMatchObject({ failed: 3, successful: 5, completed: 8 })
    await fleet.expectConsistent(id)
    await fleet.sql(fleet.tenant(2), 'alter table elsewhere rename to items')
    await one.heal()
    expect(await retryFailed(fleet.app.control, id, by)).toMatchObject({ retried: 3 })
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ failed: 0, successful: 8 })
    await fleet.expectConsistent(id)
    await until(async () => (await operation(id)).state === 'succeeded', { what: 'the operation to end' })
  })

  test('skipped with a reason, a failed tenant counts as skipped and is not retried', async () => {
    const { version, heal } = await failingOn(fleet, [fleet.tenant(3), fleet.tenant(4)])
    const { id } = await fleet.rollout({ version })
    await fleet.waitFor(id, 'completed')
    const reason = 'moves away next week'
    const tenants = [fleet.tenant(3).name]
    expect(await skipRolloutTargets(fleet.app.control, id, { ...by, reason }, { tenants })).toMatchObject({
      skipped: 1,
    })
    expect(await progress(id)).toMatchObject({ failed: 1, skipped: 1, successful: 6, completed: 8 })
    await fleet.expectConsistent(id)
    await heal()
    expect(await retryFailed(fleet.app.control, id, by)).toMatchObject({ retried: 1 })
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({
      failed: 0,
      skipped: 1,
      successful: 7,
    })
    await fleet.expectConsistent(id)
    await expect(
      skipRolloutTargets(fleet.app.control, id, { ...by, reason }, { tenants }),
    ).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('skipping the tenants that held a wave up lets the next one begin', async () => {
    const { version, heal } = await failingOn(fleet, [fleet.tenant(0)])
    const waves = [{ size: '1' }, { size: 'rest' }]
    const { id } = await fleet.rollout({ version, waves, options: { errorThresholdPercent: 0 } })
    await fleet.waitFor(id, 'paused')
    await skipRolloutTargets(
      fleet.app.control,
      id,
      { ...by, reason: 'no' },
      { tenants: [fleet.tenant(0).name] },
    )
    await resumeRollout(fleet.app.control, id, by)
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ skipped: 1, successful: 7 })
    await fleet.expectConsistent(id)
    await heal()
  })
})

describe('undo', () => {
  test('exactly the tenants that this rollout upgraded, whoever had it before', async () => {
    const version = await fleet.addColumn()
    const first = await fleet.complete({
      version,
      selector: `name:${fleet.tenant(0).name},${fleet.tenant(1).name}`,
    })
    const second = await fleet.complete({ version })
    expect(second.progress).toMatchObject({ successful: 8, already: 2 })
    const undoing = await undo(second.rollout.id)
    const undone = await fleet.waitFor(undoing.id, 'completed')
    expect(undone.progress).toMatchObject({ total: 6, successful: 6, already: 0 })
    await fleet.expectConsistent(undoing.id)
    await fleet.expectConsistent(first.rollout.id)
    const have = await Promise.all(
      fleet.tenants.map(async (tenant) => (await fleet.columnsOf(tenant)).includes(columnOf(version))),
    )
    expect(have).toEqual([true, true, false, false, false, false, false, false])
    expect(await registered(2)).not.toBe(version)
    expect(await registered(0)).toBe(version)
  })

  test('several versions are taken back in the reverse order', async () => {
    const log = `create table if not exists undo_log (id integer generated always as identity, text text)`
    const note = (text: string): string => `${log}; insert into undo_log (text) values ('${text}')`
    const one = await fleet.addVersion({ upgrade: note('+1'), downgrade: note('-1') })
    const two = await fleet.addVersion({ upgrade: note('+2'), downgrade: note('-2') })
    const { rollout } = await fleet.complete({ version: 'latest', upTo: true })
    expect(rollout.version_ids.slice(-2)).toEqual([one, two])
    const undoing = await undo(rollout.id)
    await fleet.waitFor(undoing.id, 'completed')
    const rows = await fleet.sql<{ text: string }>(fleet.tenant(0), 'select text from undo_log order by id')
    expect(rows.map((row) => row.text)).toEqual(['+1', '+2', '-2', '-1'])
    await fleet.expectConsistent(undoing.id)
  })

  test('of a stopped rollout it takes back what had been done', async () => {
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, waves: [{ size: '3', approval: true }, { size: 'rest' }] })
    await fleet.waitFor(id, 'awaiting_approval')
    await stopRollout(fleet.app.control, id, by)
    const undoing = await undo(id)
    expect((await fleet.waitFor(undoing.id, 'completed')).progress).toMatchObject({ total: 3, successful: 3 })
    await fleet.expectConsistent(undoing.id)
  })

  test('of a rollout that failed half way on a tenant it takes back the versions that were there', async () => {
    const good = await fleet.addColumn()
    const { version, heal } = await failingOn(fleet, [fleet.tenant(2)])
    const { id } = await fleet.rollout({ version, upTo: true, selector: `name:${fleet.tenant(2).name}` })
    expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ failed: 1 })
    expect(await registered(2)).toBe(good)
    await fleet.expectConsistent(id)
    const undoing = await undo(id)
    expect((await fleet.waitFor(undoing.id, 'completed')).progress).toMatchObject({ total: 1, successful: 1 })
    expect(await fleet.columnsOf(fleet.tenant(2))).not.toContain(columnOf(good))
    await fleet.expectConsistent(undoing.id)
    await heal()
  })

  test('a tenant whose change fails to be undone keeps it, and its ledger says so', async () => {
    const version = await fleet.addColumn()
    const { rollout } = await fleet.complete({ version })
    await fleet.sql(fleet.tenant(1), `create view holds as select ${columnOf(version)} from items`)
    const undoing = await undo(rollout.id)
    const status = await fleet.waitFor(undoing.id, 'completed')
    expect(status.progress).toMatchObject({ total: 8, successful: 7, failed: 1 })
    expect(status.errorGroups).toMatchObject([{ sqlstate: '2BP01' }])
    await fleet.expectConsistent(undoing.id)
    await fleet.sql(fleet.tenant(1), 'drop view holds')
    await retryFailed(fleet.app.control, undoing.id, by)
    expect((await fleet.waitFor(undoing.id, 'completed')).progress).toMatchObject({
      successful: 8,
      failed: 0,
    })
    await fleet.expectConsistent(undoing.id)
  })

  test('of several versions some are taken back before one fails: the registry knows what is left', async () => {
    const first = await fleet.addColumn()
    const second = await fleet.addColumn()
    const tenant = fleet.tenant(1)
    const { id } = await fleet.rollout({ version: 'latest', upTo: true })
    await fleet.waitFor(id, 'completed')
    await fleet.sql(tenant, `create view holds as select ${columnOf(first)} from items`)
    const undoing = await undo(id)
    const status = await fleet.waitFor(undoing.id, 'completed')
    expect(status.progress).toMatchObject({ total: 8, successful: 7, failed: 1 })
    expect(status.errorGroups[0]?.message).toContain(`Version ${first}: cannot drop column`)
    expect(await fleet.columnsOf(tenant)).not.toContain(columnOf(second))
    expect(await registered(1)).toBe(first)
    expect((await fleet.targets(undoing.id)).find((target) => target.tenant === tenant.name)).toMatchObject({
      state: 'failed',
      outcome: 'partly_undone',
    })
    await fleet.expectConsistent(undoing.id)
    await fleet.sql(tenant, 'drop view holds')
    await retryFailed(fleet.app.control, undoing.id, by)
    expect((await fleet.waitFor(undoing.id, 'completed')).progress).toMatchObject({ successful: 8 })
    await fleet.expectConsistent(undoing.id)
  })

  test('statements outside a transaction are undone as well', async () => {
    const version = await fleet.addVersion({
      upgrade: 'create index concurrently undo_me on items (name)',
      downgrade: 'drop index concurrently undo_me',
      probe: `select to_regclass('undo_me') is not null`,
    })
    const { rollout } = await fleet.complete({ version })
    const undoing = await undo(rollout.id)
    expect((await fleet.waitFor(undoing.id, 'completed')).progress).toMatchObject({
      successful: 8,
      already: 0,
    })
    await fleet.expectConsistent(undoing.id)
    expect((await fleet.complete({ version })).progress).toMatchObject({ successful: 8, already: 0 })
  })

  test('what cannot be undone is refused in words', async () => {
    const refused = async (original: string): Promise<string> =>
      undo(original).then(
        () => 'not refused',
        (error: unknown) => String(error),
      )
    const version = await fleet.addColumn()
    const { rollout } = await fleet.complete({ version })
    const undoing = await undo(rollout.id)
    await fleet.waitFor(undoing.id, 'completed')
    expect(await refused(undoing.id)).toContain(`Rollout ${undoing.id} applied nothing that could be undone`)
    const dry = await fleet.complete({ version, dryRun: true })
    expect(await refused(dry.rollout.id)).toContain('applied nothing that could be undone')
    const oneWay = await fleet.complete({ version: await fleet.addVersion({ upgrade: 'select 1' }) })
    expect(await refused(oneWay.rollout.id)).toMatch(/Version .* has no downgrade/)

    const lock = await holdLock(fleet, fleet.tenant(0), 'items')
    const { id } = await fleet.rollout({ version: await fleet.addColumn(), options: { lockTimeout: '5s' } })
    await lock.waitedFor()
    expect(await refused(id)).toContain('is running')
    await stopRollout(fleet.app.control, id, by)
    expect(await refused(id)).toMatch(/still has \d+ tenants in hand/)
    await lock.release()
    await fleet.waitFor(id, 'stopped')
  })
})

async function operation(id: string): Promise<{ state: string; result: unknown }> {
  const [row] = await fleet.app.control.query<{ state: string; result: unknown }>(
    'select state, result from tenantry.operations where id = $1',
    [id],
  )
  return row ?? { state: 'gone', result: null }
}

async function registered(index: number): Promise<string | null | undefined> {
  const [row] = await fleet.app.control.query<{ version_id: string | null }>(
    'select version_id from tenantry.tenants where name = $1',
    [fleet.tenant(index).name],
  )
  return row?.version_id
}

/** Operations by the clock: once per firing, whoever leads. */
import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openControl, type Control } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import { fireDueSchedules, lead, putSchedule } from '../../src/control/operations/schedules.ts'
import { forgetDeadWorkers, liveWorkers, registerWorker } from '../../src/control/workers.ts'
import { Worker } from '../../src/worker/worker.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { until } from '../support/wait.ts'

let database: TestDatabase
let control: Control

beforeAll(async () => {
  database = await createDatabase('schedules')
  control = openControl({ url: database.dsn })
  await migrateControl(control)
})
afterEach(async () => {
  for (const table of ['schedules', 'operations', 'leases', 'workers'])
    await control.query(`delete from tenantry.${table}`)
})
afterAll(async () => {
  await control.close()
  await database.drop()
})

async function makeDue(name: string): Promise<void> {
  await putSchedule(control, { name, kind: 'test', input: { of: name }, cron: '0 3 * * *', timezone: 'UTC' })
  await control.query(
    `update tenantry.schedules set next_at = clock_timestamp() - interval '3 days' where name = $1`,
    [name],
  )
}

function fired(): Promise<{ created_by: string; input: unknown }[]> {
  return control.query('select created_by, input from tenantry.operations order by created_by')
}

test('a schedule that is due fires once, however many look, and however often it was missed', async () => {
  for (const name of ['a', 'b', 'c']) await makeDue(name)
  const counts = await Promise.all(Array.from({ length: 8 }, () => fireDueSchedules(control)))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3)
  expect(await fireDueSchedules(control)).toBe(0)
  expect(await fired()).toEqual([
    { created_by: 'schedule:a', input: { of: 'a' } },
    { created_by: 'schedule:b', input: { of: 'b' } },
    { created_by: 'schedule:c', input: { of: 'c' } },
  ])
  const [next] = await control.query<{ ahead: boolean }>(
    `select bool_and(next_at > clock_timestamp()) as ahead from tenantry.schedules`,
  )
  expect(next?.ahead).toBe(true)
})

test('one leads at a time; another when the lease has run out', async () => {
  const [one, two] = [randomUUID(), randomUUID()]
  const leaders = await Promise.all([one, two].map((holder) => lead(control, 'test', holder)))
  expect(leaders.filter(Boolean)).toHaveLength(1)
  const [leader, other] = leaders[0] === true ? [one, two] : [two, one]
  expect(await lead(control, 'test', leader)).toBe(true)
  expect(await lead(control, 'test', other)).toBe(false)
  await control.query(`update tenantry.leases set lease_until = clock_timestamp() - interval '1 second'`)
  expect(await lead(control, 'test', other)).toBe(true)
  expect(await lead(control, 'test', leader)).toBe(false)
  const [row] = await control.query<{ epoch: number }>('select epoch from tenantry.leases')
  expect(row?.epoch).toBe(2)
})

test('two workers run it once', async () => {
  const runs: string[] = []
  const workers = ['one', 'two'].map(
    (host) =>
      new Worker({
        control,
        controlUrl: database.dsn,
        host,
        log: pino({ level: 'silent' }),
        sideWork: {
          loads: [],
          wake: () => undefined,
          run: (_id, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
        },
        handlers: {
          test: {
            run: async (context) => {
              runs.push(context.operation.created_by)
              return { state: 'succeeded', result: {} }
            },
          },
        },
      }),
  )
  await Promise.all(workers.map((worker) => worker.start()))
  await makeDue('nightly')
  await until(() => runs.length > 0, { what: 'the schedule to fire' })
  await Promise.all(workers.map((worker) => worker.drain()))
  expect(runs).toEqual(['schedule:nightly'])
})

test('times are those of the time zone, and nonsense is refused', async () => {
  const daily = { name: 'daily', kind: 'test', input: {}, cron: '30 4 * * *', timezone: 'Asia/Tokyo' }
  await putSchedule(control, daily)
  const [row] = await control.query(
    `select to_char(next_at at time zone 'Asia/Tokyo', 'HH24:MI:SS') as at,
       next_at > now() and next_at <= now() + interval '1 day' as soon from tenantry.schedules`,
  )
  expect(row).toEqual({ at: '04:30:00', soon: true })
  for (const wrong of [{ cron: 'every day' }, { timezone: 'Mars/Base' }, { cron: '0 0 30 2 *' }]) {
    await expect(putSchedule(control, { ...daily, ...wrong })).rejects.toMatchObject({
      code: 'invalid_input',
    })
  }
})

test('only workers whose lease holds count; the long dead are forgotten', async () => {
  const [alive, silent, dead] = [randomUUID(), randomUUID(), randomUUID()]
  for (const id of [alive, silent, dead]) await registerWorker(control, { id, host: 'test', pid: 1 })
  await control.query(
    `update tenantry.workers set lease_until = clock_timestamp() - interval '5 minutes' where id = $1`,
    [silent],
  )
  await control.query(
    `update tenantry.workers set lease_until = clock_timestamp() - interval '2 hours' where id = $1`,
    [dead],
  )
  expect((await liveWorkers(control)).map((worker) => worker.id)).toEqual([alive])
  await forgetDeadWorkers(control)
  const rows = await control.query<{ id: string }>('select id from tenantry.workers')
  expect(rows.map((row) => row.id).toSorted()).toEqual([alive, silent].toSorted())
})

/** The control database's connections when the database or the way to it goes away. */
import { expect, onTestFinished } from 'vitest'
import { isControlOutage, openControl, type Control } from '../../src/control/control.ts'
import { startCutProxy, type CutProxy } from '../support/cut-proxy.ts'
import { adminQuery, dsnOf, sharedServer, test } from '../support/postgres.ts'
import { until } from '../support/wait.ts'

async function controlThroughProxy(database: string): Promise<{ control: Control; proxy: CutProxy }> {
  const proxy = await startCutProxy(sharedServer())
  const control = openControl({ url: dsnOf(database, { ...sharedServer(), port: proxy.port }) })
  onTestFinished(async () => {
    await control.close()
    await proxy.stop()
  })
  return { control, proxy }
}

test('a connection that breaks inside a transaction, between two queries, ends that transaction only', async ({
  database,
}) => {
  const { control, proxy } = await controlThroughProxy(database.name)
  await control.query('create table public.kept (n integer)')
  const broken = await control
    .transaction(async (tx) => {
      await tx.query('insert into public.kept values (1)')
      proxy.cut()
      await until(() => proxy.open() === 0, { what: 'the connection to be cut' })
      await tx.query('insert into public.kept values (2)')
    })
    .catch((error: unknown) => error)
  expect(isControlOutage(broken)).toBe(true)
  expect(await control.query('select n from public.kept')).toEqual([])
})

test('a transaction that stands still is ended after five seconds, for others to go on', async ({
  database,
}) => {
  const { control } = await controlThroughProxy(database.name)
  await control.query('create table public.kept (n integer)')
  await control.query('insert into public.kept values (1)')
  const stuck = Promise.withResolvers<void>()
  const frozen = control.transaction(async (tx) => {
    await tx.query('update public.kept set n = 2')
    stuck.resolve()
    await until(
      async () =>
        (
          await adminQuery(
            `select from pg_stat_activity where state = 'idle in transaction' and datname = '${database.name}'`,
          )
        ).length === 0,
      { what: 'the server to end the transaction' },
    )
    await tx.query('select 1')
  })
  await stuck.promise
  const started = performance.now()
  await control.query('update public.kept set n = 3')
  expect(performance.now() - started).toBeLessThan(7_000)
  expect(isControlOutage(await frozen.catch((error: unknown) => error))).toBe(true)
})

test('a transaction that the server ends is an outage, and the next one gets a new connection', async ({
  database,
}) => {
  const { control } = await controlThroughProxy(database.name)
  const broken = await control
    .transaction(async (tx) => {
      const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
      await adminQuery(`select pg_terminate_backend(${row?.pid}, 5000)`)
      await tx.query('select 1')
    })
    .catch((error: unknown) => error)
  expect(isControlOutage(broken)).toBe(true)
  expect(await control.transaction((tx) => tx.query('select 1 as one'))).toEqual([{ one: 1 }])
})

test('a server that ends a connection in the moment of its login fails what asked for it, not the process', async ({
  database,
}) => {
  const { control, proxy } = await controlThroughProxy(database.name)
  proxy.holdNextLogin()
  const asked = control.transaction((tx) => tx.query('select 1')).catch((error: unknown) => error)
  await until(
    async () =>
      (
        await adminQuery(
          `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'tenantry control' and datname = '${database.name}' and state = 'idle'`,
        )
      ).length > 0,
    { what: 'the connection to be there' },
  )
  expect(isControlOutage(await asked)).toBe(true)
  expect(await control.transaction((tx) => tx.query('select 1 as one'))).toEqual([{ one: 1 }])
})

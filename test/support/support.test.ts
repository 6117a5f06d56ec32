import { describe, expect, onTestFinished } from 'vitest'
import { isRunning } from '../../src/engine/processes.ts'
import { startPgBouncer } from './pgbouncer.ts'
import { adminClient, adminQuery, createDatabase, dsnOf, test } from './postgres.ts'
import { startDebianServer, startPrivateServer } from './private-servers.ts'
import { withProgram } from './programs.ts'
import { until } from './wait.ts'

describe('databases', () => {
  test('each test has one of its own', async ({ database }) => {
    expect(await adminQuery('select current_database() as name', database.name)).toEqual([
      { name: database.name },
    ])
    expect(dsnOf(database.name)).toBe(database.dsn)
  })

  test('a copy of a template is dropped together with its sessions', async ({ database }) => {
    await adminQuery('create table seeded as select 1 as id', database.name)
    const copy = await createDatabase('copy', { template: database.name })
    expect(await adminQuery('select id from seeded', copy.name)).toEqual([{ id: 1 }])
    const client = await adminClient(copy.name)
    const ended = new Promise((resolve) => client.on('error', resolve))
    await copy.drop()
    expect(await ended).toMatchObject({ code: '57P01' })
    expect(await adminQuery(`select 1 from pg_database where datname = '${copy.name}'`)).toEqual([])
  })
})

describe('until', () => {
  test('gives what the condition gave', async () => {
    let asked = 0
    expect(await until(() => (++asked < 3 ? undefined : asked), { what: 'the third time' })).toBe(3)
  })

  test('says what it waited for and the last error', async () => {
    const refuse = (): boolean => {
      throw new Error('no such thing')
    }
    await expect(until(refuse, { what: 'a miracle', timeoutMs: 50 })).rejects.toMatchObject({
      message: expect.stringContaining('a miracle') as string,
      cause: { message: 'no such thing' },
    })
  })
})

describe('private servers', () => {
  test('one is killed and comes back on its port', async () => {
    const server = await startPrivateServer({ settings: { max_connections: '21' } })
    onTestFinished(server.remove)
    const { pid } = server
    await server.kill()
    expect(await isRunning(pid)).toBe(false)
    await server.restart()
    expect(server.pid).not.toBe(pid)
    expect(await adminQuery(`select current_setting('max_connections') as n`, 'postgres', server)).toEqual([
      { n: '21' },
    ])
  })

  withProgram('postgres15').test("Debian's PostgreSQL 15 runs, is killed and comes back", async () => {
    const server = await startDebianServer({ settings: { max_connections: '22' } })
    onTestFinished(server.remove)
    await server.kill()
    await server.restart()
    const rows = await adminQuery(
      `select current_setting('server_version_num')::int / 10000 as major, current_setting('max_connections') as n`,
      'postgres',
      server,
    )
    expect(rows).toEqual([{ major: 15, n: '22' }])
  })
})

withProgram('pgbouncer').describe('PgBouncer', () => {
  test('pools transactions of every database behind a wildcard', async ({ database }) => {
    const bouncer = await startPgBouncer({ settings: { default_pool_size: 1 } })
    onTestFinished(bouncer.stop)
    const first = await adminClient(database.name, bouncer)
    const second = await adminClient(database.name, bouncer)
    // One server connection serves both: the pooling is by transaction.
    const pids = [
      await first.query('select pg_backend_pid() as pid'),
      await second.query('select pg_backend_pid() as pid'),
    ]
    expect(pids[0]?.rows).toEqual(pids[1]?.rows)
    await Promise.all([first.end(), second.end()])
    expect(await bouncer.show('show pools')).toContainEqual(
      expect.objectContaining({ database: database.name, pool_mode: 'transaction' }),
    )
    await expect(adminClient(database.name, { ...bouncer, password: 'guess' })).rejects.toThrow(
      'SASL authentication failed',
    )
  })
})

/** What a server says of a database that nobody is connected to: never that it is as it was when it is not. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { SchemaSession, WriteMark } from '../../src/schema/dialects/dialect.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { adminQuery, createDatabase, dsnOf } from '../support/postgres.ts'
import { databaseOf } from '../support/postgres-schemas.ts'
import { startDebianReplica, startDebianServer, startPrivateServer } from '../support/private-servers.ts'
import type { PrivateServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import { audited, auditedRole, changesWith } from './audited-changes.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

async function observerOf(server?: PrivateServer): Promise<SchemaSession> {
  const session = await postgres.connect(dsnOf('postgres', server))
  onTestFinished(() => session.close())
  return session
}

async function markOf(observer: SchemaSession, database: string): Promise<WriteMark | undefined> {
  return (await postgres.writeMarks?.(observer, [database]))?.get(database)
}

/** The mark, once nobody is connected. */
function markAtRest(observer: SchemaSession, database: string): Promise<string> {
  return until(
    async () => {
      const found = await markOf(observer, database)
      return found?.inUse === false && found.mark
    },
    { what: `${database} to be left by all` },
  )
}

test('every change has another mark as soon as nobody is in the database; looking leaves it as it is', async () => {
  const role = await auditedRole()
  const database = await databaseOf(audited(role))
  const observer = await observerOf()
  let before = await markAtRest(observer, database.name)
  const unseen: string[] = []
  for (const change of changesWith(role)) {
    await adminQuery(change, database.name)
    // At once: a change that is not counted yet must be told by who is still connected.
    const after = await markOf(observer, database.name)
    if (after?.inUse === false && after.mark === before) unseen.push(change)
    before = await markAtRest(observer, database.name)
  }
  expect(unseen).toEqual([])

  const session = await postgres.connect(database.dsn)
  expect((await markOf(observer, database.name))?.inUse).toBe(true)
  await postgres.inspect(session)
  await postgres.catalogueFingerprint(session)
  await session.close()
  expect(await markAtRest(observer, database.name)).toBe(before)
})

/** Writes in a connection of its own. Some say goodbye, of others the server only sees that they are gone. */
async function writeAndLeave(url: string, table: string, politely: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query(`create table ${table} (id integer)`)
  if (politely) void client.end()
  else (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

function testsOn(start: () => Promise<PrivateServer>): void {
  let server: PrivateServer
  let database: string
  beforeAll(async () => {
    server = await start()
    database = (await createDatabase('kept', { server })).name
  })
  afterAll(() => server.remove())

  const marksAround = async (between: () => Promise<unknown>): Promise<[string, string]> => {
    const first = await postgres.connect(dsnOf('postgres', server))
    const before = await markAtRest(first, database)
    await first.close()
    await between()
    // A connection each time: one may still be had from a server that has not seen yet that it must start anew.
    const after = await until(
      async () => {
        const second = await postgres.connect(dsnOf('postgres', server))
        try {
          const found = await markOf(second, database)
          return found?.inUse === false && found.mark
        } finally {
          await second.close()
        }
      },
      { what: 'the server to be back, and all to have left' },
    )
    return [before, after]
  }
  const isVouchedFor = async (): Promise<boolean> =>
    (await markOf(await observerOf(server), database)) !== undefined

  test('has other marks after a crash, in which counts are lost', async () => {
    const [before, after] = await marksAround(async () => {
      const client = new pg.Client({ connectionString: dsnOf(database, server) })
      const gone = new Promise((resolve) => client.on('error', resolve))
      await client.connect()
      await client.query('create table lost_count (id integer)')
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      process.kill(rows[0]?.pid ?? 0, 'SIGKILL')
      await gone
    })
    expect(after).not.toBe(before)
  })

  test('has other marks after a restart, and after counts were reset', async () => {
    const [before, after] = await marksAround(() => server.restart())
    expect(after).not.toBe(before)
    const [second, third] = await marksAround(() =>
      adminQuery(`select pg_stat_reset() from pg_sleep(0)`, database, server),
    )
    expect(third).not.toBe(second)
  })

  test('has other marks for another database by the same name', async () => {
    const [before, after] = await marksAround(async () => {
      await adminQuery(`create database copy template ${database}`, 'postgres', server)
      await adminQuery(`drop database ${database}`, 'postgres', server)
      await adminQuery(`alter database copy rename to ${database}`, 'postgres', server)
    })
    expect(after).not.toBe(before)
  })

  test('vouches for nothing while somebody may be writing uncounted, or nobody may look', async () => {
    expect(await isVouchedFor()).toBe(true)
    const cases = [
      ['create role quiet', 'alter role quiet set track_counts = off', 'alter role quiet reset all'],
      ['grant set on parameter track_counts to quiet', 'revoke set on parameter track_counts from quiet'],
      ['alter system set track_counts = off', 'alter system reset all'],
      [
        `alter database ${database} allow_connections false`,
        `alter database ${database} allow_connections true`,
      ],
    ]
    for (const statements of cases) {
      const undo = statements.pop() ?? ''
      for (const sql of statements) await adminQuery(sql, 'postgres', server)
      await adminQuery('select pg_reload_conf()', 'postgres', server)
      await until(async () => !(await isVouchedFor()), {
        what: `nothing to be vouched for after ${statements.at(-1)}`,
      })
      await adminQuery(undo, 'postgres', server)
      await adminQuery('select pg_reload_conf()', 'postgres', server)
      await until(isVouchedFor, { what: `it to be vouched for after ${undo}` })
    }
  })

  test('while others write and leave, nothing that was done before is ever vouched away', async () => {
    const busy = await createDatabase('busy', { server })
    onTestFinished(() => busy.drop())
    const observer = await observerOf(server)
    let committed = 0
    let vouched = 0
    let seen: { mark: string; tables: number } | undefined
    const look = async (mark: string | undefined): Promise<void> => {
      const [row] = await adminQuery<{ tables: number }>(
        `select count(*)::integer as tables from pg_class where relname like 't\\_%'`,
        busy.name,
        server,
      )
      seen = { mark: mark ?? '', tables: row?.tables ?? 0 }
    }
    const observe = async (): Promise<void> => {
      const done = committed
      const found = await markOf(observer, busy.name)
      if (found?.inUse !== false || found.mark !== seen?.mark) return look(found?.mark)
      expect(seen.tables, 'tables in the reading that is vouched for').toBeGreaterThanOrEqual(done)
      vouched++
    }
    for (let round = 0; round < 150; round++) {
      const writing = Array.from({ length: round % 3 }, async (_, number) => {
        await writeAndLeave(busy.dsn, `t_${round}_${number}`, number === 0)
        committed++
      })
      // Now while they write, now as soon as one has written.
      if (round % 2 === 0) await observe()
      await Promise.all(writing)
      for (let more = 0; more < 3; more++) await observe()
    }
    expect(vouched).toBeGreaterThan(30)
  })
}

describe('a server of PostgreSQL 18', () => {
  testsOn(startPrivateServer)
})
withProgram('postgres15', 'initdb15').describe('a server of PostgreSQL 15', () => {
  testsOn(startDebianServer)
})

withProgram('postgres15', 'initdb15', 'basebackup15').describe('a replica', () => {
  test('vouches for nothing: what is replayed is not counted', async () => {
    const primary = await startDebianServer({ settings: { wal_level: 'replica', max_wal_senders: '4' } })
    onTestFinished(() => primary.remove())
    const database = (await createDatabase('copied', { server: primary })).name
    const replica = await startDebianReplica(primary, { settings: { hot_standby: 'on' } })
    onTestFinished(() => replica.remove())
    expect(await markOf(await observerOf(primary), database)).toBeDefined()
    expect(await markOf(await observerOf(replica), database)).toBeUndefined()
  })
})

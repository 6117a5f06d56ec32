/** Schema sync from a program: each tenant looked at and changed by itself, whatever it is kept in. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Engine, type SyncResult } from '../../src/library.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import type { TenantContext } from '../../src/schema/tenant-list.ts'
import { onBoth } from '../support/mysql-products.ts'
import type { MysqlServer } from '../support/mysql-server.ts'
import { adminClient, adminQuery, dsnOf } from '../support/postgres.ts'
import { sqliteFolder } from '../support/sqlite.ts'

const BEFORE = `create table items (id integer primary key, name text not null); insert into items values (1, 'one')`
const AFTER = 'create table items (id integer primary key, name text not null, note text)'

interface Place {
  readonly url: string
  readonly pattern: string
  readonly run: (tenant: string, sql: string) => Promise<void>
}

async function onPostgres(): Promise<Place> {
  const prefix = `engine${randomBytes(4).toString('hex')}_`
  const run = async (tenant: string, sql: string): Promise<void> => {
    const client = await adminClient(`${prefix}${tenant}`)
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  for (const tenant of ['a', 'b', 'target']) {
    const name = `${prefix}${tenant}`
    await adminQuery(`create database ${name}`)
    onTestFinished(async () => void (await adminQuery(`drop database ${name} with (force)`)))
    await run(tenant, tenant === 'target' ? AFTER : BEFORE)
  }
  return { url: dsnOf('postgres'), pattern: `${prefix}%`, run }
}

async function inDirectory(): Promise<Place> {
  const folder = sqliteFolder()
  const run = (tenant: string, sql: string): Promise<void> => {
    const database = new DatabaseSync(path.join(folder, `${tenant}.db`))
    database.exec(sql)
    database.close()
    return Promise.resolve()
  }
  for (const tenant of ['a', 'b', 'target']) await run(tenant, tenant === 'target' ? AFTER : BEFORE)
  return { url: `sqlite:${folder}`, pattern: '%', run }
}

interface Scene extends Place {
  readonly engine: Engine
  readonly a: TenantContext
  readonly b: TenantContext
  readonly target: Snapshot
}

async function scene(make: () => Promise<Place>): Promise<Scene> {
  const place = await make()
  const engine = await Engine.connect({ url: place.url, pattern: place.pattern })
  const tenants = await engine.listTenants()
  expect(tenants.map(({ name }) => name.replace(/^.*_/, ''))).toEqual(['a', 'b', 'target'])
  const [a, b, wanted] = tenants as [TenantContext, TenantContext, TenantContext]
  return { ...place, engine, a, b, target: await engine.inspect(wanted) }
}

const stepsOf = (result: SyncResult): readonly string[] =>
  (result.execution?.steps ?? []).map(({ state }) => state)

function cases(make: () => Promise<Place>): void {
  test('a tenant is compared, then brought to the target, then in sync; no other is touched', async () => {
    const { engine, a, b, target } = await scene(make)
    const before = await engine.inspect(b)
    const found = await engine.syncTenant(a, target, { execute: false })
    expect(found.diff.changes.map(({ type, id }) => `${type} ${id}`)).toEqual([
      expect.stringMatching(/^create column:.*items\.note$/) as unknown,
    ])
    expect(found).toMatchObject({ alreadyInSync: false, diff: { isEmpty: false } })
    expect(found.execution).toBeUndefined()
    expect((await engine.inspect(a)).fingerprint).toBe(before.fingerprint)

    const done = await engine.syncTenant(a, target)
    expect(new Set(stepsOf(done))).toEqual(new Set(['applied']))
    expect((await engine.inspect(a)).fingerprint).toBe(target.fingerprint)
    const again = await engine.syncTenant(a, target)
    expect(again).toMatchObject({ alreadyInSync: true, diff: { isEmpty: true, changes: [] } })
    expect((await engine.inspect(b)).fingerprint).toBe(before.fingerprint)
  })

  test('what loses data is refused until it is allowed by name', async () => {
    const { engine, a, target, run } = await scene(make)
    await run('a', 'create table extra (id integer primary key)')
    await expect(engine.syncTenant(a, target)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('data-loss') as unknown,
    })
    await run('a', 'insert into extra values (1)')
    await engine.syncTenant(a, target, { allow: ['data-loss'] })
    expect((await engine.inspect(a)).fingerprint).toBe(target.fingerprint)
  })

  test('one at a time for a tenant; another tenant is not held up; the lock ends with its session', async () => {
    const { engine, a, b, target } = await scene(make)
    const holder = await engine.dialect.connect(a.url)
    try {
      expect(await engine.dialect.lock(holder)).toBe(true)
      await expect(engine.syncTenant(a, target, { prove: false })).rejects.toMatchObject({ code: 'conflict' })
      expect((await engine.syncTenant(b, target)).execution).toBeDefined()
    } finally {
      await holder.close()
    }
    expect((await engine.syncTenant(a, target)).execution).toBeDefined()
    expect((await engine.inspect(a)).fingerprint).toBe(target.fingerprint)
  })
}

describe('PostgreSQL', () => {
  cases(onPostgres)
})
describe('a directory of SQLite files', () => {
  cases(inDirectory)
})

onBoth('databases of', ({ start }) => {
  let server: MysqlServer
  beforeAll(async () => {
    server = await start()
  })
  afterAll(async () => {
    await server.remove()
  })
  const onServer = (): Promise<Place> => {
    for (const tenant of ['a', 'b', 'target'])
      server.create(`engine_${tenant}`, tenant === 'target' ? AFTER : BEFORE)
    const run = async (tenant: string, sql: string): Promise<void> =>
      void (await Promise.resolve(server.script(sql, `engine_${tenant}`)))
    return Promise.resolve({ url: server.url(''), pattern: 'engine_%', run })
  }
  cases(onServer)
})

test("on PostgreSQL a session of one tenant does not reach another tenant's tables", async () => {
  const { engine, a, b } = await scene(onPostgres)
  const session = await engine.dialect.connect(a.url)
  try {
    await expect(session.query(`drop table "${b.name}".public.items`)).rejects.toThrow(
      /cross-database references are not implemented/,
    )
  } finally {
    await session.close()
  }
})

test.each([
  ['SQL is no server', 'create table x ()', 'invalid_input'],
  ['nobody is there', 'postgres://somebody@127.0.0.1:1/postgres', 'server_unreachable'],
  ['no such directory', 'sqlite:no-such-directory', 'server_unreachable'],
])('%s', async (_, url, code) => {
  await expect(Engine.connect({ url })).rejects.toMatchObject({ code })
})

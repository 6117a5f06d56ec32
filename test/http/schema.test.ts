/** Comparing schemas and keeping snapshots through the API. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addServer } from '../../src/registry/servers.ts'
import { registerTenants } from '../../src/registry/tenants.ts'
import { makeSnapshot, type Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { controlStore } from '../../src/schema/snapshot/stores/control.ts'
import { adminQuery, createDatabase, dsnOf, type TestDatabase } from '../support/postgres.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
const databases: TestDatabase[] = []

beforeAll(async () => {
  api = await startTestApi()
  await addServer(api.app.control, api.app.keyring, { name: 'pg', dsn: dsnOf('postgres') })
  for (const name of ['acme', 'globex']) {
    const database = await createDatabase(`diff_${name}`)
    databases.push(database)
    const note = name === 'acme' ? '' : ', note text'
    await adminQuery(`create table public.orders (id bigint primary key${note})`, database.name)
    await registerTenants(api.app.control, [{ name, server: 'pg', database: database.name }])
  }
})
afterAll(async () => {
  for (const database of databases) await database.drop()
  await api.close()
})

function tables(...names: string[]): Snapshot {
  const objects = names.map((name) => ({
    kind: 'table',
    name: ['public', name],
    parent: null,
    properties: {},
    dependsOn: [],
  }))
  return makeSnapshot('postgres', '18.4', objects, [])
}

test('two tenants', async () => {
  const same = await api.ask('POST', '/schema/diff', {
    body: { from: { tenant: 'acme' }, to: { tenant: 'acme' } },
  })
  expect(same.body).toMatchObject({ equal: true, changes: [] })
  const { status, body } = await api.ask('POST', '/schema/diff', {
    body: { from: { tenant: 'acme' }, to: { tenant: 'globex' } },
  })
  expect(status).toBe(200)
  expect(body).toMatchObject({ equal: false, from: { label: 'tenant acme' }, to: { label: 'tenant globex' } })
  expect(body.changes).toMatchObject([
    { type: 'create', id: 'column:public.orders.note', to: { kind: 'column' } },
  ])
  expect(body).toMatchObject({ sql: null, must_allow: [] })
})

test('the SQL, and renames, where they are asked for', async () => {
  const ask = async (from: string, to: string, more: object) =>
    (await api.ask('POST', '/schema/diff', { body: { from: { tenant: from }, to: { tenant: to }, ...more } }))
      .body
  expect((await ask('acme', 'globex', { sql: true })).sql).toContain(
    'ALTER TABLE "public"."orders" ADD COLUMN "note" text',
  )
  const lossy = await ask('globex', 'acme', { sql: true })
  expect(lossy).toMatchObject({ sql: null, must_allow: [{ name: 'data-loss' }] })
  const allowed = await ask('globex', 'acme', { sql: true, allow: ['data-loss'] })
  expect(allowed).toMatchObject({
    sql: expect.stringContaining('DROP COLUMN "note"') as string,
    must_allow: [],
  })

  await adminQuery('alter table public.orders add column remark text', databases[0]?.name ?? '')
  const renames = [{ from: 'column:public.orders.remark', to: 'note' }]
  const renamed = await ask('acme', 'globex', { renames, sql: true })
  expect(renamed.changes).toMatchObject([{ type: 'rename', id: 'column:public.orders.note' }])
  expect(renamed.sql).toContain('RENAME COLUMN "remark" TO "note"')
  const wrong = await ask('acme', 'globex', { renames: [{ from: 'column:public.orders.x', to: 'note' }] })
  expect(wrong).toMatchObject({ status: 422, code: 'invalid_input' })
  await adminQuery('alter table public.orders drop column remark', databases[0]?.name ?? '')
})

test('snapshots: stored, listed, shown, compared by name, version and value', async () => {
  const stored = await api.ask('POST', '/schema/snapshots', {
    body: { name: 'shop', message: 'First', snapshot: tables('a') },
  })
  expect(stored).toMatchObject({ status: 201, body: { name: 'shop', number: 1, message: 'First' } })
  await controlStore(api.app.control).put('version-20260101_000000', tables('a', 'b'))
  expect((await api.ask('GET', '/schema/snapshots')).body.items).toHaveLength(2)
  const taken = await api.ask('POST', '/schema/snapshots', { body: { name: 'live', tenant: 'acme' } })
  expect(taken).toMatchObject({ status: 201, body: { name: 'live', dialect: 'postgres' } })
  expect((await api.ask('POST', '/schema/snapshots', { body: { name: 'none' } })).status).toBe(422)
  const shown = await api.ask('GET', '/schema/snapshots/shop@1')
  expect(shown.body).toEqual(JSON.parse(JSON.stringify(tables('a'))))
  const { body } = await api.ask('POST', '/schema/diff', {
    body: { from: { stored: 'shop' }, to: { version: '20260101_000000' } },
  })
  expect(body.changes).toMatchObject([{ type: 'create', id: 'table:public.b' }])
  const given = await api.ask('POST', '/schema/diff', {
    body: { from: { stored: 'shop' }, to: { snapshot: tables('c') } },
  })
  expect(given.body.changes.map((change: { type: string }) => change.type)).toEqual(['drop', 'create'])
})

test('what is not there, not whole, or not to be reached is refused', async () => {
  const ask = (from: unknown) => api.ask('POST', '/schema/diff', { body: { from, to: { stored: 'shop' } } })
  expect((await ask({ tenant: 'nobody' })).status).toBe(404)
  expect((await ask({ stored: 'nothing' })).status).toBe(404)
  expect((await ask({ version: '20250101_000000' })).status).toBe(404)
  const edited = { ...tables('a'), fingerprint: '0'.repeat(64) }
  expect(await ask({ snapshot: edited })).toMatchObject({ status: 422, body: { code: 'invalid_input' } })
  for (const url of [
    { url: dsnOf('postgres') },
    { tenant: dsnOf('postgres') },
    dsnOf('postgres'),
    { tenant: 'acme', stored: 'shop' },
  ]) {
    const answered = await ask(url)
    expect(answered.status).toBeGreaterThanOrEqual(400)
    expect(answered.status).toBeLessThan(500)
  }
  const token = await api.makeToken({ scopes: ['registry:read'] })
  const body = { from: { tenant: 'acme' }, to: { tenant: 'acme' } }
  expect((await api.ask('POST', '/schema/diff', { token, body })).status).toBe(403)
})

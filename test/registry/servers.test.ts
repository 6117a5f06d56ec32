/** Servers of the registry: added after a look, found to be the same, changed, retired. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAddress } from '../../src/engine/address.ts'
import { freePort } from '../../src/engine/ports.ts'
import {
  addressOf,
  addServer,
  getServer,
  inspectServer,
  listServers,
  retireServer,
  testServer,
  updateServer,
} from '../../src/registry/servers.ts'
import { countTenants, registerTenants } from '../../src/registry/tenants.ts'
import { pauseRollout, stopRollout } from '../../src/rollout/commands.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { FAST_NOT_DURABLE } from '../support/global-setup.ts'
import { adminQuery, dsnOf, sharedServer } from '../support/postgres.ts'
import { startDebianServer, startPrivateServer, type PrivateServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'

let fleet: Fleet
let other: PrivateServer

beforeAll(async () => {
  fleet = await startFleet({ tenants: 2 })
  other = await startPrivateServer({ settings: { ...FAST_NOT_DURABLE, max_connections: '33' } })
})
afterAll(async () => {
  await fleet.close()
  await other.remove()
})

function add(name: string, dsn: string): Promise<unknown> {
  return addServer(fleet.app.control, fleet.app.keyring, { name, dsn })
}

function migratorDsn(password = fleet.servers[0]?.migrator.password ?? ''): string {
  const { host, port } = sharedServer()
  return `postgres://${fleet.servers[0]?.migrator.user}:${encodeURIComponent(password)}@${host}:${port}/postgres`
}

describe('adding', () => {
  test('what the server says of itself is kept', async () => {
    expect(await getServer(fleet.app.control, 'pg-1')).toMatchObject({
      is_superuser: false,
      max_connections: 300,
      state: 'active',
      server_version: expect.closeTo(180_004, -4) as number,
      system_identifier: expect.stringMatching(/^\d{15,}$/) as string,
    })
    expect(await add('second', dsnOf('postgres', other))).toMatchObject({
      is_superuser: true,
      max_connections: 33,
    })
    expect((await listServers(fleet.app.control)).map((server) => server.name)).toEqual(['pg-1', 'second'])
  })

  test('a superuser that works as another role is a superuser', async () => {
    await adminQuery(
      `create role modest nologin; create role disguised login superuser password 'x'; alter role disguised set role = modest`,
      'postgres',
      other,
    )
    const dsn = dsnOf('postgres', { ...other, user: 'disguised', password: 'x' })
    expect(await inspectServer(parseAddress(dsn), 'second')).toMatchObject({ isSuperuser: true })
  })

  test.each([
    ['pg-1', 'The name is taken'],
    ['third', 'It is the server already registered as pg-1'],
  ])('the same name or the very same server is refused (%s)', async (name, why) => {
    await expect(add(name, migratorDsn())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(why) as string,
    })
  })

  test('a retired one comes back under its name with its tenants; another server does not get the name', async () => {
    const { control, keyring } = fleet.app
    const third = await startPrivateServer({ settings: FAST_NOT_DURABLE })
    const dsn = dsnOf('postgres', third)
    const first = { name: 'back', dsn, labels: { region: 'eu' }, capacity: 7 }
    const { id } = await addServer(control, keyring, first)
    await registerTenants(control, [{ name: 'comes-back', server: 'back', database: 'comes_back' }])
    await retireServer(control, 'back')
    expect(await countTenants(control, 'name:comes-back')).toBe(0)
    const again = await addServer(control, keyring, { name: 'back', dsn, labels: { region: 'us' } })
    expect(again).toMatchObject({ id, state: 'active', labels: { region: 'us' }, capacity: 7 })
    expect(await countTenants(control, 'name:comes-back')).toBe(1)
    await expect(add('back', dsn)).rejects.toThrow('The name is taken')

    await retireServer(control, 'second')
    await retireServer(control, 'back')
    await expect(add('second', dsn)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(
        /The name belongs to a retired server, and this is another one \(system identifier \d+, not \d+\)/,
      ) as string,
    })
    expect(await add('second', dsnOf('postgres', other))).toMatchObject({ state: 'active' })
    await control.query(`delete from tenantry.tenants where server_id = $1`, [id])
    await control.query(`delete from tenantry.db_servers where id = $1`, [id])
    await third.remove()
  })

  test('of several that add the same server at once, one succeeds', async () => {
    const third = await startPrivateServer({ settings: FAST_NOT_DURABLE })
    const tries = await Promise.allSettled(
      ['a', 'b', 'c', 'c'].map((name) => add(name, dsnOf('postgres', third))),
    )
    await third.remove()
    expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
    const refusals = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(refusals).toMatchObject(refusals.map(() => ({ code: 'conflict' })))
    await fleet.app.control.query(`delete from tenantry.db_servers where name in ('a', 'b', 'c')`)
  })

  test('one that does not answer, or refuses the login, is not added; the password is not in the error', async () => {
    const nowhere = await add(
      'x',
      `postgres://u:planted-secret@127.0.0.1:${await freePort()}/postgres`,
    ).catch((error: unknown) => error)
    expect(nowhere).toMatchObject({ code: 'server_unreachable', facts: { sqlstate: '08001' } })
    const wrong = await add('x', migratorDsn('planted-secret')).catch((error: unknown) => error)
    expect(wrong).toMatchObject({
      code: 'server_unreachable',
      facts: { sqlstate: '28P01', nextSteps: ['Check the user name and password of the connection URL.'] },
    })
    const missing = await add('x', migratorDsn().replace('/postgres', '/nothing_here')).catch(
      (error: unknown) => error,
    )
    expect(missing).toMatchObject({ code: 'server_unreachable', facts: { sqlstate: '3D000' } })
    for (const error of [nowhere, wrong, missing]) {
      expect(String(error) + JSON.stringify(error)).not.toContain('planted-secret')
    }
    await expect(add('x', 'oracle://u:planted-secret@h/d')).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.not.stringContaining('planted') as string,
    })
    expect((await listServers(fleet.app.control)).map((server) => server.name)).toEqual(['pg-1', 'second'])
  })
})

describe('changing', () => {
  test('another login on the same server; labels, pooler and capacity one by one', async () => {
    const { control, keyring } = fleet.app
    const changed = await updateServer(control, keyring, 'second', {
      labels: { region: 'eu' },
      capacity: 50,
      pooler: { host: 'bouncer', port: 6432 },
    })
    expect(changed).toMatchObject({
      labels: { region: 'eu' },
      capacity: 50,
      pooler_host: 'bouncer',
      pooler_port: 6432,
    })
    const again = await updateServer(control, keyring, 'second', { pooler: null })
    expect(again).toMatchObject({
      labels: { region: 'eu' },
      capacity: 50,
      pooler_host: null,
      pooler_port: null,
    })
    const login = await updateServer(control, keyring, 'pg-1', { dsn: dsnOf('postgres') })
    expect(login).toMatchObject({ username: sharedServer().user, is_superuser: true })
    expect(await updateServer(control, keyring, 'pg-1', { dsn: migratorDsn() })).toMatchObject({
      is_superuser: false,
    })
  })

  test('a URL without a password keeps the one that is known of the same role', async () => {
    const { control, keyring } = fleet.app
    const { host, port } = sharedServer()
    const dsn = `postgres://${fleet.servers[0]?.migrator.user}@${host}:${port}/template1`
    await expect(updateServer(control, keyring, 'pg-1', { dsn })).resolves.toMatchObject({
      maintenance_database: 'template1',
    })
    const server = await updateServer(control, keyring, 'pg-1', { dsn: migratorDsn() })
    expect((await addressOf(control, keyring, server)).password).toBe(fleet.servers[0]?.migrator.password)
    const stranger = `postgres://somebody_else@${host}:${port}/postgres`
    await expect(updateServer(control, keyring, 'pg-1', { dsn: stranger })).rejects.toMatchObject({
      code: 'server_unreachable',
    })
  })

  test('an address that leads elsewhere, or nowhere, changes nothing', async () => {
    const { control, keyring } = fleet.app
    const before = await getServer(control, 'pg-1')
    await expect(
      updateServer(control, keyring, 'pg-1', { dsn: dsnOf('postgres', other) }),
    ).rejects.toMatchObject({ code: 'conflict' })
    await expect(updateServer(control, keyring, 'pg-1', { dsn: migratorDsn('wrong') })).rejects.toMatchObject(
      { code: 'server_unreachable' },
    )
    expect(await getServer(control, 'pg-1')).toEqual(before)
    expect(await testServer(control, keyring, 'pg-1')).toMatchObject({ isSuperuser: false })
  })

  test('a test looks again', async () => {
    const { control, keyring } = fleet.app
    await control.query(`update tenantry.db_servers set max_connections = 1 where name = 'second'`)
    expect(await testServer(control, keyring, 'second')).toMatchObject({
      maxConnections: 33,
      serverVersion: expect.any(Number) as number,
    })
    expect(await getServer(control, 'second')).toMatchObject({ max_connections: 33 })
    await other.stop()
    await expect(testServer(control, keyring, 'second')).rejects.toMatchObject({ code: 'server_unreachable' })
    await other.restart()
    await expect(testServer(control, keyring, 'nothing')).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('retiring', () => {
  test('not while a rollout is on it; afterwards it and its tenants are in no selection', async () => {
    const { control } = fleet.app
    const { id } = await fleet.rollout({ version: await fleet.addColumn() })
    await expect(retireServer(control, 'pg-1')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(id) as string,
    })
    await pauseRollout(control, id, { actor: 'test' })
    await expect(retireServer(control, 'pg-1')).rejects.toMatchObject({ code: 'conflict' })
    await stopRollout(control, id, { actor: 'test' })
    expect(await retireServer(control, 'pg-1')).toMatchObject({ state: 'retired' })
    expect((await listServers(control)).map((server) => server.name)).toEqual(['second'])
    expect(await listServers(control, { includeRetired: true })).toHaveLength(2)
    await expect(fleet.rollout({ version: await fleet.addColumn() })).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(retireServer(control, 'nothing')).rejects.toMatchObject({ code: 'not_found' })
    await control.query(`update tenantry.db_servers set state = 'active'`)
  })
})

withProgram('postgres15').test("Debian's PostgreSQL 15: registered, and a rollout reaches it", async () => {
  const debian = await startDebianServer({ settings: FAST_NOT_DURABLE })
  const old = await startFleet({ tenants: 3, schemas: ['one'], servers: [debian] })
  await old.startWorker()
  expect(await getServer(old.app.control, 'pg-1')).toMatchObject({
    server_version: expect.closeTo(150_010, -3) as number,
    is_superuser: false,
  })
  expect((await old.complete({ version: await old.addColumn() })).progress).toMatchObject({ successful: 4 })
  const steps = await old.addVersion({
    upgrade: 'create index concurrently on_15 on items (name)',
    probe: `select to_regclass('on_15') is not null`,
  })
  expect((await old.complete({ version: steps })).progress).toMatchObject({ successful: 4 })
  expect((await old.complete({ version: await old.addColumn(), dryRun: true })).progress).toMatchObject({
    successful: 4,
  })
  await old.close()
  await debian.remove()
})

/** MySQL and MariaDB servers in the registry: by URL, tested, examined, searched for tenants. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAddress } from '../../src/engine/address.ts'
import { discover } from '../../src/registry/discovery.ts'
import { examineServer } from '../../src/registry/doctor.ts'
import { addServer, addressOf, getServer, testServer, updateServer } from '../../src/registry/servers.ts'
import { startTestApi, type TestApi } from '../http/api.ts'
import type { MysqlServer } from '../support/mysql-server.ts'
import { migratorUrl, startMysqlServer } from '../support/mysql-fleet.ts'
import { onBoth } from '../support/mysql-products.ts'

test('a URL names a host or a socket, and no file of this machine', () => {
  expect(parseAddress('mysql://migrator:a%2Fb@db-1.internal/?sslmode=verify-ca')).toEqual({
    kind: 'mysql',
    host: 'db-1.internal',
    port: 3306,
    user: 'migrator',
    password: 'a/b',
    database: '',
    ssl: 'verify-ca',
  })
  expect(parseAddress('mariadb://m@localhost?socket=%2Frun%2Fmysqld.sock')).toMatchObject({
    kind: 'mysql',
    host: '/run/mysqld.sock',
  })
  expect(() => parseAddress('mysql://m@db?sslrootcert=/ca.pem')).toThrow(/--ssl-root-cert|no file/)
  expect(() => parseAddress('mysql://m@db?sslmode=prefer')).toThrow(/sslmode=prefer/)
  expect(() => parseAddress('mysql://db')).toThrow(/names no user/)
})

onBoth('a server,', ({ product, start }) => {
  let server: MysqlServer
  let api: TestApi

  beforeAll(async () => {
    server = await startMysqlServer(start)
    api = await startTestApi()
    await addServer(api.app.control, api.app.keyring, { name: 'maria', dsn: migratorUrl(server) })
  }, 120_000)
  afterAll(async () => {
    await api.close()
    await server.remove()
  })

  test('is added once, with what it says of itself; its password is encrypted', async () => {
    const { control, keyring } = api.app
    const known = await getServer(control, 'maria')
    expect(known).toMatchObject({
      kind: 'mysql',
      host: server.socket,
      username: 'migrator',
      is_superuser: false,
      max_connections: 151,
    })
    expect(known.server_version).toBeGreaterThanOrEqual(product === 'MariaDB' ? 100_500 : 90_000)
    expect((await addressOf(control, keyring, known)).password).toBe('se cret/1')
    const stored = JSON.stringify(await control.query('select * from tenantry.secrets'))
    expect(stored).not.toContain('se cret/1')
    const again = addServer(control, keyring, { name: 'twice', dsn: migratorUrl(server) })
    await expect(again).rejects.toThrow(/already registered as maria/)
  })

  test('is tested: a wrong password and a server that is away are told apart', async () => {
    const { control, keyring } = api.app
    expect(await testServer(control, keyring, 'maria')).toMatchObject({ isSuperuser: false })
    const wrong = migratorUrl(server).replace('se%20cret', 'wrong')
    await expect(updateServer(control, keyring, 'maria', { dsn: wrong })).rejects.toMatchObject({
      code: 'server_unreachable',
      facts: { sqlstate: '28000' },
    })
    const away = `mysql://migrator@localhost?socket=${encodeURIComponent(`${server.socket}x`)}`
    await expect(updateServer(control, keyring, 'maria', { dsn: away })).rejects.toMatchObject({
      code: 'server_unreachable',
      facts: { sqlstate: '08001' },
    })
    const root = `mysql://root@localhost?socket=${encodeURIComponent(server.socket)}`
    expect(await updateServer(control, keyring, 'maria', { dsn: root })).toMatchObject({ is_superuser: true })
    const findings = await examineServer(
      { control, keyring, maxConnections: 100 },
      await getServer(control, 'maria'),
    )
    expect(Object.fromEntries(findings.map(({ check, status }) => [check, status]))).toEqual({
      'server.reachable': 'ok',
      'server.version': 'ok',
      'server.role': 'warn',
      'server.tls': 'ok',
      'server.connections': 'ok',
      'server.clock': 'ok',
      'server.flush': 'warn',
    })
    await updateServer(control, keyring, 'maria', { dsn: migratorUrl(server) })
  })

  test('takes no pooler: nothing would go by it', async () => {
    const { control, keyring } = api.app
    const pooler = { host: 'pooler', port: 6432 }
    const why = /Server maria is mysql: only PostgreSQL servers are reached by a pooler/
    await expect(updateServer(control, keyring, 'maria', { pooler })).rejects.toThrow(why)
    await expect(
      addServer(control, keyring, { name: 'maria', dsn: migratorUrl(server), pooler }),
    ).rejects.toThrow(why)
    expect(await updateServer(control, keyring, 'maria', { pooler: null })).toMatchObject({
      pooler_host: null,
    })
  })

  test('is searched for databases by pattern, in which an underscore is itself', async () => {
    const { control, keyring } = api.app
    for (const name of ['fleet_1', 'fleet_2', 'fleetx3', 'Fleet_4']) server.create(name)
    const maria = await getServer(control, 'maria')
    expect(await discover(control, keyring, [maria], { pattern: 'fleet_%' })).toMatchObject({
      found: 2,
      added: 2,
    })
    server.script('DROP DATABASE fleet_2')
    expect(await discover(control, keyring, [maria], { pattern: 'fleet_%' })).toMatchObject({
      found: 1,
      added: 0,
      missing: ['fleet_2'],
    })
    expect(await discover(control, keyring, [maria], { pattern: '%schema%' })).toMatchObject({ found: 0 })
    const inside = await discover(control, keyring, [maria], { pattern: '%', inDatabase: 'fleet_1' })
    expect(inside.unreachable).toMatchObject([{ reason: expect.stringContaining('have no schemas') }])
  })
})

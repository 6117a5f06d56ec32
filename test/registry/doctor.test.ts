/** Examining servers, with real faults to find. */
import { chmod, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { examineHouse } from '../../src/control/doctor.ts'
import type { Finding } from '../../src/lib/finding.ts'
import { examineServer } from '../../src/registry/doctor.ts'
import { addServer, getServer, updateServer } from '../../src/registry/servers.ts'
import { registerTenants } from '../../src/registry/tenants.ts'
import { ident } from '../../src/engine/sql.ts'
import { startTestApi, type TestApi } from '../http/api.ts'
import { testDirectory } from '../support/directories.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { adminQuery, createDatabase, dsnOf, type TestDatabase } from '../support/postgres.ts'
import { startPrivateServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'

const ROLE = 'doctor_migrator'
let api: TestApi
let database: TestDatabase

beforeAll(async () => {
  api = await startTestApi()
  database = await createDatabase('doctor')
  await addServer(api.app.control, api.app.keyring, { name: 'pg', dsn: dsnOf('postgres') })
  await registerTenants(api.app.control, [{ name: 'acme', server: 'pg', database: database.name }])
})

afterAll(async () => {
  await database.drop()
  await api.close()
})

async function examine(name: string): Promise<Record<string, Finding>> {
  const { control, keyring } = api.app
  const findings = await examineServer(
    { control, keyring, maxConnections: 100 },
    await getServer(control, name),
  )
  return Object.fromEntries(findings.map((finding) => [finding.check, finding]))
}

test('a superuser and databases open to everybody are found, with what to do', async () => {
  const found = await examine('pg')
  expect(found).toMatchObject({
    'server.reachable': { status: 'ok', subject: 'server pg' },
    'server.version': { status: 'ok', message: expect.stringMatching(/^PostgreSQL 18\./) as unknown },
    'server.role': { status: 'warn', fix: expect.stringMatching(/create role/) as unknown },
    'server.public': { status: 'warn', message: expect.stringContaining(database.name) as unknown },
    'server.clock': { status: 'ok' },
    'server.connections': { status: 'ok' },
  })
  await adminQuery(`revoke all on database ${ident(database.name)} from public`)
  expect((await examine('pg'))['server.public']).toMatchObject({ status: 'ok', fix: null })
})

test('a server without room, and one that is away', async () => {
  const server = await startPrivateServer({
    settings: { max_connections: '8', superuser_reserved_connections: '3' },
  })
  await adminQuery(`create role ${ROLE} login password 'pw' createdb`, 'postgres', server)
  const dsn = `postgres://${ROLE}:pw@${server.host}:${server.port}/postgres`
  await addServer(api.app.control, api.app.keyring, { name: 'small', dsn })
  expect(await examine('small')).toMatchObject({
    'server.role': { status: 'ok' },
    'server.connections': { status: 'warn', message: expect.stringMatching(/of 8 connections/) as unknown },
  })
  await adminQuery(`alter role ${ROLE} password 'other'`, 'postgres', server)
  expect(await examine('small')).toEqual({
    'server.reachable': expect.objectContaining({
      status: 'fail',
      fix: expect.stringMatching(/password/) as unknown,
    }) as unknown,
  })
  await server.remove()
  expect(await examine('small')).toEqual({
    'server.reachable': expect.objectContaining({
      status: 'fail',
      message: expect.stringMatching(/ECONNREFUSED/) as unknown,
    }) as unknown,
  })
})

withProgram('pgbouncer').describe('a pooler', () => {
  test('that is away fails; one with known holes is warned of', async () => {
    const pooler = await startPgBouncer()
    const { control, keyring } = api.app
    await updateServer(control, keyring, 'pg', { pooler: { host: pooler.host, port: pooler.port } })
    const version = String((await pooler.show('show version'))[0]?.['version'])
    const { 'server.pooler': found } = await examine('pg')
    expect(found?.message).toContain(version)
    const [major = 0, minor = 0, patch = 0] = (/\d+\.\d+\.\d+/.exec(version)?.[0] ?? '')
      .split('.')
      .map(Number)
    const isSafe = major > 1 || minor > 25 || (minor === 25 && patch >= 2)
    expect(found?.status).toBe(isSafe ? 'ok' : 'warn')
    await pooler.stop()
    expect((await examine('pg'))['server.pooler']).toMatchObject({ status: 'fail' })
    await updateServer(control, keyring, 'pg', { pooler: null })
  })
})

test('of the house: workers that are missing, and secrets that others can read', async () => {
  const directory = await testDirectory('doctor')
  const secretKeyFile = path.join(directory, 'secret.key')
  const tokenFile = path.join(directory, 'token')
  const look = async (): Promise<Record<string, Finding>> => {
    const findings = await examineHouse(api.app.control, { secretKeyFile, tokenFile })
    return Object.fromEntries(findings.map((finding) => [finding.check, finding]))
  }
  await writeFile(secretKeyFile, 'x', { mode: 0o600 })
  expect(await look()).toMatchObject({
    'control.reachable': { status: 'ok' },
    'control.role': { status: 'warn' },
    'workers.alive': { status: 'warn', fix: expect.stringMatching(/serve --role worker/) as unknown },
    'secret.key': { status: 'ok' },
    'token.file': { status: 'warn' },
  })
  await chmod(secretKeyFile, 0o644)
  expect((await look())['secret.key']).toMatchObject({ status: 'fail', fix: `chmod 600 ${secretKeyFile}` })
  await rm(directory, { recursive: true })
})

test('the endpoint gives all of it, to those who may see the registry', async () => {
  const { status, body } = await api.ask('GET', '/doctor')
  expect(status).toBe(200)
  const { items } = body as { items: Finding[] }
  expect(new Set(items.map(({ subject }) => subject))).toEqual(
    new Set([
      'control database',
      'workers',
      'secret key',
      'token file',
      'server pg',
      'server small',
      'alembic',
    ]),
  )
  const reader = await api.makeToken({ scopes: ['rollouts:read'] })
  expect((await api.ask('GET', '/doctor', { token: reader })).status).toBe(403)
})

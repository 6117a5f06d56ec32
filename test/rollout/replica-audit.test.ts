/** Audits that read from a real streaming replica: where each reading came from, and what a replica that lags is worth. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Finding } from '../../src/lib/finding.ts'
import { examineServer } from '../../src/registry/doctor.ts'
import { getServer } from '../../src/registry/servers.ts'
import { setReadAddress } from '../../src/registry/read-address.ts'
import { listFindings, listReadings, type TenantFinding } from '../../src/schema/drift/findings.ts'
import { openTenantDatabase, readServerOf } from '../../src/schema/tenant-session.ts'
import { carriedOut, keepAsExpected } from '../support/drift.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { adminQuery, sharedServer } from '../support/postgres.ts'
import { startDebianReplica, startDebianServer, type PrivateServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

withProgram('postgres15', 'initdb15', 'basebackup15').describe('audits by the read address', () => {
  let primary: PrivateServer
  let replica: PrivateServer
  let fleet: Fleet
  /** The log-in of the read address: a role that owns nothing and may write nothing. */
  const auditor = (port: number): string =>
    `postgres://auditor:look-only@127.0.0.1:${port}/postgres?sslmode=disable`

  beforeAll(async () => {
    primary = await startDebianServer({ settings: { wal_level: 'replica', max_wal_senders: '4' } })
    fleet = await startFleet({ tenants: 3, servers: [primary] })
    await adminQuery(`create role auditor login password 'look-only'`, 'postgres', primary)
    replica = await startDebianReplica(primary, { settings: { hot_standby: 'on' } })
    await fleet.startWorker()
  })
  afterAll(async () => {
    await fleet.close()
    await replica.remove()
    await primary.remove()
  })

  const expectedFrom = (index: number): Promise<string> => keepAsExpected(fleet.app, fleet.tenant(index))

  async function scan(input: object): Promise<{ id: string; findings: TenantFinding[] }> {
    const { control } = fleet.app
    const { id } = await carriedOut(control, 'drift-scan', { selector: '', ...input })
    return { id, findings: await listFindings(control, { selector: '', scan: id, limit: 10 }) }
  }
  /** What the doctor says of the address for reading. */
  async function examinedReading(): Promise<Finding[]> {
    const { control, keyring } = fleet.app
    const server = await getServer(control, name())
    const found = await examineServer({ control, keyring, maxConnections: 10 }, server)
    return found.filter(({ check }) => check.startsWith('server.reading'))
  }
  const states = (findings: readonly TenantFinding[]): string[] => findings.map(({ state }) => state)
  const name = (): string => fleet.tenant(0).server
  const replayed = (): Promise<unknown> =>
    until(
      async () => {
        const [sent] = await adminQuery<{ at: string }>(
          'select pg_current_wal_lsn()::text as at',
          'postgres',
          primary,
        )
        const [has] = await adminQuery<{ yes: boolean }>(
          `select pg_last_wal_replay_lsn() >= '${sent?.at}' as yes`,
          'postgres',
          replica,
        )
        return has?.yes === true
      },
      { what: 'the replica to catch up' },
    )

  test('another server’s data is refused; without one the server itself is read', async () => {
    const { host, port, user, password } = sharedServer()
    const other = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres?sslmode=disable`
    const { control, keyring } = fleet.app
    await expect(setReadAddress(control, keyring, name(), other)).rejects.toThrow(/no replica of it/)
    const { findings } = await scan({ expected: await expectedFrom(0) })
    expect(states(findings)).toEqual(['in_sync', 'in_sync', 'in_sync'])
    expect(new Set(findings.map((one) => one.read_from))).toEqual(new Set([`127.0.0.1:${primary.port}`]))
  })

  test('with one, readings come from it, and say so; --primary passes it by', async () => {
    const { control, keyring } = fleet.app
    const server = await setReadAddress(control, keyring, name(), auditor(replica.port))
    expect(server).toMatchObject({ read_port: replica.port, read_username: 'auditor' })
    const expected = await expectedFrom(0)
    await fleet.sql(fleet.tenant(1), 'alter table items add column note text')
    await replayed()
    const found = await scan({ expected })
    expect(states(found.findings)).toEqual(['in_sync', 'different', 'in_sync'])
    expect(await listReadings(control, '', found.id)).toEqual([
      { server: name(), address: `127.0.0.1:${replica.port}`, tenants: 3 },
    ])
    const { id } = await scan({ expected, primary: true })
    expect(await listReadings(control, '', id)).toEqual([
      { server: name(), address: `127.0.0.1:${primary.port}`, tenants: 3 },
    ])
    await fleet.sql(fleet.tenant(1), 'alter table items drop column note')
  })

  test('the doctor looks at it as well', async () => {
    const [reading, ...more] = await examinedReading()
    expect(reading).toMatchObject({ check: 'server.reading', status: 'ok' })
    expect(reading?.message).toMatch(
      new RegExp(`^its read address 127.0.0.1:${replica.port}, a replica, answers in \\d+ ms, as auditor$`),
    )
    expect(more).toEqual([])
    await replica.stop()
    expect(await examinedReading()).toMatchObject([
      { status: 'fail', message: expect.stringContaining('its read address') as unknown },
    ])
    await replica.restart()
  })

  test('the role of the read address can write nothing', async () => {
    const server = await readServerOf(fleet.app.control, fleet.app.keyring, name())
    const { session } = await openTenantDatabase(server, fleet.tenant(0).database)
    try {
      await expect(session.query('create table public.mine (id integer)')).rejects.toThrow(
        /read-only transaction/,
      )
    } finally {
      await session.close()
    }
  })

  test('what a replica has not got yet is no drift', async () => {
    await replayed()
    await adminQuery('select pg_wal_replay_pause()', 'postgres', replica)
    for (const index of [0, 1, 2])
      await fleet.sql(fleet.tenant(index), 'alter table items add column late text')
    const expected = await expectedFrom(0)
    const { findings } = await scan({ expected })
    expect(states(findings)).toEqual(['unreachable', 'unreachable', 'unreachable'])
    expect(findings[0]?.error).toMatch(/is behind its primary \(\d+ bytes .* is no finding/)
    expect(states((await scan({ expected, primary: true })).findings)).toEqual([
      'in_sync',
      'in_sync',
      'in_sync',
    ])
    await adminQuery('select pg_wal_replay_resume()', 'postgres', replica)
    const { findings: after } = await scan({ expected })
    expect(states(after)).toEqual(['in_sync', 'in_sync', 'in_sync'])
    expect(new Set(after.map((one) => one.read_from))).toEqual(new Set([`127.0.0.1:${replica.port}`]))
  })

  test('without the primary: equal is in sync, and drift cannot be told from lag', async () => {
    const expected = await expectedFrom(0)
    await fleet.sql(fleet.tenant(2), 'alter table items drop column late')
    await replayed()
    await primary.stop()
    try {
      const { findings } = await scan({ expected })
      expect(states(findings)).toEqual(['in_sync', 'in_sync', 'unreachable'])
      expect(findings[2]?.error).toMatch(/whether the replica is only behind cannot be told/)
      await replica.stop()
      const lost = await scan({ expected })
      expect(states(lost.findings)).toEqual(['unreachable', 'unreachable', 'unreachable'])
      expect(lost.findings[0]?.error).toMatch(/--primary/)
    } finally {
      await replica.restart()
      await primary.restart()
    }
  })

  test('a replica that was promoted is nobody’s any more: nothing that it has is a finding', async () => {
    const expected = await expectedFrom(0)
    await adminQuery('select pg_promote()', 'postgres', replica)
    const { findings } = await scan({ expected })
    expect(states(findings)).toEqual(['unreachable', 'unreachable', 'unreachable'])
    expect(findings[0]?.error).toMatch(/no replica of it any more, nor the server itself: it was promoted/)
    expect(await examinedReading()).toMatchObject([{ check: 'server.reading', status: 'fail' }])
    const { control, keyring } = fleet.app
    await setReadAddress(control, keyring, name(), auditor(primary.port))
    expect(states((await scan({ expected })).findings)).toEqual(['in_sync', 'in_sync', 'different'])
    expect(await examinedReading()).toMatchObject([
      { status: 'ok', message: expect.stringContaining(', the server itself, ') as unknown },
    ])
  })
})

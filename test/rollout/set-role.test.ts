/** A login that works as another role from its first moment: `alter role migrator set role = owner`. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAddress } from '../../src/engine/address.ts'
import { Session } from '../../src/engine/session.ts'
import { ident } from '../../src/engine/sql.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { adminQuery, dsnOf } from '../support/postgres.ts'

let fleet: Fleet
let owner: string

beforeAll(async () => {
  fleet = await startFleet({ tenants: 2 })
  const { migrator, prefix, places } = fleet.servers[0]!
  owner = `${prefix}owner`
  await adminQuery(`create role ${ident(owner)} nologin; grant ${ident(owner)} to ${ident(migrator.user)}`)
  for (const { database } of places) {
    await adminQuery(`reassign owned by ${ident(migrator.user)} to ${ident(owner)}`, database)
  }
  await adminQuery(`alter role ${ident(migrator.user)} set role = ${ident(owner)}`)
})

afterAll(async () => {
  await fleet.close()
  await adminQuery(`drop role ${ident(owner)}`)
})

test.concurrent('a statement that takes long is not taken for one that nothing is under way for', async () => {
  const worker = await fleet.startWorker()
  const version = await fleet.addVersion({ upgrade: 'select pg_sleep(21)' })
  const { id } = await fleet.rollout({
    version,
    selector: `name:${fleet.tenant(0).name}`,
    options: { statementTimeout: '1min' },
  })
  expect((await fleet.waitFor(id, 'completed', 60_000)).progress).toMatchObject({ successful: 1, retries: 0 })
  expect(
    await fleet.sql(
      fleet.tenant(0),
      `select nspowner::regrole::text = '${owner}' as is_owners
    from pg_namespace where nspname = 'tenantry'`,
    ),
  ).toEqual([{ is_owners: true }])
  await worker.drain()
})

test.concurrent('what a former holder of the tenant left running is ended', async () => {
  const tenant = fleet.tenant(1)
  const version = await fleet.addVersion({ upgrade: 'create index concurrently by_name on items (name)' })
  const { id } = await fleet.rollout({ version, selector: `name:${tenant.name}` })
  const { migrator } = fleet.servers[0]!
  const address = { ...parseAddress(dsnOf(tenant.database)), ...migrator }
  const former = await Session.open(address, { applicationName: `tenantry rollout ${id.slice(0, 8)}` })
  const key = createHash('sha256').update('tenantry steps\0').digest().readBigInt64BE()
  await former.query(`select pg_advisory_lock(${key})`)
  await fleet.startWorker()
  expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1 })
  await expect(former.query('select 1')).rejects.toThrow(/administrator|lost/)
  await fleet.expectConsistent(id)
})

/** Tenants found on servers, imported, and a hundred thousand of them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ident } from '../../src/engine/sql.ts'
import { discover, findPlaces } from '../../src/registry/discovery.ts'
import { listServers, type DbServer } from '../../src/registry/servers.ts'
import {
  countTenants,
  getTenant,
  listTenants,
  registerTenants,
  retireTenant,
  selectionCondition,
} from '../../src/registry/tenants.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { adminQuery } from '../support/postgres.ts'

let fleet: Fleet
let prefix: string

beforeAll(async () => {
  fleet = await startFleet({ tenants: 4, schemas: ['s_one', 's_two', 'sXone'] })
  prefix = fleet.servers[0]?.prefix ?? ''
  await fleet.app.control.query('delete from tenantry.tenants')
})
afterAll(() => fleet.close())

async function server(): Promise<DbServer> {
  const [found] = await listServers(fleet.app.control)
  if (found === undefined) throw new Error('no server')
  return found
}

async function find(pattern: string, inDatabase?: string) {
  const { control, keyring } = fleet.app
  return discover(control, keyring, await listServers(control), {
    pattern,
    inDatabase,
    labels: { found: 'yes' },
  })
}

async function names(selector = ''): Promise<string[]> {
  return (await listTenants(fleet.app.control, { selector, limit: 100 })).map((tenant) => tenant.name)
}

describe('discovery', () => {
  test('by pattern, in which an underscore is an underscore; again everything is known', async () => {
    await adminQuery(`create database ${prefix.replace('_', 'x')}004 template ${prefix}template`)
    const first = await find(`${prefix}00%`)
    expect(first).toEqual({ found: 4, added: 4, known: 0, missing: [], unreachable: [] })
    expect(await names()).toEqual(fleet.tenants.slice(0, 4).map((tenant) => tenant.name))
    expect(await find(`${prefix}00%`)).toMatchObject({ found: 4, added: 0, known: 4 })
    expect((await getTenant(fleet.app.control, fleet.tenant(0).name)).labels).toEqual({ found: 'yes' })
    await adminQuery(`drop database ${prefix.replace('_', 'x')}004`)
  })

  test('a database that matches and cannot be used is reported with the reason, and not registered', async () => {
    const make = (name: string, sql: string): Promise<unknown> =>
      adminQuery(`create database ${prefix}${name}`).then(() =>
        adminQuery(sql.replaceAll('DB', `${prefix}${name}`)),
      )
    await make('z_closed', 'alter database DB allow_connections false')
    await make('z_full', 'alter database DB connection limit 0')
    await make('z_private', 'revoke connect on database DB from public')
    const found = await find(`${prefix}z_%`)
    expect(found).toMatchObject({ found: 3, added: 0 })
    expect(found.unreachable).toEqual([
      { place: `pg-1/${prefix}z_closed`, reason: 'the database allows no connections' },
      { place: `pg-1/${prefix}z_full`, reason: 'the database has a connection limit of 0' },
      { place: `pg-1/${prefix}z_private`, reason: 'the login role may not connect to it' },
    ])
    await adminQuery(`alter database ${prefix}z_closed allow_connections true`)
    for (const name of ['z_closed', 'z_full', 'z_private']) await adminQuery(`drop database ${prefix}${name}`)
  })

  test("the server's own databases, templates and Tenantry's own are nobody's tenants", async () => {
    const control = fleet.controlUrl.slice(fleet.controlUrl.lastIndexOf('/') + 1)
    const { keyring } = fleet.app
    const all = (await findPlaces(fleet.app.control, keyring, await server(), { pattern: '%' })).map(
      (place) => place.database,
    )
    expect(all).toEqual(expect.arrayContaining(fleet.tenants.slice(0, 4).map((tenant) => tenant.database)))
    for (const own of ['postgres', 'template0', 'template1', control]) expect(all).not.toContain(own)
    expect(await find('postgres')).toMatchObject({ found: 0, added: 0 })
    // Whoever registers it by name means it.
    await registerTenants(fleet.app.control, [{ name: 'by-name', server: 'pg-1', database: 'postgres' }])
    expect(await find('postgres')).toMatchObject({ found: 0, missing: [] })
    expect(await getTenant(fleet.app.control, 'by-name')).toMatchObject({ state: 'active' })
    await fleet.app.control.query(`delete from tenantry.tenants where name = 'by-name'`)
  })

  test('one that is gone is marked missing, and is back when it is back', async () => {
    await adminQuery(`alter database ${fleet.tenant(3).database} rename to ${prefix}away`)
    expect(await find(`${prefix}00%`)).toMatchObject({ found: 3, missing: [fleet.tenant(3).name] })
    expect(await names()).toHaveLength(3)
    expect(await names('state:missing')).toEqual([fleet.tenant(3).name])
    await adminQuery(`alter database ${prefix}away rename to ${fleet.tenant(3).database}`)
    expect(await find(`${prefix}00%`)).toMatchObject({ found: 4, known: 4, missing: [] })
    expect(await names('state:missing')).toEqual([])
  })

  test('one that was retired stays retired, unless it is registered by name', async () => {
    const { name, database } = fleet.tenant(2)
    await retireTenant(fleet.app.control, name)
    await find(`${prefix}00%`)
    expect(await getTenant(fleet.app.control, name)).toMatchObject({ state: 'retired' })
    await registerTenants(fleet.app.control, [{ name, server: 'pg-1', database }])
    expect(await getTenant(fleet.app.control, name)).toMatchObject({ state: 'active' })
  })

  test('schemas of one database', async () => {
    const database = `${prefix}shared`
    expect(await find('s_%', database)).toMatchObject({ found: 2, added: 2 })
    expect(await names('schema:s%')).toEqual([`${database}.s_one`, `${database}.s_two`])
    await adminQuery(
      `revoke all on schema s_two from public; alter schema s_two owner to current_user`,
      database,
    )
    expect((await find('s_%', database)).unreachable).toEqual([
      { place: `pg-1/${database}.s_two`, reason: 'the login role may not use the schema' },
    ])
  })

  test('a name that another place has gets the name of its server before it', async () => {
    await adminQuery(`create database ${ident(`${prefix}twin`)}`)
    await registerTenants(fleet.app.control, [
      { name: `${prefix}twin`, server: 'pg-1', database: 'somewhere_else' },
    ])
    expect(await find(`${prefix}twin%`)).toMatchObject({ added: 1 })
    expect(await getTenant(fleet.app.control, `pg-1/${prefix}twin`)).toMatchObject({
      database_name: `${prefix}twin`,
    })
    expect(await find(`${prefix}twin%`)).toMatchObject({ added: 0, known: 1 })
  })

  test('a server that cannot be reached is reported; the others are looked at', async () => {
    await fleet.app.control.query(
      `insert into tenantry.db_servers (name, host, port, username, maintenance_database, sslmode) values ('away', '127.0.0.1', 1, 'nobody', 'postgres', 'disable')`,
    )
    const found = await find(`${prefix}00%`)
    expect(found).toMatchObject({ found: 4 })
    expect(found.unreachable).toMatchObject([
      { place: 'away', reason: expect.stringContaining('ECONNREFUSED') as string },
    ])
    await fleet.app.control.query(`delete from tenantry.db_servers where name = 'away'`)
  })
})

describe('registering', () => {
  const entry = (name: string, database = name, schema?: string) => ({
    name,
    server: 'pg-1',
    database,
    schema,
  })

  test.each([
    ['the same name twice', [entry('twice', 'a'), entry('twice', 'b')], 'Tenant "twice" is listed twice.'],
    [
      'the same place twice',
      [entry('one', 'a'), entry('two', 'a')],
      'Tenant "two" is at the same place as one.',
    ],
    ['no name', [entry('', 'a')], 'Tenant "" has no name.'],
    ['a NUL', [entry('nul', 'a\0b')], 'NUL'],
    ['half a character', [entry('half\uD800', 'a')], 'surrogate'],
    ['an empty database', [entry('empty', '')], 'cannot be a name'],
    ['a long name', [entry('long', 'x'.repeat(64))], '63 bytes'],
    ['a long schema', [entry('long', 'x', 'é'.repeat(32))], '63 bytes'],
  ])('%s is refused in words, and nothing is registered', async (_what, entries, message) => {
    const before = await countTenants(fleet.app.control, '')
    await expect(registerTenants(fleet.app.control, [entry('fine'), ...entries])).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message) as string,
    })
    expect(await countTenants(fleet.app.control, '')).toBe(before)
  })

  test('an unknown server, or a name that another tenant has, is named', async () => {
    const { control } = fleet.app
    await expect(registerTenants(control, [{ ...entry('x'), server: 'nowhere' }])).rejects.toMatchObject({
      code: 'not_found',
      message: 'Tenant x: there is no server nowhere.',
    })
    await registerTenants(control, [entry('known', 'here')])
    await expect(registerTenants(control, [entry('known', 'there')])).rejects.toMatchObject({
      code: 'conflict',
      message: 'The tenant name known is taken by the tenant in here.',
    })
    expect(await registerTenants(control, [{ ...entry('known', 'here'), labels: { more: '1' } }])).toEqual({
      added: 0,
      known: 1,
    })
    expect(await getTenant(control, 'known')).toMatchObject({ labels: { more: '1' } })
  })

  test('several at once with the same names: each is registered once', async () => {
    const entries = Array.from({ length: 50 }, (_, index) => entry(`raced_${index}`))
    const results = await Promise.allSettled(
      Array.from({ length: 4 }, () => registerTenants(fleet.app.control, entries)),
    )
    expect(await countTenants(fleet.app.control, 'name:raced_%')).toBe(50)
    const refusals = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(refusals).toMatchObject(refusals.map(() => ({ code: 'conflict' })))
  })
})

describe('a hundred thousand', () => {
  const COUNT = 100_000

  beforeAll(async () => {
    await fleet.app.control.query('truncate tenantry.tenants cascade')
    const entries = Array.from({ length: COUNT }, (_, index) => ({
      name: `many_${String(index).padStart(6, '0')}`,
      server: 'pg-1',
      database: `many_${Math.floor(index / 1000)}`,
      schema: `s${index}`,
      labels: { plan: index % 1000 === 0 ? 'rare' : 'free', region: ['eu', 'us', 'ap'][index % 3] ?? '' },
    }))
    expect(await registerTenants(fleet.app.control, entries)).toEqual({ added: COUNT, known: 0 })
    await fleet.app.control.query('analyze tenantry.tenants')
  }, 120_000)

  /** The nodes of the plan by which tenants are selected. */
  async function plan(selector: string, rest = ''): Promise<string> {
    const condition = selectionCondition(selector)
    const rows = await fleet.app.control.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, costs off, timing off, summary off, buffers off) select tenant.name from tenantry.tenants as tenant
       join tenantry.db_servers as server on server.id = tenant.server_id where ${condition.sql} ${rest}`,
      condition.values,
    )
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }

  test('selectors find by index what is rare, and pages are read in order, not sorted', async () => {
    expect(await plan('plan:rare')).toMatch(/tenants_labels/)
    expect(await plan('name:many_012345')).toMatch(/tenants_name_key/)
    expect(await plan('version:20260101_000000')).toMatch(/tenants_version/)
    const page = await plan('region:eu', 'order by tenant.name limit 50')
    expect(page).toMatch(/Index (Only )?Scan using tenants_name_key/)
    expect(page).not.toMatch(/Sort/)
    // A page of fifty looks at a hundred and fifty rows, not at all of them.
    expect(page).toMatch(/Rows Removed by Filter: (1[0-9]{2}|[0-9]{1,2})\b/)
    expect(await countTenants(fleet.app.control, 'plan:rare -region:eu')).toBe(66)
  })

  test('a rollout over all of them lays out its waves at once, and a status reads a handful of rows', async () => {
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({
      version,
      waves: [{ size: '100', selector: 'plan:rare' }, { size: '1%' }, { size: '10%' }, { size: 'rest' }],
    })
    const waves = await fleet.app.control.query(
      `select wave, wave.total, (select count(*) from tenantry.rollout_targets as target
         where target.rollout_id = wave.rollout_id and target.wave = wave.wave) as targets
       from tenantry.rollout_waves as wave where rollout_id = $1 order by wave`,
      [id],
    )
    expect(waves.map(({ wave, total, targets }) => [wave, total, targets])).toEqual([
      [1, 100, 100],
      [2, 1_000, 1_000],
      [3, 10_000, 10_000],
      [4, 88_900, 88_900],
    ])
    const [lanes] = await fleet.app.control.query<{ count: number; total: number }>(
      'select count(*), sum(total)::int as total from tenantry.rollout_lanes where rollout_id = $1',
      [id],
    )
    expect(lanes).toEqual({ count: 4, total: COUNT })
    // Claiming goes by the index of what is due, a batch at a time.
    const claim = await fleet.app.control.query<{ 'QUERY PLAN': string }>(
      `explain (costs off) select tenant_id from tenantry.rollout_targets where rollout_id = '${id}' and server_id = ${(await server()).id}
         and state = 'pending' and wave <= 1 and not_before <= clock_timestamp() order by wave, position limit 16 for update skip locked`,
    )
    expect(claim.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Index Scan using rollout_targets_claim/)
    expect(claim.map((row) => row['QUERY PLAN']).join('\n')).not.toMatch(/Sort|Seq Scan/)
  }, 120_000)
})

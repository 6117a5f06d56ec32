/** Tenants that attack: whatever they plant in their database, they never gain by it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ident, literal } from '../../src/engine/sql.ts'
import { discover } from '../../src/registry/discovery.ts'
import { addServer, listServers } from '../../src/registry/servers.ts'
import { registerTenants } from '../../src/registry/tenants.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { adminQuery, dsnOf, sharedServer } from '../support/postgres.ts'

let fleet: Fleet
let mallory: string

/** A function of Mallory's that makes Mallory a superuser if it ever runs with enough rights, and says who ran it. */
const ATTACK = (user: string): string => `
create table public.seen (who text, at text);
grant all on public.seen to public;
create function public.attack(what text) returns boolean language plpgsql as $$
begin
  insert into public.seen values (session_user, what);
  begin execute 'alter role ${user} superuser'; exception when others then null; end;
  return true;
end $$;
create function public.eq(a text, b text) returns boolean language sql as $$ select public.attack('operator') $$;
create function public.eq_name(a name, b text) returns boolean language sql as $$ select public.attack('operator on names') $$;
create function public.fire() returns trigger language plpgsql as $$ begin perform public.attack('trigger'); return new; end $$;
create operator public.= (leftarg = text, rightarg = text, function = public.eq);
create operator public.= (leftarg = name, rightarg = text, function = public.eq_name);
create function public.current_database() returns name language sql as $$ select case when public.attack('function') then pg_catalog.current_database() end $$;
`

beforeAll(async () => {
  fleet = await startFleet({ tenants: 6 })
  await fleet.startWorker()
  mallory = `${fleet.servers[0]?.prefix}mallory`
  await adminQuery(`create role ${mallory} login password 'mallory'`)
})
afterAll(async () => {
  await fleet.close()
  await adminQuery(`drop role ${mallory}`)
})

async function malloryIsSuperuser(): Promise<boolean> {
  const [row] = await adminQuery<{ rolsuper: boolean }>(
    `select rolsuper from pg_roles where rolname = '${mallory}'`,
  )
  return row?.rolsuper === true
}

/** Gives a tenant's database to Mallory, who plants all of the above there. */
async function handOver(index: number, more = ''): Promise<void> {
  const tenant = fleet.tenant(index)
  await fleet.sql(
    tenant,
    `alter database ${tenant.database} owner to ${mallory}; grant create on schema public to ${mallory}`,
  )
  await adminQuery(
    `${ATTACK(mallory)} ${more}; alter database ${tenant.database} set search_path = public, pg_catalog; alter role ${mallory} in database ${tenant.database} set search_path = public, pg_catalog`,
    tenant.database,
    { ...sharedServer(), user: mallory, password: 'mallory' },
  )
}

async function seen(index: number): Promise<unknown[]> {
  return fleet.sql(fleet.tenant(index), 'select who, at from public.seen')
}

const PLANTED_LEDGER = `
create schema tenantry;
create table tenantry.ledger (tenant_schema text, version_id text, checksum text, rollout_id uuid, applied_at timestamptz, primary key (tenant_schema, version_id));
create table tenantry.ledger_steps (tenant_schema text, version_id text, direction text, step integer, checksum text, state text, statement text, before jsonb, updated_at timestamptz, primary key (tenant_schema, version_id, direction, step));
create trigger planted before insert on tenantry.ledger for each row execute function public.fire();
create trigger planted before insert on tenantry.ledger_steps for each row execute function public.fire();
grant all on schema tenantry to public; grant all on all tables in schema tenantry to public`

const VERSIONS = {
  transaction: `select 1; update items set name = name where name = 'one' and current_database() = 'x'`,
  steps: 'vacuum items; select 1',
}

describe('a server whose login is a superuser', () => {
  beforeAll(async () => {
    await fleet.app.control.query(`update tenantry.db_servers set state = 'retired'`)
    await addServer(fleet.app.control, fleet.app.keyring, { name: 'super', dsn: dsnOf('postgres') })
    await handOver(0)
    await handOver(1, PLANTED_LEDGER)
    // Nobody but superusers owns anything here; a plain user may read.
    const safe = fleet.tenant(2)
    const owner = fleet.servers[0]?.migrator.user
    await fleet.sql(
      safe,
      `reassign owned by ${owner} to current_user; revoke create on schema public from public`,
    )
    await adminQuery(`alter database ${safe.database} owner to ${sharedServer().user}`)
    // And here a user may create, though nobody has.
    const open = fleet.tenant(3)
    await fleet.sql(
      open,
      `reassign owned by ${owner} to current_user; grant create on schema public to ${mallory}`,
    )
    await adminQuery(`alter database ${open.database} owner to ${sharedServer().user}`)
    await registerTenants(
      fleet.app.control,
      [0, 1, 2, 3].map((index) => ({
        name: `super ${index}`,
        server: 'super',
        database: fleet.tenant(index).database,
      })),
    )
  })
  afterAll(async () => {
    await fleet.app.control.query(
      `update tenantry.db_servers set state = case name when 'super' then 'retired' else 'active' end`,
    )
  })

  test.each(Object.entries(VERSIONS))(
    'is not used where a tenant owns or may create anything (%s)',
    async (_kind, upgrade) => {
      for (const dryRun of [true, false]) {
        const { id } = await fleet.rollout({
          version: await fleet.addVersion({ upgrade }),
          selector: 'server:super',
          dryRun,
        })
        const { progress, errorGroups } = await fleet.waitFor(id, 'completed')
        expect(progress).toMatchObject({ successful: 1, failed: 3, retries: 0 })
        expect(errorGroups.map((group) => group.sqlstate)).toEqual(['TN002'])
        expect(errorGroups[0]?.message).toMatch(
          /Not run as a superuser in .*roles that are not superusers own objects or may create some there/,
        )
        const [target] = (await fleet.targets(id)).filter((one) => one.state === 'succeeded')
        expect(target?.tenant).toBe('super 2')
      }
      expect(await malloryIsSuperuser()).toBe(false)
      expect([...(await seen(0)), ...(await seen(1))]).toEqual([])
    },
  )

  test('looking for schemas in such a database runs nothing of theirs', async () => {
    const [server] = (await listServers(fleet.app.control)).filter((one) => one.name === 'super')
    if (server === undefined) throw new Error('no server')
    const { app } = fleet
    const found = await discover(app.control, app.keyring, [server], {
      pattern: '%',
      inDatabase: fleet.tenant(1).database,
    })
    expect(found).toMatchObject({ found: 1, unreachable: [] })
    expect(await malloryIsSuperuser()).toBe(false)
    expect(await seen(1)).toEqual([])
  })
})

describe('a server whose login is an ordinary role', () => {
  test.each(Object.entries(VERSIONS))(
    'a ledger that was there before, with triggers on it, is refused (%s)',
    async (kind, upgrade) => {
      const index = kind === 'steps' ? 4 : 5
      const tenant = fleet.tenant(index)
      const { user } = fleet.servers[0]?.migrator ?? { user: '' }
      await handOver(index, PLANTED_LEDGER)
      await fleet.sql(tenant, `grant create on database ${tenant.database} to ${user}`)
      const version = await fleet.addVersion({ upgrade })
      const { id } = await fleet.rollout({ version, selector: `name:${tenant.name}` })
      const { errorGroups } = await fleet.waitFor(id, 'completed')
      expect(errorGroups).toMatchObject([{ sqlstate: 'TN002', count: 1 }])
      expect(errorGroups[0]?.message).toContain(
        `The schema tenantry in ${tenant.database} belongs to ${mallory}`,
      )
      expect(await seen(index)).toEqual([])
      expect(await malloryIsSuperuser()).toBe(false)
    },
  )
})

describe('names', () => {
  const NAMES = [
    'host=evil.example dbname=x',
    'postgres://evil.example/x',
    '-d',
    "quo'te",
    'quo"te',
    'semi; drop table items',
    'line\nbreak',
    '%',
    'ünï 🦊',
    '$(id)',
    'x'.repeat(63),
  ]

  test('databases with hostile names are reached, each by its own name only', async () => {
    const { migrator, prefix } = fleet.servers[0] ?? { migrator: { user: '' }, prefix: '' }
    const databases = NAMES.map((name) => `${prefix}${name}`.slice(0, 63))
    for (const database of databases) {
      await adminQuery(
        `create database ${ident(database)} template ${ident(`${prefix}template`)} owner ${ident(migrator.user)}`,
      )
    }
    await registerTenants(
      fleet.app.control,
      databases.map((database, index) => ({
        name: NAMES[index] ?? '',
        server: 'pg-1',
        database,
        labels: { hostile: 'yes' },
      })),
    )
    const version = await fleet.addColumn()
    const { id } = await fleet.rollout({ version, selector: 'hostile:yes' })
    const { progress } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ total: NAMES.length, successful: NAMES.length })
    for (const database of databases) {
      const rows = await adminQuery<{ there: boolean }>(
        `select exists (select from tenantry.ledger where version_id = ${literal(version)}) as there`,
        database,
      )
      expect(rows).toEqual([{ there: true }])
    }
  })

  test('a name that PostgreSQL would cut, and so confuse with another, is refused', async () => {
    const long = 'x'.repeat(64)
    for (const entry of [{ database: long }, { database: 'd', schema: long }, { database: 'é'.repeat(32) }]) {
      await expect(
        registerTenants(fleet.app.control, [{ name: 'long', server: 'pg-1', ...entry }]),
      ).rejects.toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining('63 bytes') as string,
      })
    }
  })
})

describe('secrets', () => {
  test('no password is in what is logged, kept or shown, also when a login fails', async () => {
    const { migrator } = fleet.servers[0] ?? { migrator: { user: '', password: '' } }
    await adminQuery(`alter role ${ident(migrator.user)} password 'changed'`)
    const { id } = await fleet.rollout({
      version: await fleet.addColumn(),
      selector: 'server:pg-1',
      options: { serverDownMinutes: 0 },
    })
    await fleet.waitFor(id, ['completed', 'paused'])
    await adminQuery(`alter role ${ident(migrator.user)} password ${literal(migrator.password)}`)
    const rows = await fleet.app.control.query<{ name: string }>(
      `select format('tenantry.%I', relname) as name from pg_class where relnamespace = 'tenantry'::regnamespace and relkind = 'r'`,
    )
    const kept: string[] = [...fleet.log]
    for (const { name } of rows) {
      const found = await fleet.app.control.query<{ row: string }>(`select t::text as row from ${name} as t`)
      kept.push(...found.map((one) => one.row))
    }
    expect(kept.length).toBeGreaterThan(100)
    const secrets = [migrator.password, sharedServer().password]
    const forms = secrets.flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64'),
    ])
    expect(kept.filter((text) => forms.some((form) => text.includes(form)))).toEqual([])
  })
})

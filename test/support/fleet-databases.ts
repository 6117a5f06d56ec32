/** The databases of a test fleet: made fast from one small template, owned by a migrator that is no superuser. */
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { ident, literal } from '../../src/engine/sql.ts'
import type { SharedServer } from './global-setup.ts'
import { adminClient } from './postgres.ts'

/** What every tenant has at first: a table with rows. */
export const TENANT_SQL = `create table items (id integer primary key, name text not null);
insert into items values (1, 'one'), (2, 'two'), (3, 'three');`

export interface FleetPlace {
  readonly database: string
  /** Empty for a tenant that has the whole database. */
  readonly schema: string
}

export interface ServerDatabases {
  readonly server: SharedServer
  readonly migrator: { readonly user: string; readonly password: string }
  /** Ends in a random part of this fleet's own: `t3f9a_`. */
  readonly prefix: string
  readonly places: readonly FleetPlace[]
  readonly drop: () => Promise<void>
}

export interface DatabaseWishes {
  readonly tenants: number
  /** Further tenants that are schemas of one database. */
  readonly schemas: readonly string[]
  readonly tenantSql: string
}

const PARALLEL = 4

export async function makeDatabases(server: SharedServer, wishes: DatabaseWishes): Promise<ServerDatabases> {
  const prefix = `t${randomBytes(3).toString('hex')}_`
  const migrator = { user: `${prefix}migrator`, password: `migrator ${randomBytes(9).toString('hex')}` }
  const template = `${prefix}template`
  const shared = `${prefix}shared`
  const names = Array.from(
    { length: wishes.tenants },
    (_, index) => `${prefix}${String(index + 1).padStart(3, '0')}`,
  )
  const all = [...names, ...(wishes.schemas.length > 0 ? [shared] : [])]
  await withAdmin(server, 'postgres', async (client) => {
    await client.query(
      `create role ${ident(migrator.user)} login createdb password ${literal(migrator.password)}`,
    )
    await client.query(`create database ${ident(template)} owner ${ident(migrator.user)}`)
  })
  await withAdmin(server, template, async (client) => {
    await client.query(`set role ${ident(migrator.user)}; ${wishes.tenantSql}`)
  })
  await inParallel(server, all, (client, name) =>
    client.query(`create database ${ident(name)} template ${ident(template)} owner ${ident(migrator.user)}`),
  )
  if (wishes.schemas.length > 0) await makeSchemas(server, shared, migrator.user, wishes)
  return {
    server,
    migrator,
    prefix,
    places: [
      ...names.map((database) => ({ database, schema: '' })),
      ...wishes.schemas.map((schema) => ({ database: shared, schema })),
    ],
    async drop() {
      await dropDatabases(server, prefix)
      await withAdmin(server, 'postgres', (client) => client.query(`drop role ${ident(migrator.user)}`))
    },
  }
}

async function makeSchemas(
  server: SharedServer,
  database: string,
  owner: string,
  { schemas, tenantSql }: DatabaseWishes,
): Promise<void> {
  await withAdmin(server, database, async (client) => {
    await client.query(`set role ${ident(owner)}; drop table items`)
    for (const schema of schemas) {
      await client.query(`create schema ${ident(schema)}; set search_path = ${ident(schema)}; ${tenantSql}`)
    }
  })
}

async function dropDatabases(server: SharedServer, prefix: string): Promise<void> {
  const names = await withAdmin(server, 'postgres', async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [prefix],
    )
    return rows.map((row) => row.datname)
  })
  await inParallel(server, names, (client, name) => client.query(`drop database ${ident(name)} with (force)`))
}

async function inParallel(
  server: SharedServer,
  names: readonly string[],
  work: (client: pg.Client, name: string) => Promise<unknown>,
): Promise<void> {
  const queue = [...names]
  await Promise.all(
    Array.from({ length: Math.min(PARALLEL, names.length) }, () =>
      withAdmin(server, 'postgres', async (client) => {
        for (let name = queue.shift(); name !== undefined; name = queue.shift()) await work(client, name)
      }),
    ),
  )
}

async function withAdmin<T>(
  server: SharedServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await adminClient(database, server)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Servers: where tenants live, how to log in there, what is known of them. */
import { Client } from 'pg'
import { parseAddress, type ServerAddress, type ServerKind, type SslMode } from '../engine/address.ts'
import { Session } from '../engine/session.ts'
import { tlsOptions } from '../engine/tls.ts'
import { sqlstateOf } from '../engine/failure.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Control, Queryable } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { inspectMysql } from './mysql-server.ts'
import { refusePooler } from './pooler.ts'
import { inspectDirectory } from './sqlite-directory.ts'

export interface DbServer {
  readonly id: number
  readonly name: string
  readonly kind: ServerKind
  /** Of a `sqlite` server: the directory with its files. */
  readonly host: string
  readonly port: number
  readonly username: string
  readonly maintenance_database: string
  readonly sslmode: SslMode
  readonly read_host: string | null
  readonly read_port: number | null
  readonly read_username: string | null
  readonly read_sslmode: SslMode | null
  readonly pooler_host: string | null
  readonly pooler_port: number | null
  readonly capacity: number | null
  readonly labels: Record<string, string>
  readonly state: 'active' | 'retired'
  readonly system_identifier: string | null
  readonly server_version: number | null
  readonly is_superuser: boolean | null
  readonly max_connections: number | null
  readonly checked_at: Date | null
  readonly created_at: Date
}

const COLUMNS = `id, name, kind, host, port, username, maintenance_database, sslmode, pooler_host, pooler_port, capacity,
  read_host, read_port, read_username, read_sslmode, labels, state, system_identifier, server_version, is_superuser, max_connections, checked_at, created_at`

export interface NewServer {
  readonly name: string
  readonly dsn: string
  readonly sslRootCert?: string | undefined
  readonly pooler?: { readonly host: string; readonly port: number } | undefined
  readonly capacity?: number | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** What a server says of itself. */
export interface ServerFacts {
  readonly systemIdentifier: string | null
  readonly serverVersion: number
  readonly isSuperuser: boolean
  readonly maxConnections: number
  /** Milliseconds that connecting and one query took. */
  readonly latencyMs: number
}

/**
 * Registers a server after connecting to it. A retired server comes back under its name, with its tenants: the URL is
 * the one given now; pooler, capacity and labels stay unless they are given.
 * @throws TenantryError `server_unreachable`, or `conflict` when the name or the very same server is known.
 */
export async function addServer(control: Control, keyring: Keyring, input: NewServer): Promise<DbServer> {
  const address = { ...parseAddress(input.dsn), sslRootCert: input.sslRootCert }
  refusePooler(input.name, address.kind ?? 'postgres', input.pooler)
  const facts = await inspectServer(address, input.name)
  return control.transaction(async (tx) => {
    // Of two who add the same server at once, the second one sees the first.
    await tx.query('lock table tenantry.db_servers in share row exclusive mode')
    const known = await tx.query<DbServer>(
      `select ${COLUMNS} from tenantry.db_servers
       where name = $1 or (state = 'active' and system_identifier = $2)`,
      [input.name, facts.systemIdentifier],
    )
    const active = known.find((server) => server.state === 'active')
    if (active !== undefined) {
      const why =
        active.name === input.name
          ? 'The name is taken'
          : `It is the server already registered as ${active.name}`
      throw cannotBeAdded(input.name, why)
    }
    const [retired] = known
    if (retired !== undefined) refuseOtherServer(retired, facts, address)
    const id = retired?.id ?? (await insertServer(tx, input.name, address))
    await tx.query(`update tenantry.db_servers set state = 'active', ssl_root_cert = $2 where id = $1`, [
      id,
      address.sslRootCert ?? null,
    ])
    await writeChanges(tx, keyring, id, { ...input, address })
    return recordFacts(tx, id, facts)
  })
}

/** Its tenants are still registered: they would be looked for on a server that never had them. */
function refuseOtherServer(retired: DbServer, facts: ServerFacts, address: ServerAddress): void {
  const isSame =
    retired.system_identifier !== null && facts.systemIdentifier !== null
      ? retired.system_identifier === facts.systemIdentifier
      : retired.host === address.host && retired.port === address.port
  if (isSame) return
  throw cannotBeAdded(
    retired.name,
    `The name belongs to a retired server, and this is another one (system identifier ${facts.systemIdentifier ?? 'unknown'}, not ${retired.system_identifier ?? 'unknown'})`,
    ['Give it a name of its own.'],
  )
}

function cannotBeAdded(name: string, why: string, nextSteps?: readonly string[]): TenantryError {
  return new TenantryError('conflict', `Server ${name} cannot be added: ${why}.`, { server: name, nextSteps })
}

async function insertServer(tx: Queryable, name: string, address: ServerAddress): Promise<number> {
  const [row] = await tx.query<{ id: number }>(
    `insert into tenantry.db_servers (name, kind, host, port, username, maintenance_database, sslmode)
     values ($1, $2, $3, $4, $5, $6, $7) returning id`,
    [
      name,
      address.kind ?? 'postgres',
      address.host,
      address.port,
      address.user,
      address.database,
      address.ssl,
    ],
  )
  if (row === undefined) throw new Error('insert returned no row')
  return row.id
}

/** Connects and looks again. @throws TenantryError `server_unreachable` */
export async function testServer(control: Control, keyring: Keyring, name: string): Promise<ServerFacts> {
  const server = await getServer(control, name)
  const facts = await inspectServer(await addressOf(control, keyring, server), name)
  await recordFacts(control, server.id, facts)
  return facts
}

export interface ServerChanges {
  readonly dsn?: string | undefined
  readonly pooler?: { readonly host: string; readonly port: number } | null | undefined
  readonly capacity?: number | null | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/**
 * Changes a server's login, pooler, capacity or labels. A new DSN must lead to the same server.
 * @throws TenantryError `not_found`, `server_unreachable`, or `conflict` when the DSN leads to another server.
 */
export async function updateServer(
  control: Control,
  keyring: Keyring,
  name: string,
  changes: ServerChanges,
): Promise<DbServer> {
  const server = await getServer(control, name)
  refusePooler(name, server.kind, changes.pooler)
  const address =
    changes.dsn === undefined ? undefined : await newAddress(control, keyring, server, changes.dsn)
  const facts = address === undefined ? undefined : await inspectServer(address, name)
  if (
    facts?.systemIdentifier != null &&
    server.system_identifier != null &&
    facts.systemIdentifier !== server.system_identifier
  ) {
    throw new TenantryError(
      'conflict',
      `The new address of ${name} leads to another server than the one registered.`,
      {
        server: name,
        nextSteps: ['Register it under a name of its own: tenantry server add'],
      },
    )
  }
  return control.transaction(async (tx) => {
    await writeChanges(tx, keyring, server.id, { ...changes, address })
    return facts === undefined ? getServer(tx, name) : recordFacts(tx, server.id, facts)
  })
}

async function writeChanges(
  tx: Queryable,
  keyring: Keyring,
  id: number,
  changes: Omit<ServerChanges, 'dsn'> & { readonly address: ServerAddress | undefined },
): Promise<void> {
  const { address } = changes
  if (address !== undefined) {
    await tx.query(
      `update tenantry.db_servers set host = $2, port = $3, username = $4, maintenance_database = $5, sslmode = $6
       where id = $1`,
      [id, address.host, address.port, address.user, address.database, address.ssl],
    )
    // A login without a password must not be tried with that of the login before.
    if (address.password === undefined) await keyring.remove(tx, secretOwner(id), 'password')
    else await keyring.put(tx, secretOwner(id), 'password', address.password)
  }
  await tx.query(
    `update tenantry.db_servers set
       pooler_host = case when $2 then $3 else pooler_host end, pooler_port = case when $2 then $4 else pooler_port end,
       capacity = case when $5 then $6 else capacity end, labels = coalesce($7, labels) where id = $1`,
    [
      id,
      changes.pooler !== undefined,
      changes.pooler?.host ?? null,
      changes.pooler?.port ?? null,
      changes.capacity !== undefined,
      changes.capacity ?? null,
      changes.labels ?? null,
    ],
  )
}

/** What the URL does not say stays: the authority that signed the certificate, and the password of the same role. */
async function newAddress(
  on: Queryable,
  keyring: Keyring,
  server: DbServer,
  dsn: string,
): Promise<ServerAddress> {
  const [given, stored] = [parseAddress(dsn), await addressOf(on, keyring, server)]
  const password = given.password ?? (given.user === stored.user ? stored.password : undefined)
  return { ...given, password, sslRootCert: stored.sslRootCert }
}

/** Takes a server out of use; its tenants stay registered. @throws TenantryError `not_found`, `conflict` */
export async function retireServer(control: Control, name: string): Promise<DbServer> {
  const [busy] = await control.query<{ id: string }>(
    `select rollout.id from tenantry.rollouts as rollout
     join tenantry.rollout_servers as lane on lane.rollout_id = rollout.id
     join tenantry.db_servers as server on server.id = lane.server_id
     where server.name = $1 and rollout.state in ('running', 'paused', 'awaiting_approval') limit 1`,
    [name],
  )
  if (busy !== undefined) {
    throw new TenantryError(
      'conflict',
      `Server ${name} is part of rollout ${busy.id}, which has not ended.`,
      {
        nextSteps: [`Wait for it, or: tenantry rollout stop ${busy.id}`],
      },
    )
  }
  const [server] = await control.query<DbServer>(
    `update tenantry.db_servers set state = 'retired' where name = $1 returning ${COLUMNS}`,
    [name],
  )
  if (server === undefined) throw serverNotFound(name)
  return server
}

export function listServers(on: Queryable, filter: { includeRetired?: boolean } = {}): Promise<DbServer[]> {
  return on.query<DbServer>(
    `select ${COLUMNS} from tenantry.db_servers where $1 or state = 'active' order by name`,
    [filter.includeRetired ?? false],
  )
}

/** @throws TenantryError `not_found` */
export async function getServer(on: Queryable, name: string): Promise<DbServer> {
  const [server] = await on.query<DbServer>(`select ${COLUMNS} from tenantry.db_servers where name = $1`, [
    name,
  ])
  if (server === undefined) throw serverNotFound(name)
  return server
}

/** @throws TenantryError `not_found` */
export async function getServerById(on: Queryable, id: number): Promise<DbServer> {
  const [server] = await on.query<DbServer>(`select ${COLUMNS} from tenantry.db_servers where id = $1`, [id])
  if (server === undefined) throw serverNotFound(String(id))
  return server
}

/** The address with its password, for connecting: never to be shown. */
export async function addressOf(on: Queryable, keyring: Keyring, server: DbServer): Promise<ServerAddress> {
  const [row] = await on.query<{ ssl_root_cert: string | null }>(
    'select ssl_root_cert from tenantry.db_servers where id = $1',
    [server.id],
  )
  return {
    kind: server.kind === 'postgres' ? undefined : server.kind,
    host: server.host,
    port: server.port,
    user: server.username,
    password: await keyring.get(on, secretOwner(server.id), 'password'),
    database: server.maintenance_database,
    ssl: server.sslmode,
    sslRootCert: row?.ssl_root_cert ?? undefined,
  }
}

/** A connection of the `pg` library to a server's maintenance database, or another of its databases. */
export async function connectServer(address: ServerAddress, database?: string): Promise<Client> {
  if (address.kind !== undefined) {
    throw new TenantryError(
      'invalid_input',
      `${address.host} is of the kind ${address.kind}: this needs PostgreSQL.`,
    )
  }
  const client = new Client({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    database: database ?? address.database,
    application_name: 'tenantry registry',
    connectionTimeoutMillis: 10_000,
    options:
      '-c search_path=pg_catalog,pg_temp -c statement_timeout=60s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s',
    ssl: address.ssl === 'disable' ? false : tlsOptions(address),
  })
  // A connection that breaks while nobody waits for it is seen at its next use.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

const INSPECT: Readonly<
  Record<ServerKind, (address: ServerAddress, name: string) => ServerFacts | Promise<ServerFacts>>
> = {
  postgres: inspectPostgres,
  mysql: inspectMysql,
  sqlite: (address, name) => inspectDirectory(address.host, name),
}

/** @throws TenantryError `server_unreachable` with the SQLSTATE and what to do. */
export async function inspectServer(address: ServerAddress, name: string): Promise<ServerFacts> {
  return INSPECT[address.kind ?? 'postgres'](address, name)
}

async function inspectPostgres(address: ServerAddress, name: string): Promise<ServerFacts> {
  const started = performance.now()
  let session: Session | undefined
  try {
    session = await Session.open(address, {
      settings: { search_path: 'pg_catalog, pg_temp', statement_timeout: '10s' },
    })
    const [result] = await session.query(
      // Whoever logs in as a superuser stays one, also while the session works as another role.
      `select current_setting('server_version_num'), bool_or(rolsuper), current_setting('max_connections'),
         (select system_identifier from pg_control_system())
       from pg_roles where rolname in (session_user, current_user)`,
      { keepRows: true },
    )
    const [version, superuser, maxConnections, systemIdentifier] = result?.rows[0] ?? []
    return {
      systemIdentifier: systemIdentifier ?? null,
      serverVersion: Number(version),
      isSuperuser: superuser === 't',
      maxConnections: Number(maxConnections),
      latencyMs: performance.now() - started,
    }
  } catch (cause) {
    throw unreachable(cause, name, address)
  } finally {
    session?.close()
  }
}

function unreachable(cause: unknown, name: string, address: ServerAddress): TenantryError {
  const sqlstate = sqlstateOf(cause) ?? undefined
  const hint =
    sqlstate === '28P01' || sqlstate === '28000'
      ? 'Check the user name and password of the connection URL.'
      : `Check that PostgreSQL runs at ${address.host}:${address.port} and lets this machine in (pg_hba.conf, firewall).`
  return new TenantryError('server_unreachable', `Server ${name} cannot be used: ${messageOf(cause)}`, {
    sqlstate,
    server: name,
    nextSteps: [hint],
    cause,
  })
}

async function recordFacts(on: Queryable, id: number, facts: ServerFacts): Promise<DbServer> {
  const [server] = await on.query<DbServer>(
    `update tenantry.db_servers set system_identifier = $2, server_version = $3, is_superuser = $4,
       max_connections = $5, checked_at = clock_timestamp() where id = $1 returning ${COLUMNS}`,
    [id, facts.systemIdentifier, facts.serverVersion, facts.isSuperuser, facts.maxConnections],
  )
  if (server === undefined) throw serverNotFound(String(id))
  return server
}

export function secretOwner(serverId: number): string {
  return `server:${serverId}`
}

function serverNotFound(name: string): TenantryError {
  return new TenantryError('not_found', `There is no server ${name}.`, {
    server: name,
    nextSteps: ['List them with: tenantry server list'],
  })
}

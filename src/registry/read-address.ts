/**
 * The address of a server that is only read from: a replica of it, or the same server with a role that may not write.
 * Audits go there, so that the primary has no work with them.
 */
import type { Control, Queryable } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { parseAddress, type ServerAddress } from '../engine/address.ts'
import { TenantryError } from '../lib/errors.ts'
import {
  addressOf,
  connectServer,
  getServer,
  inspectServer,
  secretOwner,
  type DbServer,
  type ServerFacts,
} from './servers.ts'

const PURPOSE = 'read-password'

/** @throws TenantryError `invalid_input` for one that is no PostgreSQL, `server_unreachable` when it does not answer */
export async function checkReadAddress(
  dsn: string,
  name: string,
  sslRootCert: string | undefined,
): Promise<void> {
  await inspectServer({ ...postgresAddress(dsn), sslRootCert }, readNameOf(name))
}

/**
 * Stores the address, or with null removes it.
 * @throws TenantryError `not_found`, `server_unreachable`; `conflict` when it leads to another server's data
 */
export async function setReadAddress(
  control: Control,
  keyring: Keyring,
  name: string,
  dsn: string | null,
): Promise<DbServer> {
  const server = await getServer(control, name)
  const address =
    dsn === null
      ? undefined
      : { ...postgresAddress(dsn), sslRootCert: await certificateOf(control, keyring, server) }
  if (address !== undefined) await refuseOther(server, address)
  await control.transaction(async (tx) => {
    await tx.query(
      `update tenantry.db_servers set read_host = $2, read_port = $3, read_username = $4, read_sslmode = $5 where id = $1`,
      [server.id, address?.host ?? null, address?.port ?? null, address?.user ?? null, address?.ssl ?? null],
    )
    const owner = secretOwner(server.id)
    if (address?.password === undefined) await keyring.remove(tx, owner, PURPOSE)
    else await keyring.put(tx, owner, PURPOSE, address.password)
  })
  return getServer(control, name)
}

/** With its password, for connecting: never to be shown. Undefined for a server without one. */
export async function readAddressOf(
  on: Queryable,
  keyring: Keyring,
  server: DbServer,
): Promise<ServerAddress | undefined> {
  const { read_host: host, read_port: port, read_username: user, read_sslmode: ssl } = server
  if (host === null || port === null || user === null || ssl === null) return undefined
  const password = await keyring.get(on, secretOwner(server.id), PURPOSE)
  const { database, sslRootCert } = await addressOf(on, keyring, server)
  return { host, port, user, password, database, ssl, sslRootCert }
}

/** Which process answers: a server that is no replica must be the primary itself. Text in both columns. */
export const WHO_ANSWERS = `select pg_catalog.pg_is_in_recovery()::pg_catalog.text as replica,
  extract(epoch from pg_catalog.pg_postmaster_start_time())::pg_catalog.text as started`

/** A replica that was promoted goes on by itself: nothing that is read there says anything about the server. */
export function leadsElsewhere(server: string, place: string): TenantryError {
  return new TenantryError(
    'server_unreachable',
    `The read address ${place} of ${server} is no replica of it any more, nor the server itself: it was promoted, or is a copy. What it holds is not what the tenants have.`,
    { server, nextSteps: [`Give another one: tenantry server update ${server} --read-dsn-file FILE`] },
  )
}

export interface ReadFacts extends ServerFacts {
  /** `host:port` */
  readonly place: string
  readonly user: string
  readonly isReplica: boolean
}

/**
 * Looks at the address for reading, as an audit would use it.
 * @returns undefined for a server without one
 * @throws TenantryError `server_unreachable`, also for one that is no replica any more; `conflict` when it leads to
 *   another server's data
 */
export async function testReadAddress(
  on: Queryable,
  keyring: Keyring,
  server: DbServer,
): Promise<ReadFacts | undefined> {
  const address = await readAddressOf(on, keyring, server)
  if (address === undefined) return undefined
  const facts = await refuseOther(server, address)
  const place = `${address.host}:${address.port}`
  const reading = await whoAnswers(address)
  const isReplica = reading.replica === 'true'
  if (!isReplica && reading.started !== (await whoAnswers(await addressOf(on, keyring, server))).started) {
    throw leadsElsewhere(server.name, place)
  }
  return { ...facts, place, user: address.user, isReplica }
}

async function whoAnswers(address: ServerAddress): Promise<{ replica?: string; started?: string }> {
  const client = await connectServer(address)
  try {
    const { rows } = await client.query<{ replica: string; started: string }>(WHO_ANSWERS)
    return rows[0] ?? {}
  } finally {
    await client.end()
  }
}

function postgresAddress(dsn: string): ServerAddress {
  const address = parseAddress(dsn)
  if (address.kind === undefined) return address
  throw new TenantryError(
    'invalid_input',
    `A read address is one of PostgreSQL, this one is ${address.kind}.`,
  )
}

function readNameOf(name: string): string {
  return `${name} (its read address)`
}

async function certificateOf(on: Queryable, keyring: Keyring, server: DbServer): Promise<string | undefined> {
  if (server.kind === 'postgres') return (await addressOf(on, keyring, server)).sslRootCert
  throw new TenantryError(
    'invalid_input',
    `Server ${server.name} is ${server.kind}: only PostgreSQL has a read address.`,
  )
}

/** A replica has the identifier of the server that it was copied from. */
async function refuseOther(server: DbServer, address: ServerAddress): Promise<ServerFacts> {
  const facts = await inspectServer(address, readNameOf(server.name))
  const { systemIdentifier } = facts
  if (systemIdentifier === null || server.system_identifier === null) return facts
  if (systemIdentifier === server.system_identifier) return facts
  throw new TenantryError(
    'conflict',
    `The read address of ${server.name} leads to a server with other data: ${address.host}:${address.port} is no replica of it.`,
    {
      server: server.name,
      nextSteps: ['Give the address of one of its streaming replicas, or of the server itself.'],
    },
  )
}

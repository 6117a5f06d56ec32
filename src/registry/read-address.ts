/**
 * The address of a server that is only read from: a replica of it, or the same server with a role that may not write.
 * Audits go there, so that the primary has no work with them.
 */
import type { Control, Queryable } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import { parseAddress, type ServerAddress } from '../engine/address.ts'
import { TenantryError } from '../lib/errors.ts'
import { addressOf, getServer, inspectServer, secretOwner, type DbServer } from './servers.ts'

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
async function refuseOther(server: DbServer, address: ServerAddress): Promise<void> {
  const { systemIdentifier } = await inspectServer(address, readNameOf(server.name))
  if (systemIdentifier === null || server.system_identifier === null) return
  if (systemIdentifier === server.system_identifier) return
  throw new TenantryError(
    'conflict',
    `The read address of ${server.name} leads to a server with other data: ${address.host}:${address.port} is no replica of it.`,
    {
      server: server.name,
      nextSteps: ['Give the address of one of its streaming replicas, or of the server itself.'],
    },
  )
}

/** From the registry to a session in a tenant's database, and to a scratch database beside it. */
import type { Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import type { ServerAddress, ServerKind } from '../engine/address.ts'
import { ownVersion } from '../lib/own-version.ts'
import { readAddressOf } from '../registry/read-address.ts'
import { addressOf, getServer, type DbServer } from '../registry/servers.ts'
import type { Dialect, InspectOptions, SchemaSession, Scratch } from './dialects/dialect.ts'
import { dialectNamed } from './dialects/index.ts'

export interface TenantServer {
  readonly name: string
  readonly dialect: Dialect
  readonly address: ServerAddress
  /** The address as it may be shown. */
  readonly place: string
  /** What catalogue fingerprints are comparable within: the server's series of releases, and our own release. */
  readonly version: string
}

export interface OpenDatabase {
  readonly dialect: Dialect
  readonly session: SchemaSession
}

/** @throws TenantryError `not_found` */
export async function serverOf(control: Control, keyring: Keyring, name: string): Promise<TenantServer> {
  const server = await getServer(control, name)
  return onServer(server, await addressOf(control, keyring, server))
}

/**
 * As `serverOf`, by the address that is for reading where the server has one.
 * @throws TenantryError `not_found`
 */
export async function readServerOf(control: Control, keyring: Keyring, name: string): Promise<TenantServer> {
  const server = await getServer(control, name)
  const address = await readAddressOf(control, keyring, server)
  return onServer(server, address ?? (await addressOf(control, keyring, server)))
}

async function onServer(server: DbServer, address: ServerAddress): Promise<TenantServer> {
  const { name, kind } = server
  const place = kind === 'sqlite' ? address.host : `${address.host}:${address.port}`
  return { name, dialect: await dialectNamed(kind), address, place, version: seriesOf(server) }
}

/** Releases with another second number may describe a schema differently, where that is a major release too. */
const RELEASE: Readonly<Record<ServerKind, number>> = { postgres: 10_000, mysql: 100, sqlite: 10_000 }

/** What one release of ours leaves out of a description, the next may put in. */
const OWN_VERSION = ownVersion()

function seriesOf({ kind, server_version: version }: DbServer): string {
  const series = version === null ? 'unknown' : String(Math.floor(version / RELEASE[kind]))
  return `${series} read by ${OWN_VERSION}`
}

/** @throws DatabaseFailure or TenantryError when it cannot be reached */
export async function openTenantDatabase(server: TenantServer, database: string): Promise<OpenDatabase> {
  const session = await server.dialect.connect({ ...server.address, database })
  return { dialect: server.dialect, session }
}

/** An empty database on the tenant's server, to try things in; its role must be allowed to make one. */
export function scratchLike(server: TenantServer): Promise<Scratch> {
  return server.dialect.scratch(server.address)
}

/** A tenant that is a schema is looked at by itself, under a name that all such tenants share. */
export function inspectOptionsOf(schema: string): InspectOptions {
  return schema === '' ? {} : { maskSchema: schema }
}

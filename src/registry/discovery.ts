/** Finding tenants on a server by name pattern. Nothing is guessed: what cannot be reached is reported, not skipped. */
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import type { ServerKind } from '../engine/address.ts'
import { likePattern } from './selector.ts'
import { addressOf, connectServer, type DbServer } from './servers.ts'
import { findMysqlDatabases } from './mysql-server.ts'
import { findFiles } from './sqlite-directory.ts'
import { registerTenants, type TenantEntry } from './tenants.ts'

export interface DiscoveryInput {
  /** `%` stands for any text, everything else for itself. */
  readonly pattern: string
  /** Look for schemas in this one database instead of for databases. */
  readonly inDatabase?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

export interface FoundPlace {
  readonly server: string
  readonly database: string
  readonly schema: string
  /** Why it cannot be used, if it cannot. */
  readonly unreachable: string | null
}

export interface Discovery {
  readonly found: number
  readonly added: number
  readonly known: number
  /** Names that were registered here, match, and are no longer there. */
  readonly missing: readonly string[]
  readonly unreachable: readonly { readonly place: string; readonly reason: string }[]
}

/** Lists what matches on one server, reachable or not. What serves the server itself, or Tenantry, is no place. */
export async function findPlaces(
  control: Control,
  keyring: Keyring,
  server: DbServer,
  input: DiscoveryInput,
): Promise<FoundPlace[]> {
  return (await lookOn(control, keyring, server, input)).filter((place) => !place.isReserved)
}

interface Match extends FoundPlace {
  /** The server's own, or Tenantry's: nobody's tenant unless somebody registered it by name. */
  readonly isReserved: boolean
}

interface Place {
  readonly control: Control
  readonly keyring: Keyring
  readonly server: DbServer
}

const LOOK: Readonly<Record<ServerKind, (at: Place, input: DiscoveryInput) => Match[] | Promise<Match[]>>> = {
  postgres: placesOf,
  mysql: databasesOf,
  sqlite: filesOf,
}

async function lookOn(
  control: Control,
  keyring: Keyring,
  server: DbServer,
  input: DiscoveryInput,
): Promise<Match[]> {
  return LOOK[server.kind]({ control, keyring, server }, input)
}

async function placesOf({ control, keyring, server }: Place, input: DiscoveryInput): Promise<Match[]> {
  const client = await connectServer(await addressOf(control, keyring, server), input.inDatabase)
  try {
    const { rows } = await client.query<Omit<Match, 'server'>>(
      input.inDatabase === undefined ? FIND_DATABASES : FIND_SCHEMAS,
      input.inDatabase === undefined
        ? [likePattern(input.pattern), await controlDatabaseOn(control, server)]
        : [likePattern(input.pattern)],
    )
    return rows.map((row) => ({ server: server.name, ...row }))
  } finally {
    await client.end()
  }
}

/** The name of Tenantry's own database, when it is on this server. */
async function controlDatabaseOn(control: Control, server: DbServer): Promise<string | null> {
  const [row] = await control.query<{ name: string; system_identifier: string }>(
    'select current_database() as name, system_identifier::text from pg_control_system()',
  )
  return row !== undefined && row.system_identifier === server.system_identifier ? row.name : null
}

function refuseInside(server: DbServer, { inDatabase }: DiscoveryInput): void {
  if (inDatabase === undefined) return
  throw new TenantryError(
    'invalid_input',
    `Server ${server.name} is of the kind ${server.kind}: its databases have no schemas.`,
  )
}

async function databasesOf({ control, keyring, server }: Place, input: DiscoveryInput): Promise<Match[]> {
  refuseInside(server, input)
  const found = await findMysqlDatabases(await addressOf(control, keyring, server), input.pattern)
  return found.map((database) => ({ server: server.name, schema: '', unreachable: null, ...database }))
}

function filesOf({ server }: Place, input: DiscoveryInput): Match[] {
  const { pattern } = input
  refuseInside(server, input)
  return findFiles(server.host, pattern).map((file) => ({
    server: server.name,
    schema: '',
    isReserved: false,
    ...file,
  }))
}

/** Databases that initdb made have smaller object ids than others: postgres and the templates. */
const FIND_DATABASES = `
  select datname as database, '' as schema,
    case when not datallowconn then 'the database allows no connections'
      when datconnlimit = 0 then 'the database has a connection limit of 0'
      when datconnlimit = -2 then 'the database is half dropped'
      when not has_database_privilege(oid, 'CONNECT') then 'the login role may not connect to it'
    end as unreachable,
    oid < 16384 or datname = current_database() or datname is not distinct from $2::text as "isReserved"
  from pg_database where datname like $1 and not datistemplate order by datname`

const FIND_SCHEMAS = `
  select current_database() as database, nspname as schema,
    case when not has_schema_privilege(oid, 'USAGE') then 'the login role may not use the schema' end as unreachable,
    false as "isReserved"
  from pg_namespace
  where nspname like $1 and nspname !~ '^pg_' and nspname not in ('information_schema', 'tenantry') order by nspname`

/** Registers what matches on the given servers. A server that cannot be reached is reported; the others go on. */
export async function discover(
  control: Control,
  keyring: Keyring,
  servers: readonly DbServer[],
  input: DiscoveryInput,
): Promise<Discovery> {
  const total = { found: 0, added: 0, known: 0 }
  const missing: string[] = []
  const unreachable: { place: string; reason: string }[] = []
  for (const server of servers) {
    let matches: Match[]
    try {
      matches = await lookOn(control, keyring, server, input)
    } catch (error) {
      unreachable.push({ place: server.name, reason: messageOf(error) })
      continue
    }
    const places = matches.filter((place) => !place.isReserved)
    const reachable = places.filter((place) => place.unreachable === null)
    for (const place of places) {
      if (place.unreachable !== null) unreachable.push({ place: placeName(place), reason: place.unreachable })
    }
    const registered = await registerTenants(control, await entriesOf(control, server, reachable, input), {
      keepRetired: true,
    })
    total.found += places.length
    total.added += registered.added
    total.known += registered.known
    missing.push(...(await markMissing(control, server, matches, input)))
  }
  return { ...total, missing, unreachable }
}

async function entriesOf(
  control: Control,
  server: DbServer,
  places: readonly FoundPlace[],
  input: DiscoveryInput,
): Promise<TenantEntry[]> {
  const plainName = (place: FoundPlace): string =>
    place.schema === '' ? place.database : `${place.database}.${place.schema}`
  const taken = await control.query<{
    name: string
    here: boolean
    database_name: string
    schema_name: string
  }>(
    `select name, server_id = $2 as here, database_name, schema_name from tenantry.tenants where name = any($1)`,
    [places.map(plainName), server.id],
  )
  const elsewhere = new Set(
    taken
      .filter(
        (row) =>
          !row.here ||
          plainName({
            server: '',
            database: row.database_name,
            schema: row.schema_name,
            unreachable: null,
          }) !== row.name,
      )
      .map((row) => row.name),
  )
  return places.map((place) => ({
    name: elsewhere.has(plainName(place)) ? `${server.name}/${plainName(place)}` : plainName(place),
    server: server.name,
    database: place.database,
    schema: place.schema,
    labels: input.labels,
  }))
}

async function markMissing(
  control: Control,
  server: DbServer,
  places: readonly FoundPlace[],
  input: DiscoveryInput,
): Promise<string[]> {
  const rows = await control.query<{ name: string }>(
    `update tenantry.tenants as tenant set state = 'missing'
     where server_id = $1 and state = 'active'
       and case when $2::text is null then schema_name = '' and database_name like $3
         else database_name = $2 and schema_name like $3 end
       and not exists (select from unnest($4::text[], $5::text[]) as place (database, schema)
         where place.database = tenant.database_name and place.schema = tenant.schema_name)
     returning name`,
    [
      server.id,
      input.inDatabase ?? null,
      likePattern(input.pattern),
      places.map((place) => place.database),
      places.map((place) => place.schema),
    ],
  )
  return rows.map((row) => row.name)
}

function placeName(place: FoundPlace): string {
  return `${place.server}/${place.database}${place.schema === '' ? '' : `.${place.schema}`}`
}

/** Examining a server as Tenantry uses it: can it be reached, is it safe, has it room. */
import { Client } from 'pg'
import type { Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'
import type { ServerAddress } from '../engine/address.ts'
import { findingsOf, type Finding } from '../lib/finding.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { judgeClock, judgeConnections, judgeReading, judgeTransport } from './judge-server.ts'
import { examineMysql } from './mysql-doctor.ts'
import { testReadAddress } from './read-address.ts'
import { addressOf, connectServer, inspectServer, type DbServer, type ServerFacts } from './servers.ts'

interface Parts {
  readonly control: Control
  readonly keyring: Keyring
  /** Most connections that rollouts open to one server. */
  readonly maxConnections: number
}

/** PostgreSQL majors below this one get no security fixes any more. */
const OLDEST_MAINTAINED = 14
/** Without the fixes of 1.25.2 anybody who reaches the port can crash it. */
const SAFE_POOLER = [1, 25, 2] as const

/** Everything worth knowing of one server; a server that cannot be reached is one finding. */
export async function examineServer(parts: Parts, server: DbServer): Promise<Finding[]> {
  const { ok, fail } = findingsOf(`server ${server.name}`)
  let address: ServerAddress
  let facts: ServerFacts
  try {
    address = await addressOf(parts.control, parts.keyring, server)
    facts = await inspectServer(address, server.name)
  } catch (error) {
    const step = error instanceof TenantryError ? error.facts.nextSteps?.[0] : undefined
    return [fail('server.reachable', messageOf(error), step)]
  }
  if (server.kind === 'sqlite') return [ok('server.reachable', `${server.host} can be read and written`)]
  const answers = ok('server.reachable', `answers in ${Math.round(facts.latencyMs)} ms`)
  if (server.kind === 'mysql') {
    return [answers, ...(await examineMysql(server, address, facts, parts.maxConnections))]
  }
  return [
    answers,
    judgeVersion(server, facts),
    judgeRole(server, facts),
    judgeTransport(server),
    ...(await examineInside(parts, server, address, facts)),
    ...(server.pooler_host === null ? [] : [await examinePooler(server, address)]),
    ...(await examineReading(parts, server)),
  ]
}

async function examineReading({ control, keyring }: Parts, server: DbServer): Promise<Finding[]> {
  try {
    const facts = await testReadAddress(control, keyring, server)
    return facts === undefined ? [] : judgeReading(server, facts)
  } catch (error) {
    const { fail } = findingsOf(`server ${server.name}`)
    const step = error instanceof TenantryError ? error.facts.nextSteps?.[0] : undefined
    return [fail('server.reading', messageOf(error), step)]
  }
}

function judgeVersion(server: DbServer, { serverVersion }: ServerFacts): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const major = Math.floor(serverVersion / 10_000)
  return major >= OLDEST_MAINTAINED
    ? ok('server.version', `PostgreSQL ${major}.${serverVersion % 10_000}`)
    : warn(
        'server.version',
        `PostgreSQL ${major} is no longer maintained`,
        'Upgrade it to a maintained major version.',
      )
}

function judgeRole(server: DbServer, { isSuperuser }: ServerFacts): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  if (!isSuperuser) return ok('server.role', `logs in as ${server.username}, no superuser`)
  return warn(
    'server.role',
    `logs in as ${server.username}, a superuser: code that a tenant owns could run with all its rights`,
    `Make a role for it (create role tenantry_migrator login createdb), give it the tenants' databases, then: tenantry server update ${server.name} --dsn-file FILE`,
  )
}

async function examineInside(
  parts: Parts,
  server: DbServer,
  address: ServerAddress,
  facts: ServerFacts,
): Promise<Finding[]> {
  const client = await connectServer(address)
  try {
    return [
      await judgeRoom(parts, server, client, facts),
      await judgeSkew(server, client),
      await judgePublic(parts, server, client),
    ]
  } finally {
    await client.end()
  }
}

async function judgeRoom(
  parts: Parts,
  server: DbServer,
  client: Client,
  facts: ServerFacts,
): Promise<Finding> {
  const { rows } = await client.query<{ used: number; reserved: number }>(
    `select count(*)::int as used, current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true), '0')::int as reserved
     from pg_stat_activity where backend_type = 'client backend'`,
  )
  const { used = 0, reserved = 0 } = rows[0] ?? {}
  return judgeConnections(server, { max: facts.maxConnections, used, reserved, wanted: parts.maxConnections })
}

async function judgeSkew(server: DbServer, client: Client): Promise<Finding> {
  const asked = Date.now()
  const { rows } = await client.query<{ now: string }>(
    `select extract(epoch from clock_timestamp()) * 1000 as now`,
  )
  return judgeClock(server, Number(rows[0]?.now), asked)
}

/** Databases that everybody with a login may enter, tenants' own ones first of all. */
async function judgePublic(parts: Parts, server: DbServer, client: Client): Promise<Finding> {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const { rows } = await client.query<{ datname: string }>(
    `select datname from pg_database
     where datallowconn and exists (
       select from aclexplode(coalesce(datacl, acldefault('d', datdba))) where grantee = 0 and privilege_type = 'CONNECT')
     order by datname`,
  )
  const tenants = await parts.control.query<{ database_name: string }>(
    `select database_name from tenantry.tenants where server_id = $1 and state = 'active' and database_name = any($2) order by 1`,
    [server.id, rows.map((row) => row.datname)],
  )
  if (tenants.length === 0) return ok('server.public', 'no tenant database lets everybody in')
  const examples = [...new Set(tenants.map((row) => row.database_name))].slice(0, 3).join(', ')
  return warn(
    'server.public',
    `${tenants.length} tenant databases let every role of the server connect, e.g. ${examples}`,
    'In each: revoke connect, temporary on database … from public',
  )
}

async function examinePooler(server: DbServer, address: ServerAddress): Promise<Finding> {
  const { warn, fail } = findingsOf(`server ${server.name}`)
  const host = server.pooler_host ?? ''
  const port = server.pooler_port ?? 6432
  const connect = {
    host,
    port,
    user: address.user,
    password: address.password,
    connectionTimeoutMillis: 5_000,
  }
  const tenantSide = new Client({ ...connect, database: address.database })
  const console = new Client({ ...connect, database: 'pgbouncer' })
  for (const client of [tenantSide, console]) client.on('error', () => undefined)
  try {
    await tenantSide.connect()
    await tenantSide.query('select 1')
  } catch (error) {
    return fail(
      'server.pooler',
      `its pooler at ${host}:${port} cannot be used: ${messageOf(error)}`,
      'Check its address, its user list and its wildcard database.',
    )
  } finally {
    await tenantSide.end().catch(() => undefined)
  }
  try {
    await console.connect()
    const { rows } = await console.query<{ version?: string }>('show version')
    return judgePooler(server, rows[0]?.version ?? '')
  } catch {
    return warn(
      'server.pooler',
      'its pooler answers, but does not tell its version',
      `Add ${address.user} to stats_users of pgbouncer.ini.`,
    )
  } finally {
    await console.end().catch(() => undefined)
  }
}

function judgePooler(server: DbServer, version: string): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [0, 0, 0]
  return isAtLeast(numbers, SAFE_POOLER)
    ? ok('server.pooler', version)
    : warn(
        'server.pooler',
        `its pooler is ${version}, which has known holes that need no login (CVE-2026-6664)`,
        'Upgrade PgBouncer to 1.25.2 or newer.',
      )
}

function isAtLeast(version: readonly number[], wanted: readonly number[]): boolean {
  for (const [index, number] of wanted.entries()) {
    const own = version[index] ?? 0
    if (own !== number) return own > number
  }
  return true
}

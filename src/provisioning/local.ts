/**
 * Everything on one machine: an embedded PostgreSQL with the control database and the first tenant server on it,
 * each behind a role of its own that is no superuser.
 */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { dsnOf, type ServerAddress } from '../engine/address.ts'
import { startEmbedded, type EmbeddedServer } from '../engine/embedded.ts'
import { scramVerifier } from '../engine/scram.ts'
import { ident, literal } from '../engine/sql.ts'

export const LOCAL_SERVER = 'local'
const CONTROL_DATABASE = 'tenantry_control'
const CONTROL_ROLE = 'tenantry_control'
const MIGRATOR_ROLE = 'tenantry_migrator'

export interface Local {
  readonly embedded: EmbeddedServer
  readonly controlUrl: string
  /** Address of the tenant server, with its password. */
  readonly serverDsn: string
}

/** Starts the embedded server of a state directory, making what it lacks. */
export async function startLocal(stateDir: string, settings: Record<string, string> = {}): Promise<Local> {
  const embedded = await startEmbedded({ stateDir: join(stateDir, 'postgres'), settings })
  try {
    const passwords = await rolePasswords(join(stateDir, 'local-roles.json'))
    await prepare(embedded, passwords)
    const address = (user: string, password: string, database: string): ServerAddress => ({
      host: embedded.host,
      port: embedded.port,
      user,
      password,
      database,
      ssl: 'disable',
    })
    return {
      embedded,
      controlUrl: dsnOf(address(CONTROL_ROLE, passwords.control, CONTROL_DATABASE)),
      serverDsn: dsnOf(address(MIGRATOR_ROLE, passwords.migrator, 'postgres')),
    }
  } catch (error) {
    await embedded.stop()
    throw error
  }
}

interface RolePasswords {
  readonly control: string
  readonly migrator: string
}

async function rolePasswords(file: string): Promise<RolePasswords> {
  try {
    const made = {
      control: randomBytes(24).toString('base64url'),
      migrator: randomBytes(24).toString('base64url'),
    }
    await writeFile(file, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: 'wx' })
    return made
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    return JSON.parse(await readFile(file, 'utf8')) as RolePasswords
  }
}

/** The maintenance database is the only one a superuser enters: no tenant can own code there. */
async function prepare(embedded: EmbeddedServer, passwords: RolePasswords): Promise<void> {
  const client = new Client({
    host: embedded.host,
    port: embedded.port,
    user: embedded.superuser.user,
    password: embedded.superuser.password,
    database: 'postgres',
    application_name: 'tenantry setup',
    options: '-c search_path=pg_catalog,pg_temp',
  })
  await client.connect()
  try {
    const { rows } = await client.query<{ done: boolean }>(
      `select exists (select from pg_database where datname = $1) as done`,
      [CONTROL_DATABASE],
    )
    if (rows[0]?.done === true) return
    await makeRole(client, CONTROL_ROLE, passwords.control, '')
    await makeRole(client, MIGRATOR_ROLE, passwords.migrator, 'createdb')
    for (const database of ['postgres', 'template1']) {
      await client.query(`revoke all on database ${ident(database)} from public`)
    }
    await client.query(`grant connect on database postgres to ${ident(MIGRATOR_ROLE)}`)
    // Last: its presence says that all before it is done.
    await client.query(`create database ${ident(CONTROL_DATABASE)} owner ${ident(CONTROL_ROLE)}`)
    await client.query(`revoke all on database ${ident(CONTROL_DATABASE)} from public`)
  } finally {
    await client.end()
  }
}

async function makeRole(client: Client, role: string, password: string, extra: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  const verb = rowCount === 0 ? 'create' : 'alter'
  await client.query(
    `${verb} role ${ident(role)} login nosuperuser ${extra} password ${literal(await scramVerifier(password))}`,
  )
}

/** The tenant servers that are registered when Tenantry starts: the embedded one, and the one of the settings. */
import type { App } from '../api/app.ts'
import { dsnOf, type ServerAddress } from '../engine/address.ts'
import { TenantryError } from '../lib/errors.ts'
import { addServer, getServer, updateServer, type DbServer } from '../registry/servers.ts'
import { LOCAL_SERVER, type Local } from './local.ts'

/** Name of the server that DB_ENDPOINT and its companions describe. */
const CONFIGURED_SERVER = 'default'

/**
 * Registers them, or brings their address and password up to date. A registered server that is away does not keep
 * Tenantry from starting; one that was never reached does.
 * @throws TenantryError `server_unreachable`, or `conflict` when the address leads to another server than before.
 */
export async function registerAtStart(app: App, local: Local | undefined): Promise<void> {
  if (local !== undefined)
    await register(app, { name: LOCAL_SERVER, dsn: local.serverDsn, pooler: undefined })
  const { tenantServer, pooler } = app.config
  if (tenantServer === undefined) return
  const address: ServerAddress = { ...tenantServer, database: 'postgres' }
  await register(app, { name: CONFIGURED_SERVER, dsn: dsnOf(address), pooler })
}

interface Wanted {
  readonly name: string
  readonly dsn: string
  readonly pooler: { readonly host: string; readonly port: number } | undefined
}

async function register(app: App, wanted: Wanted): Promise<void> {
  const { control, keyring, log } = app
  const pooler =
    wanted.pooler === undefined ? undefined : { host: wanted.pooler.host, port: wanted.pooler.port }
  if ((await find(app, wanted.name)) === undefined) {
    try {
      await addServer(control, keyring, { name: wanted.name, dsn: wanted.dsn, pooler })
      return
    } catch (error) {
      // Another process of this installation may have been faster.
      if (
        !(error instanceof TenantryError) ||
        error.code !== 'conflict' ||
        (await find(app, wanted.name)) === undefined
      )
        throw error
    }
  }
  try {
    await updateServer(control, keyring, wanted.name, { dsn: wanted.dsn, pooler })
  } catch (error) {
    if (!(error instanceof TenantryError) || error.code !== 'server_unreachable') throw error
    log.warn({ server: wanted.name, err: error.message }, 'the server does not answer at the moment')
  }
}

async function find(app: App, name: string): Promise<DbServer | undefined> {
  try {
    return await getServer(app.control, name)
  } catch (error) {
    if (error instanceof TenantryError && error.code === 'not_found') return undefined
    throw error
  }
}

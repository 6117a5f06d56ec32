/** Schemas that a running service knows. */
import { TenantryError } from '../../lib/errors.ts'
import type { SchemaText } from '../../schema/operand/read-schemas.ts'
import type { Snapshot } from '../../schema/snapshot/snapshot.ts'
import type { Api } from '../api.ts'
import { gather } from '../pages.ts'

/** As the tenant has it now. @throws TenantryError `not_found`, `server_unreachable`, `server_refused` */
export async function tenantSchema(api: Api, name: string): Promise<Snapshot> {
  return (await api.call(api.at('tenants.schema'), { params: { name } })) as unknown as Snapshot
}

/**
 * What tenants of a version are to have: the snapshot that is kept of it, else what the SQL of all versions up to it
 * makes.
 * @throws TenantryError `not_found`
 */
export async function versionSchema(api: Api, id: string): Promise<Snapshot | SchemaText> {
  const kept = await snapshotOf(api, id)
  if (kept !== undefined) return kept
  const get = (version: string) => api.call(api.at('versions.get'), { params: { version_id: version } })
  const wanted = await get(id)
  const { rows } = await gather(0, (query) => api.call(api.at('versions.list'), { query }))
  const older = rows.filter(({ version_id, dialect }) => version_id < id && dialect === wanted.dialect)
  const texts: string[] = []
  for (const { version_id } of older.toReversed()) texts.push((await get(version_id)).upgrade_sql)
  return { dialect: wanted.dialect, sql: [...texts, wanted.upgrade_sql].join('\n;\n') }
}

async function snapshotOf(api: Api, id: string): Promise<Snapshot | undefined> {
  try {
    const found = await api.call(api.at('snapshots.get'), { params: { reference: `version-${id}` } })
    return found as unknown as Snapshot
  } catch (error) {
    if (error instanceof TenantryError && error.code === 'not_found') return undefined
    throw error
  }
}

/** An empty database of its own, on the same server, for as long as it is needed. */
import { randomBytes } from 'node:crypto'
import { dsnOf } from '../../../engine/address.ts'
import { ident } from '../../../engine/sql.ts'
import type { Place, Scratch } from '../dialect.ts'
import { addressAt, connect } from './session.ts'

/**
 * From template0, so that it holds nothing whatever template1 holds.
 * @throws TenantryError as `connect`; DatabaseFailure 42501 when the role may not create databases.
 */
export async function scratch(place: Place): Promise<Scratch> {
  const name = `tenantry_scratch_${randomBytes(8).toString('hex')}`
  const server = await addressAt(place)
  const database = { ...server, database: name }
  await onServer(server, `create database ${ident(name)} template template0`)
  const remove = async (): Promise<void> =>
    await onServer(server, `drop database if exists ${ident(name)} with (force)`)
  try {
    const session = await connect(database)
    return {
      url: dsnOf(database),
      session,
      close: async () => {
        await session.close()
        await remove()
      },
    }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}

async function onServer(place: Place, sql: string): Promise<void> {
  const session = await connect(place)
  try {
    await session.query(sql)
  } finally {
    await session.close()
  }
}

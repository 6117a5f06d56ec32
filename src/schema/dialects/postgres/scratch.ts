/** An empty database of its own, on the same server, for as long as it is needed. */
import { randomBytes } from 'node:crypto'
import { dsnOf, parseAddress } from '../../../engine/address.ts'
import { ident } from '../../../engine/sql.ts'
import type { Scratch } from '../dialect.ts'
import { connect } from './session.ts'

/**
 * From template0, so that it holds nothing whatever template1 holds.
 * @throws TenantryError as `connect`; DatabaseFailure 42501 when the role may not create databases.
 */
export async function scratch(url: string): Promise<Scratch> {
  const name = `tenantry_scratch_${randomBytes(8).toString('hex')}`
  const place = dsnOf({ ...parseAddress(url), database: name })
  await onServer(url, `create database ${ident(name)} template template0`)
  const remove = async (): Promise<void> =>
    await onServer(url, `drop database if exists ${ident(name)} with (force)`)
  try {
    const session = await connect(place)
    return {
      url: place,
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

async function onServer(url: string, sql: string): Promise<void> {
  const session = await connect(url)
  try {
    await session.query(sql)
  } finally {
    await session.close()
  }
}

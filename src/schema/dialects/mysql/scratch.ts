/** An empty database on the same server, dropped when closed. */
import { randomBytes } from 'node:crypto'
import { dsnOf } from '../../../engine/address.ts'
import { DatabaseFailure } from '../../../engine/failure.ts'
import type { MysqlAddress } from '../../../engine/mysql-address.ts'
import { mysqlIdent } from '../../../engine/mysql-sql.ts'
import { messageOf, TenantryError } from '../../../lib/errors.ts'
import type { Place, Scratch } from '../dialect.ts'
import { addressAt, sessionOn } from './session.ts'

/** @throws TenantryError `server_unreachable`, `server_refused` */
export async function scratch(place: Place): Promise<Scratch> {
  const made = await scratchOn(addressAt(place))
  const address = new URL(typeof place === 'string' ? place : dsnOf(place))
  address.pathname = `/${made.name}`
  return { ...made, url: address.href }
}

interface NamedScratch extends Scratch {
  readonly name: string
}

/** The same for an address that is no URL: `url` is empty. */
export async function scratchOn(address: MysqlAddress): Promise<NamedScratch> {
  const name = `tenantry_scratch_${randomBytes(8).toString('hex')}`
  const server = await sessionOn({ ...address, database: '' })
  try {
    await server.query(`CREATE DATABASE ${mysqlIdent(name)}`)
  } catch (cause) {
    if (!(cause instanceof DatabaseFailure)) throw cause
    throw new TenantryError(
      'server_refused',
      `${address.user} cannot make a database to try things in: ${messageOf(cause)}`,
      {
        sqlstate: cause.sqlstate,
        cause,
        nextSteps: [`GRANT ALL PRIVILEGES ON \`tenantry\\_scratch\\_%\`.* TO ${address.user}`],
      },
    )
  } finally {
    await server.close()
  }
  const session = await sessionOn({ ...address, database: name })
  return {
    name,
    url: '',
    session,
    async close() {
      await session.query(`DROP DATABASE ${mysqlIdent(name)}`)
      await session.close()
    },
  }
}

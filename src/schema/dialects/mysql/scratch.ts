/** An empty database on the same server, dropped when closed. */
import { randomBytes } from 'node:crypto'
import { parseMysqlAddress } from '../../../engine/mysql-address.ts'
import { mysqlIdent } from '../../../engine/mysql-sql.ts'
import type { Scratch } from '../dialect.ts'
import { sessionOn } from './session.ts'

export async function scratch(url: string): Promise<Scratch> {
  const name = `tenantry_scratch_${randomBytes(8).toString('hex')}`
  const server = await sessionOn({ ...parseMysqlAddress(url), database: '' })
  try {
    await server.query(`CREATE DATABASE ${mysqlIdent(name)}`)
  } finally {
    await server.close()
  }
  const address = new URL(url)
  address.pathname = `/${name}`
  const session = await sessionOn({ ...parseMysqlAddress(url), database: name })
  return {
    url: address.href,
    session,
    async close() {
      await session.query(`DROP DATABASE ${mysqlIdent(name)}`)
      await session.close()
    },
  }
}

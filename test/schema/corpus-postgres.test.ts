/** The pairs of states of `test/corpus/postgres` on the servers of every test run: 18, and Debian's 15. */
import { afterAll, beforeAll, describe } from 'vitest'
import { sharedServer } from '../support/postgres.ts'
import { type PrivateServer, startDebianServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { byDump, byNotNulls, pairs } from './postgres-pairs.ts'

describe('pairs of schemas on PostgreSQL 18', () => {
  pairs(18, sharedServer, byNotNulls)
})

withProgram('postgres15').describe('pairs of schemas on PostgreSQL 15', () => {
  let server: PrivateServer
  beforeAll(async () => {
    server = await startDebianServer({ settings: { fsync: 'off' } })
  })
  afterAll(async () => {
    await server.remove()
  })
  pairs(15, () => server, byDump)
})

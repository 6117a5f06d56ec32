/** The pairs of states of `test/corpus/postgres` on the major versions that the usual tests leave out. */
import path from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { byNotNulls, pairs } from '../schema/postgres-pairs.ts'
import { type PrivateServer, startServerIn } from '../support/private-servers.ts'

describe.each([14, 16, 17])('pairs of schemas on PostgreSQL %i', (major) => {
  let server: PrivateServer
  beforeAll(async () => {
    const programs = path.join(import.meta.dirname, `node_modules/postgres-${major}/native/bin`)
    server = await startServerIn(programs, { settings: { fsync: 'off' } })
  })
  afterAll(async () => {
    await server.remove()
  })
  pairs(major, () => server, byNotNulls)
})

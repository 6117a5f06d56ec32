/** The servers themselves say which statements they refuse in a transaction block (SQLSTATE 25001). */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminClient } from '../support/postgres.ts'
import { type PrivateServer, startDebianServer, startPrivateServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { BLOCK_CASES, BLOCK_SETUP, type BlockCase } from './block-cases.ts'

const ACTIVE_SQL_TRANSACTION = '25001'
const CONNECTION_FAILURE = '08006'

/** What the server makes of the statement in a block: undefined when it runs, else the SQLSTATE. */
async function tryInBlock(client: pg.Client, sql: string): Promise<string | undefined> {
  await client.query('begin')
  try {
    await client.query(sql.replaceAll('current_db', 'postgres'))
    return undefined
  } catch (thrown) {
    if (thrown instanceof pg.DatabaseError) return thrown.code
    throw thrown
  } finally {
    await client.query('rollback')
  }
}

function judgeBy(start: () => Promise<PrivateServer>, major: number): void {
  let server: PrivateServer
  let client: pg.Client
  beforeAll(async () => {
    server = await start()
    client = await adminClient('postgres', server)
    for (const sql of BLOCK_SETUP) await client.query(sql)
  })
  afterAll(async () => {
    await client.end()
    await server.remove()
  })
  const known: BlockCase[] = BLOCK_CASES.filter(({ since = 0 }) => since <= major)
  test.each(known)('$kind: $sql', async ({ sql, kind }) => {
    // There is no publisher to connect to; trying to means that the block was no obstacle.
    const expected = kind === 'nontransactional' ? [ACTIVE_SQL_TRANSACTION] : [undefined, CONNECTION_FAILURE]
    expect(expected).toContain(await tryInBlock(client, sql))
  })
}

describe('PostgreSQL 18', () => {
  judgeBy(startPrivateServer, 18)
})
withProgram('postgres15').describe('PostgreSQL 15', () => {
  judgeBy(startDebianServer, 15)
})

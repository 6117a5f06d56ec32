/** Databases on the run's shared server. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject, test as base } from 'vitest'
import { ident } from '../../src/engine/sql.ts'
import type { SharedServer } from './global-setup.ts'

export interface TestDatabase {
  readonly name: string
  readonly dsn: string
  /** Ends its sessions and removes it. */
  readonly drop: () => Promise<void>
}

export function sharedServer(): SharedServer {
  return inject('sharedServer')
}

/** `postgres://` for a database of the shared server (or of `server`), as its superuser. */
export function dsnOf(database: string, server: SharedServer = sharedServer()): string {
  const { user, password, host, port } = server
  return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${encodeURIComponent(database)}`
}

/** A connected superuser client; the caller ends it. */
export async function adminClient(
  database = 'postgres',
  server: SharedServer = sharedServer(),
): Promise<pg.Client> {
  // No URL: names with special characters do not survive the way through it.
  const { host, port, user, password } = server
  const client = new pg.Client({ host, port, user, password, database })
  client.on('error', toldAlready)
  await client.connect()
  return client
}

/** For connections whose server may be killed: whoever waits for an answer is told, an event without a listener ends the process. */
export function toldAlready(): void {}

/** Runs one statement as superuser on a connection of its own. */
export async function adminQuery<Row extends pg.QueryResultRow>(
  sql: string,
  database = 'postgres',
  server: SharedServer = sharedServer(),
): Promise<Row[]> {
  const client = await adminClient(database, server)
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A new database named `<prefix>_<random>`, a copy of `template` when that is given. */
export async function createDatabase(
  prefix = 'test',
  { template, server = sharedServer() }: { template?: string; server?: SharedServer } = {},
): Promise<TestDatabase> {
  const name = `${prefix}_${randomBytes(5).toString('hex')}`
  const copy = template === undefined ? '' : ` template ${ident(template)}`
  await adminQuery(`create database ${ident(name)}${copy}`, 'postgres', server)
  const drop = async (): Promise<void> => {
    await adminQuery(`drop database if exists ${ident(name)} with (force)`, 'postgres', server)
  }
  return { name, dsn: dsnOf(name, server), drop }
}

/** `test` with a database of its own; kept until the end of the run when the test fails, so it can be looked at. */
export const test = base.extend<{ database: TestDatabase }>({
  database: async ({ task }, use) => {
    const database = await createDatabase()
    await use(database)
    if (task.result?.state !== 'fail') await database.drop()
  },
})

/** Databases made for a test of schemas, and how their schemas are inspected. */
import { onTestFinished } from 'vitest'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { adminClient, createDatabase, type TestDatabase } from './postgres.ts'

/** A database on the shared server with these statements run in it, gone after the test. */
export async function databaseOf(sql: string): Promise<TestDatabase> {
  const made = await createDatabase('schema')
  onTestFinished(() => made.drop())
  const client = await adminClient(made.name)
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
  return made
}

export async function inspected(url: string): Promise<Snapshot> {
  const session = await postgres.connect(url)
  try {
    return await postgres.inspect(session)
  } finally {
    await session.close()
  }
}

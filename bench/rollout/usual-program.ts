/**
 * The usual asynchronous program of this field, as published by those who migrate many databases: for each one
 * connect, make sure of the version table, ask it, open a transaction, change, record, commit: each a round trip.
 * Reads its job as JSON from standard input, prints a PeerResult as JSON.
 */
import { json } from 'node:stream/consumers'
import pg from 'pg'
import { type PeerAddress, type PeerResult, peakRssMb, startupOptions } from './children.ts'
import { USUAL_LEDGER } from './template.ts'

export interface UsualJob {
  readonly address: PeerAddress
  readonly options: Readonly<Record<string, string>>
  readonly databases: readonly string[]
  readonly versionId: string
  readonly change: string
  readonly concurrency: number
}

async function migrate(job: UsualJob, database: string): Promise<void> {
  const { host, port, user, password } = job.address
  const client = new pg.Client({ host, port, user, password, database, options: startupOptions(job.options) })
  await client.connect()
  try {
    await client.query(USUAL_LEDGER)
    const known = await client.query('select 1 from public.schema_version where version_id = $1', [
      job.versionId,
    ])
    if (known.rowCount === 0) await applyInTransaction(client, job)
  } finally {
    await client.end()
  }
}

async function applyInTransaction(client: pg.Client, job: UsualJob): Promise<void> {
  await client.query('begin')
  try {
    await client.query(job.change)
    await client.query('insert into public.schema_version (version_id, checksum) values ($1, $2)', [
      job.versionId,
      'none',
    ])
    await client.query('commit')
  } catch (thrown) {
    await client.query('rollback')
    throw thrown
  }
}

/** `concurrency` loops that share one list: the same as a queue with a limit. */
async function migrateAll(job: UsualJob): Promise<void> {
  const databases = job.databases.values()
  const loop = async (): Promise<void> => {
    for (const database of databases) await migrate(job, database)
  }
  await Promise.all(Array.from({ length: job.concurrency }, loop))
}

const job = (await json(process.stdin)) as UsualJob
const cpuBefore = process.cpuUsage()
const started = performance.now()
await migrateAll(job)
const seconds = (performance.now() - started) / 1000
const cpu = process.cpuUsage(cpuBefore)
const result: PeerResult = {
  tenants: job.databases.length,
  seconds,
  tenantsPerSecond: job.databases.length / seconds,
  cpuMsPerTenant: (cpu.user + cpu.system) / 1000 / job.databases.length,
  peakRssMb: await peakRssMb(),
}
process.stdout.write(`${JSON.stringify(result)}\n`)

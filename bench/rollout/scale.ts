/**
 * How the cost of a rollout grows with the number of tenants: schemas in shared databases, up to 100,000 of them.
 * `npm run bench:scale [-- --json] [--tenants N]`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { dsnOf } from '../../src/engine/address.ts'
import { startEmbedded, type EmbeddedServer } from '../../src/engine/embedded.ts'
import { scramVerifier } from '../../src/engine/scram.ts'
import { literal } from '../../src/engine/sql.ts'
import { CREATE_LEDGER } from '../../src/rollout/postgres/ledger.ts'
import { startTenantry } from './tenantry.ts'
import type { ChildResult } from './tenantry-child.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, tenants: { type: 'string', default: '100000' } },
})
const total = Number(values.tenants)
const SCHEMAS_PER_DATABASE = 1_000
const PASSWORD = 'only-for-this-benchmark'
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const stateDir = await mkdtemp(path.join(tmpdir(), 'tenantry-scale-'))
const server = await startEmbedded({
  stateDir: path.join(stateDir, 'fleet'),
  settings: { shared_buffers: '512MB', max_wal_size: '4GB', max_connections: '200' },
})
try {
  const databases = Math.ceil(total / SCHEMAS_PER_DATABASE)
  say(`Making ${databases} databases with ${SCHEMAS_PER_DATABASE} schemas each …`)
  await makeFleet(server, databases)
  report(await measure(server, databases))
} finally {
  await server.kill()
  await rm(stateDir, { recursive: true, force: true })
}

async function makeFleet(on: EmbeddedServer, databases: number): Promise<void> {
  await onDatabase(on, 'postgres', async (client) => {
    await client.query(`create role scale login password ${literal(await scramVerifier(PASSWORD))}`)
    await client.query('create database scale_control')
    await client.query('create database scale_template owner scale')
  })
  await onDatabase(on, 'scale_template', async (client) => {
    await client.query('set session authorization scale')
    await client.query(CREATE_LEDGER)
    for (let first = 1; first <= SCHEMAS_PER_DATABASE; first += 100) {
      await client.query(`do $$ begin for n in ${first}..${first + 99} loop
        execute format('create schema tenant_%s', n);
        execute format('create table tenant_%s.customers (id bigint primary key, email text)', n);
      end loop; end $$`)
    }
    await client.query('reset session authorization')
    await client.query('vacuum (freeze, analyze)')
  })
  await onDatabase(on, 'postgres', async (client) => {
    for (let n = 1; n <= databases; n += 1) {
      await client.query(
        `create database scale_${String(n).padStart(4, '0')} template scale_template owner scale`,
      )
    }
    await client.query('checkpoint')
  })
}

async function measure(on: EmbeddedServer, databases: number): Promise<ChildResult[]> {
  const address = { host: on.host, port: on.port, ssl: 'disable' as const }
  const names = Array.from({ length: databases }, (_, index) => `scale_${String(index + 1).padStart(4, '0')}`)
  const tenantry = await startTenantry({
    controlUrl: dsnOf({ ...address, ...on.superuser, database: 'scale_control' }),
    stateDir: path.join(stateDir, 'tenantry'),
    serverDsn: dsnOf({ ...address, user: 'scale', password: PASSWORD, database: 'postgres' }),
    tenants: names.flatMap((database) =>
      Array.from({ length: SCHEMAS_PER_DATABASE }, (_, index) => ({
        database,
        schema: `tenant_${index + 1}`,
      })),
    ),
  })
  const results: ChildResult[] = []
  for (const share of [0.01, 0.1, 1]) {
    const count = Math.max(1, Math.round(databases * share))
    say(`Rolling out to ${count * SCHEMAS_PER_DATABASE} of ${databases * SCHEMAS_PER_DATABASE} tenants …`)
    const column = `c_${results.length + 1}`
    results.push(
      await tenantry.run({
        versionId: `20260101_00000${results.length + 1}`,
        upgrade: `alter table customers add column ${column} text`,
        downgrade: `alter table customers drop column ${column}`,
        flush: 'batch',
        selector: `database:${names.slice(0, count).join(',')}`,
      }),
    )
  }
  await tenantry.stop()
  return results
}

function report(results: readonly ChildResult[]): void {
  const rows = results.map((result) => ({
    tenants: result.tenants,
    failed: result.failed,
    tenants_per_second: Math.round(result.tenants / result.seconds),
    cpu_ms_per_tenant: Number((result.cpuMs / result.tenants).toFixed(3)),
    claim_ms_per_tenant: Number(result.claimMsPerTenant.toFixed(4)),
    finish_ms_per_tenant: Number(result.finishMsPerTenant.toFixed(4)),
    peak_rss_mb: Math.round(result.peakRssMb),
    status_ms_median: Number(result.statusMs.median.toFixed(1)),
    status_ms_longest: Number(result.statusMs.longest.toFixed(1)),
  }))
  if (values.json) process.stdout.write(`${JSON.stringify({ rows })}\n`)
  else console.table(rows)
}

async function onDatabase(
  on: EmbeddedServer,
  database: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ host: on.host, port: on.port, database, ...on.superuser })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

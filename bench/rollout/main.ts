/**
 * How fast rollouts are, against the limit and against others, on the same databases in one run:
 * `npm run bench:rollout [-- --json] [--databases N] [--rounds N]`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { dsnOf } from '../../src/engine/address.ts'
import { CREATE_LEDGER, insertLedgerRow, startupSettings } from '../../src/rollout/postgres/ledger.ts'
import { compileCeiling } from './compile.ts'
import { startFleet, type BenchLogin, type Fleet } from './fleet.ts'
import type { PeerResult } from './children.ts'
import { runCeiling, runPsqlLoop, runUsualProgram, type CeilingResult } from './peers.ts'
import { refuseFailures, startTenantry, type Tenantry } from './tenantry.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    databases: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    state: { type: 'string' },
  },
})
const databases = Number(values.databases)
const rounds = Number(values.rounds)
const CONCURRENCIES = [4, 8, 16, 32]
const SAMPLE = 100
const SETTINGS = startupSettings({ lockTimeout: '2s', statementTimeout: '30min', synchronousCommit: 'on' })

interface Row extends PeerResult {
  readonly name: string
}

const stateDir = values.state ?? (await mkdtemp(path.join(tmpdir(), 'tenantry-bench-')))
const say = (text: string): void => void process.stderr.write(`${text}\n`)
say(`Making ${databases} databases …`)
const fleet = await startFleet({
  databases,
  stateDir: path.join(stateDir, 'fleet'),
  ledgerSql: CREATE_LEDGER,
})
try {
  report(await measureAll(fleet))
} finally {
  await (values.state === undefined ? fleet.server.kill() : fleet.stop())
  if (values.state === undefined) await rm(stateDir, { recursive: true, force: true })
}

interface Samples {
  readonly concurrency: Record<BenchLogin, number>
  readonly rows: Row[]
  readonly ratios: { ceiling: number[]; libpq: number[]; each: number[] }
  readonly statusMs: number[]
}

async function measureAll(of: Fleet): Promise<Samples> {
  const binary = await compileCeiling()
  const tenantry = { trust: await tenantryFor(of, 'trust'), scram: await tenantryFor(of, 'scram') }
  try {
    const concurrency = {
      trust: await bestConcurrency(of, binary, 'trust'),
      scram: await bestConcurrency(of, binary, 'scram'),
    }
    // A round for nothing: caches are warm, the search for the best concurrency has begun.
    await tenantryRound(of, tenantry.trust, 'warm-up', 'batch')
    const samples: Samples = {
      concurrency,
      rows: [],
      ratios: { ceiling: [], libpq: [], each: [] },
      statusMs: [],
    }
    for (let round = 1; round <= rounds; round += 1) {
      say(`Round ${round} of ${rounds} …`)
      await measureRound(of, binary, tenantry, samples)
    }
    samples.rows.push({ name: 'psql, one database after the other', ...(await psql(of)) })
    samples.rows.push({ name: 'usual program (Node, pg, 50 at once)', ...(await usual(of)) })
    return samples
  } finally {
    await tenantry.trust.stop()
    await tenantry.scram.stop()
  }
}

async function measureRound(
  of: Fleet,
  binary: string,
  tenantry: Record<BenchLogin, Tenantry>,
  samples: Samples,
): Promise<void> {
  const { rows, ratios, concurrency, statusMs } = samples
  const a = await ceilingRound(of, binary, 'trust', concurrency.trust)
  const b = await tenantryRound(of, tenantry.trust, 'Tenantry, trust', 'batch', statusMs)
  const each = await tenantryRound(of, tenantry.trust, 'Tenantry, trust, each commit flushed', 'each')
  const c = await ceilingRound(of, binary, 'scram', concurrency.scram)
  const d = await tenantryRound(of, tenantry.scram, 'Tenantry, SCRAM', 'batch', statusMs)
  rows.push(
    { name: 'C on libpq, trust (the ceiling)', ...a },
    b,
    each,
    { name: 'C on libpq, SCRAM', ...c },
    d,
  )
  ratios.ceiling.push(b.tenantsPerSecond / a.tenantsPerSecond)
  ratios.each.push(each.tenantsPerSecond / a.tenantsPerSecond)
  ratios.libpq.push(d.tenantsPerSecond / c.tenantsPerSecond)
}

async function tenantryFor(of: Fleet, login: BenchLogin): Promise<Tenantry> {
  const { server } = of
  const name = `bench_control_${login}`
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    database: 'postgres',
    ...server.superuser,
  })
  await client.connect()
  await client.query(`drop database if exists ${name}`)
  await client.query(`create database ${name}`)
  await client.end()
  const control = {
    host: server.host,
    port: server.port,
    database: name,
    ssl: 'disable' as const,
    ...server.superuser,
  }
  return startTenantry({
    controlUrl: dsnOf(control),
    stateDir: path.join(stateDir, login),
    serverDsn: dsnOf(of.address(login)),
    tenants: of.databases.map((database) => ({ database })),
  })
}

async function ceilingRound(
  of: Fleet,
  binary: string,
  login: BenchLogin,
  concurrency: number,
): Promise<CeilingResult> {
  const version = of.nextVersion()
  await of.settle()
  const row = insertLedgerRow(
    { schema: '', versionId: version.versionId, rolloutId: '00000000-0000-4000-8000-000000000000' },
    '0'.repeat(64),
  )
  const sql = `${row};\n${version.upgrade}`
  return runCeiling({
    binary,
    address: of.address(login),
    options: SETTINGS,
    databases: of.databases,
    sql,
    concurrency,
  })
}

async function bestConcurrency(of: Fleet, binary: string, login: BenchLogin): Promise<number> {
  let best = { concurrency: CONCURRENCIES[0] ?? 1, rate: 0 }
  for (const concurrency of CONCURRENCIES) {
    const result = await ceilingRound(of, binary, login, concurrency)
    say(`C on libpq, ${login}, ${concurrency} at once: ${result.tenantsPerSecond.toFixed(0)} tenants/s`)
    if (result.tenantsPerSecond > best.rate) best = { concurrency, rate: result.tenantsPerSecond }
  }
  return best.concurrency
}

async function tenantryRound(
  of: Fleet,
  tenantry: Tenantry,
  name: string,
  flush: 'batch' | 'each',
  statusMs: number[] = [],
): Promise<Row> {
  const version = of.nextVersion()
  await of.settle()
  const result = await tenantry.run({ ...version, flush })
  refuseFailures(name, result)
  statusMs.push(result.statusMs.longest)
  return {
    name,
    tenants: result.tenants,
    seconds: result.seconds,
    tenantsPerSecond: result.tenants / result.seconds,
    cpuMsPerTenant: result.cpuMs / result.tenants,
    peakRssMb: result.peakRssMb,
  }
}

async function psql(of: Fleet): Promise<PeerResult> {
  const version = of.nextVersion()
  const sql = `begin;\ninsert into public.schema_version (version_id, checksum) values ('${version.versionId}', 'x');\n${version.upgrade};\ncommit;`
  return runPsqlLoop({
    address: of.address('scram'),
    options: SETTINGS,
    databases: of.databases.slice(0, SAMPLE),
    sql,
  })
}

async function usual(of: Fleet): Promise<PeerResult> {
  const version = of.nextVersion()
  return runUsualProgram({
    address: of.address('scram'),
    options: SETTINGS,
    databases: of.databases,
    versionId: version.versionId,
    change: version.upgrade,
    concurrency: 50,
  })
}

function report({ rows, ratios, concurrency, statusMs }: Samples): void {
  const names = [...new Set(rows.map((row) => row.name))]
  const summary = names.map((name) => {
    const runs = rows.filter((row) => row.name === name)
    return {
      name,
      tenants_per_second: rounded(median(runs.map((run) => run.tenantsPerSecond)), 1),
      cpu_ms_per_tenant: rounded(median(runs.map((run) => run.cpuMsPerTenant)), 3),
      peak_rss_mb: rounded(Math.max(...runs.map((run) => run.peakRssMb ?? 0)), 0),
      runs: runs.length,
    }
  })
  const ours = summary.find((row) => row.name === 'Tenantry, trust')
  const result = {
    databases,
    rounds,
    ratio_to_ceiling: rounded(median(ratios.ceiling), 3),
    ratio_to_libpq: rounded(median(ratios.libpq), 3),
    ratio_each_flushed: rounded(median(ratios.each), 3),
    cpu_ms_per_tenant: ours?.cpu_ms_per_tenant ?? 0,
    peak_rss_mb: ours?.peak_rss_mb ?? 0,
    tenants_per_second: ours?.tenants_per_second ?? 0,
    status_ms_longest: rounded(Math.max(...statusMs), 1),
    ceiling_concurrency: concurrency,
    ratios: {
      ceiling: ratios.ceiling.map((ratio) => rounded(ratio, 3)),
      libpq: ratios.libpq.map((ratio) => rounded(ratio, 3)),
    },
    rows: summary,
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return
  }
  process.stdout.write(table(summary))
  process.stdout.write(
    `\nratio_to_ceiling ${result.ratio_to_ceiling}   ratio_to_libpq ${result.ratio_to_libpq}   each commit flushed ${result.ratio_each_flushed}   status read in at most ${result.status_ms_longest} ms\n`,
  )
}

function table(
  rows: readonly {
    name: string
    tenants_per_second: number
    cpu_ms_per_tenant: number
    peak_rss_mb: number
  }[],
): string {
  const head = `${''.padEnd(40)}${'tenants/s'.padStart(12)}${'CPU ms/tenant'.padStart(16)}${'peak MB'.padStart(10)}\n`
  return (
    head +
    rows
      .map(
        (row) =>
          `${row.name.padEnd(40)}${String(row.tenants_per_second).padStart(12)}${String(row.cpu_ms_per_tenant).padStart(16)}${String(row.peak_rss_mb).padStart(10)}\n`,
      )
      .join('')
  )
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

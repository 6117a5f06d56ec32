/**
 * How fast schemas are read, compared and planned for, against pg_dump and others on the same databases, and how
 * fast a fleet is audited, against a C program that only connects and asks:
 * `npm run bench:schema [-- --json] [--tables 10,100] [--rounds N] [--databases N] [--no-peers]`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { ident } from '../../src/engine/sql.ts'
import { childrenCpuMs } from '../rollout/children.ts'
import { measureAudit } from './audit.ts'
import { median, type AuditRow, type PlanRow, type SizeRow } from './figures.ts'
import { fetchPeers, timeProgram, type Peer } from './peers.ts'
import { printTables } from './report.ts'
import { startBenchServer, type BenchServer } from './server.ts'
import { schemaSql } from './shop.ts'
import { startWorker } from './worker.ts'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    json: { type: 'boolean', default: false },
    tables: { type: 'string', default: '10,100,1000,5000' },
    rounds: { type: 'string', default: '5' },
    databases: { type: 'string', default: '500' },
    peers: { type: 'boolean', default: true },
  },
})
const rounds = Number(values.rounds)
const STARTER = path.join(import.meta.dirname, '../../bin/tenantry.js')
const say = (text: string): void => void process.stderr.write(`${text}\n`)

const server = await startBenchServer()
const scratch = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-'))
try {
  const peers = values.peers ? await fetchPeers() : []
  const sizes: SizeRow[] = []
  const plans: PlanRow[] = []
  await makeDatabase('empty', '')
  for (const tables of values.tables.split(',').map(Number)) {
    say(`${tables} tables …`)
    await makeDatabase(`a${tables}`, schemaSql(tables))
    await makeDatabase(`b${tables}`, schemaSql(tables, true))
    sizes.push(await measureSize(server, tables))
    plans.push(...(await measurePlans(server, tables, peers)))
  }
  const audit = await auditFleet()
  if (values.json) process.stdout.write(`${JSON.stringify({ sizes, plans, audit }, null, 2)}\n`)
  else process.stdout.write(printTables(sizes, plans, audit))
} finally {
  await server.stop()
  await rm(scratch, { recursive: true, force: true })
}

async function query(database: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url(database) })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function makeDatabase(name: string, sql: string): Promise<void> {
  await query('postgres', `create database ${ident(name)} template template0`)
  if (sql !== '') await query(name, sql)
  await query(name, 'vacuum analyze')
}

/** Turn by turn, so that what else the machine does falls on all alike. */
async function measureSize(of: BenchServer, tables: number): Promise<SizeRow> {
  const url = of.url(`a${tables}`)
  const worker = startWorker()
  const times = { inspect: [] as number[], cli: [] as number[], pgDump: [] as number[] }
  const cpu = { inspect: [] as number[], pgDump: [] as number[] }
  const compared: { diffMs: number; planMs: number; steps: number }[] = []
  try {
    let { objects } = await worker.inspect(url)
    const out = path.join(scratch, 'out')
    for (let round = 0; round < rounds; round++) {
      const [server0, client0] = [await of.cpuMs(), await childrenCpuMs()]
      times.pgDump.push(await milliseconds(path.join(of.programs, 'pg_dump'), ['-s', '-f', out, '-d', url]))
      const [server1, client1] = [await of.cpuMs(), await childrenCpuMs()]
      cpu.pgDump.push(server1 - server0 + client1 - client0)
      const inspected = await worker.inspect(url)
      times.inspect.push(inspected.ms)
      cpu.inspect.push((await of.cpuMs()) - server1 + inspected.cpuMs)
      objects = inspected.objects
      const args = [STARTER, 'schema', 'inspect', url, '--out', out, '--quiet']
      times.cli.push(await milliseconds(process.execPath, args))
    }
    for (let round = 0; round < Math.min(3, rounds); round++)
      compared.push(await worker.compare(url, of.url(`b${tables}`)))
    return {
      tables,
      objects,
      inspectMs: median(times.inspect),
      cliMs: median(times.cli),
      pgDumpMs: median(times.pgDump),
      inspectCpuMs: median(cpu.inspect),
      pgDumpCpuMs: median(cpu.pgDump),
      diffMs: median(compared.map(({ diffMs }) => diffMs)),
      planMs: median(compared.map(({ planMs }) => planMs)),
      steps: compared[0]?.steps ?? 0,
      memoryMb: (await peakOf(url)) - (await peakOf(of.url('empty'))),
    }
  } finally {
    await worker.stop()
  }
}

async function peakOf(url: string): Promise<number> {
  const worker = startWorker()
  try {
    await worker.inspect(url)
    return await worker.peakMb()
  } finally {
    await worker.stop()
  }
}

async function milliseconds(program: string, args: readonly string[]): Promise<number> {
  const { seconds, why } = await timeProgram(program, args)
  if (seconds === null) throw new Error(`${program} ${args.slice(0, 3).join(' ')} failed: ${why}`)
  return seconds * 1000
}

async function measurePlans(of: BenchServer, tables: number, peers: readonly Peer[]): Promise<PlanRow[]> {
  const [from, to] = [of.url(`a${tables}`), of.url(`b${tables}`)]
  const own = [STARTER, 'schema', 'plan', '--from', from, '--to', to, '--format', 'sql', '--allow', 'all']
  const programs = [
    { name: 'tenantry schema plan', args: own },
    ...peers.map((peer) => ({ name: peer.name, args: peer.plan(from, to) })),
  ]
  const found = programs.map(({ name }) => ({ name, seconds: [] as number[], why: '' }))
  // A program that failed or took too long once is not asked again.
  for (let round = 0; round < Math.min(3, rounds); round++) {
    for (const [index, { args }] of programs.entries()) {
      const row = found[index]
      if (row === undefined || row.why !== '') continue
      const { seconds, why } = await timeProgram(process.execPath, args)
      if (seconds === null) row.why = why
      else row.seconds.push(seconds)
    }
  }
  return found.map(({ name, seconds, why }) => ({
    tables,
    name,
    seconds: seconds.length === 0 ? null : median(seconds),
    why,
  }))
}

async function auditFleet(): Promise<AuditRow[]> {
  const count = Number(values.databases)
  if (count === 0) return []
  say(`${count} databases to audit …`)
  await makeDatabase('fleet', schemaSql(10))
  const names = Array.from({ length: count }, (_, number) => `fleet_${number}`)
  for (const name of names) await query('postgres', `create database ${name} template fleet`)
  return measureAudit(server, names, rounds)
}

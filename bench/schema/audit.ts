/** How many tenants a second are audited, against a C program that connects to the same databases. */
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { dialectNamed } from '../../src/schema/dialects/index.ts'
import { postgresSession } from '../../src/schema/dialects/postgres/session.ts'
import { compileCeiling } from '../rollout/compile.ts'
import { runCeiling } from '../rollout/peers.ts'
import { median, type AuditRow } from './figures.ts'
import type { BenchServer } from './server.ts'
import { startWorker } from './worker.ts'

const CONCURRENCY = 8

export async function measureAudit(
  of: BenchServer,
  databases: readonly string[],
  rounds: number,
): Promise<AuditRow[]> {
  const binary = await compileCeiling()
  const worker = startWorker()
  const urls = databases.map((name) => of.url(name))
  const texts = await queryTexts(of.url(databases[0] ?? 'fleet'))
  const ceiling = async (text: string): Promise<number> => {
    const input = {
      address: of.address,
      options: { jit: 'off' },
      databases,
      binary,
      concurrency: CONCURRENCY,
    }
    return (await runCeiling({ ...input, sql: text })).tenantsPerSecond
  }
  const rates = {
    fingerprint: [] as number[],
    fingerprintInC: [] as number[],
    marker: [] as number[],
    markerInC: [] as number[],
    unwritten: [] as number[],
    connect: [] as number[],
  }
  try {
    await worker.audit('fingerprint', urls, CONCURRENCY)
    for (let round = 0; round < rounds; round++) {
      const { seconds, distinct } = await worker.audit('fingerprint', urls, CONCURRENCY)
      if (distinct !== 1) throw new Error(`Equal databases have ${distinct} fingerprints`)
      rates.fingerprint.push(urls.length / seconds)
      rates.fingerprintInC.push(await ceiling(texts.fingerprint))
      rates.marker.push(urls.length / (await worker.audit('marker', urls, CONCURRENCY)).seconds)
      rates.markerInC.push(await ceiling(texts.marker))
      rates.connect.push(await ceiling('select 1'))
      await worker.unwritten(urls)
      const { seconds: asked, vouched } = await worker.unwritten(urls)
      // Autovacuum visits one now and then.
      if (vouched < urls.length * 0.9)
        throw new Error(`Of ${urls.length} idle databases ${vouched} are vouched for`)
      rates.unwritten.push(vouched / asked)
    }
  } finally {
    await worker.stop()
  }
  return rowsOf(rates)
}

/** Tenants per second, a figure for each round. */
type Rates = Readonly<
  Record<
    'fingerprint' | 'fingerprintInC' | 'marker' | 'markerInC' | 'unwritten' | 'connect',
    readonly number[]
  >
>

function rowsOf(rates: Rates): AuditRow[] {
  const ratio = (list: readonly number[], to: readonly number[]): number =>
    median(list.map((rate, round) => rate / (to[round] ?? rate)))
  const row = (name: string, list: readonly number[], inC?: readonly number[]): AuditRow => ({
    name,
    concurrency: CONCURRENCY,
    tenantsPerSecond: median(list),
    ofSameQuery: inC === undefined ? null : ratio(list, inC),
    ofConnecting: ratio(list, rates.connect),
  })
  return [
    row('Tenantry: connect, one fingerprint query', rates.fingerprint, rates.fingerprintInC),
    row('C on libpq: connect, the same query', rates.fingerprintInC),
    row('Tenantry: connect, has anything changed', rates.marker, rates.markerInC),
    row('C on libpq: connect, the same query', rates.markerInC),
    row('C on libpq: connect, select 1', rates.connect),
    {
      ...row('Tenantry: ask the server who was written to', rates.unwritten),
      concurrency: 1,
    },
  ]
}

/** What an audit asks, as text. */
async function queryTexts(url: string): Promise<{ fingerprint: string; marker: string }> {
  const dialect = await dialectNamed('postgres')
  const session = postgresSession(await dialect.connect(url))
  const record = async (ask: (on: SchemaSession) => Promise<string>): Promise<string> => {
    const texts: string[] = []
    const heard =
      <T>(run: (sql: string) => Promise<T>) =>
      (sql: string): Promise<T> => {
        texts.push(sql)
        return run(sql)
      }
    await ask({
      ...session,
      query: heard((sql) => session.query(sql)),
      rows: heard((sql) => session.rows(sql)),
    } as SchemaSession)
    return texts.join(';\n')
  }
  try {
    return {
      fingerprint: await record((on) => dialect.catalogueFingerprint(on)),
      marker: await record(async (on) => (await dialect.changeMarker?.(on)) ?? ''),
    }
  } finally {
    await session.close()
  }
}

/** How many tenants a second are audited, against a C program that connects to the same databases. */
import { dialectNamed } from '../../src/schema/dialects/index.ts'
import { compileCeiling } from '../rollout/compile.ts'
import { runCeiling } from '../rollout/peers.ts'
import { median } from './report.ts'
import type { BenchServer } from './server.ts'
import { startWorker } from './worker.ts'

export interface AuditRow {
  readonly name: string
  readonly concurrency: number
  readonly tenantsPerSecond: number
}

const CONCURRENCY = 8

export async function measureAudit(
  of: BenchServer,
  databases: readonly string[],
  rounds: number,
): Promise<AuditRow[]> {
  const binary = await compileCeiling()
  const worker = startWorker()
  const urls = databases.map((name) => of.url(name))
  const sql = await fingerprintSql(of.url(databases[0] ?? 'fleet'))
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
  const rates = { tenantry: [] as number[], same: [] as number[], connect: [] as number[] }
  try {
    await worker.audit(urls, CONCURRENCY)
    for (let round = 0; round < rounds; round++) {
      const { seconds, distinct } = await worker.audit(urls, CONCURRENCY)
      if (distinct !== 1) throw new Error(`Equal databases have ${distinct} fingerprints`)
      rates.tenantry.push(urls.length / seconds)
      rates.same.push(await ceiling(sql))
      rates.connect.push(await ceiling('select 1'))
    }
  } finally {
    await worker.stop()
  }
  const row = (name: string, list: readonly number[]): AuditRow => ({
    name,
    concurrency: CONCURRENCY,
    tenantsPerSecond: median(list),
  })
  return [
    row('Tenantry: connect, one fingerprint query', rates.tenantry),
    row('C on libpq: connect, the same query', rates.same),
    row('C on libpq: connect, select 1', rates.connect),
  ]
}

/** The text that a fingerprint is asked with. */
async function fingerprintSql(url: string): Promise<string> {
  const dialect = await dialectNamed('postgres')
  const session = await dialect.connect(url)
  const texts: string[] = []
  try {
    await dialect.catalogueFingerprint({
      ...session,
      query: (sql) => {
        texts.push(sql)
        return session.query(sql)
      },
    })
  } finally {
    await session.close()
  }
  return texts.join(';\n')
}

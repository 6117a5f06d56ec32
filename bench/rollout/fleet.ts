/** The fleet that everybody rolls out to: databases like those of a small product, on one durable server. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { ServerAddress } from '../../src/engine/address.ts'
import { type EmbeddedServer, startEmbedded } from '../../src/engine/embedded.ts'
import { scramVerifier } from '../../src/engine/scram.ts'
import { ident, literal } from '../../src/engine/sql.ts'
import { childrenCpuMs, runChild } from './children.ts'
import { TEMPLATE_LEDGER, TEMPLATE_TABLES, USUAL_LEDGER } from './template.ts'

/** How the role logs in; both reach the same databases over TCP on 127.0.0.1. */
export type BenchLogin = 'trust' | 'scram'

export interface BenchVersion {
  /** `YYYYMMDD_HHMMSS`, never given out before for this fleet. */
  readonly versionId: string
  readonly upgrade: string
  readonly downgrade: string
}

export interface Fleet {
  readonly server: EmbeddedServer
  readonly databases: readonly string[]
  /** `bench_trust` without a password, `bench_scram` with one. */
  address(login: BenchLogin): ServerAddress
  /** A version that no tenant has: each round applies its own, so nothing is reset between rounds. */
  nextVersion(): BenchVersion
  /** CPU that the server's ended backends used since it started, in milliseconds; resolution 10. */
  serverCpuMs(): Promise<number>
  /** Writes out what earlier rounds left dirty, so that no round pays for another. */
  settle(): Promise<void>
  stop(): Promise<void>
}

export interface FleetOptions {
  /** How many databases; those already in `stateDir` are kept and counted. */
  readonly databases: number
  readonly stateDir: string
  /** Statements that make the ledger; default: the table and nothing else. */
  readonly ledgerSql?: string
  /** Called after each database that was made. */
  readonly onProgress?: (made: number, of: number) => void
}

/** Settings that a server for a thousand databases has; all that make a commit durable stay on. */
const SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  max_connections: '200',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
}
/** For making the fleet only: nothing of it is worth keeping if the machine loses power meanwhile. */
const BUILD_SETTINGS = { ...SETTINGS, fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }
const TEMPLATE = 'bench_template'
const OWNER = 'bench_owner'
const PREFIX = 'bench_t'
/** Connections that make databases; more only wait for each other. */
const MAKERS = 4
const RELOAD_TIMEOUT_MS = 10_000

/**
 * Makes what is missing of the fleet in `stateDir` and starts its server: 9 MB of disk and 15 ms a database (150 on a busy disk).
 * The databases are made without waiting for the disk (15 times as fast) and then written out; the server that is
 * handed over is a new one with durable settings.
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const databases = await buildFleet(options)
  return await stopIfFailed(
    await startEmbedded({ stateDir: options.stateDir, settings: SETTINGS }),
    async (server) => {
      const password = randomBytes(18).toString('base64url')
      await setPassword(server, password)
      await letTrustIn(server)
      await warm(server, databases)
      return handle(server, databases, password)
    },
  )
}

async function buildFleet(options: FleetOptions): Promise<string[]> {
  const server = await startEmbedded({ stateDir: options.stateDir, settings: BUILD_SETTINGS, noSync: true })
  const databases = await stopIfFailed(server, async () => {
    await makeRoles(server)
    await makeTemplate(server, options.ledgerSql ?? TEMPLATE_LEDGER)
    return await makeDatabases(server, options)
  })
  await server.stop()
  const written = await runChild('sync', ['--file-system', server.dataDir])
  if (written.exitCode !== 0) throw new Error(`sync failed: ${written.stderr}`)
  return databases
}

async function stopIfFailed<Result>(
  server: EmbeddedServer,
  work: (server: EmbeddedServer) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(server)
  } catch (thrown) {
    await server.stop()
    throw thrown
  }
}

function handle(server: EmbeddedServer, databases: readonly string[], password: string): Fleet {
  const common = { host: server.host, port: server.port, database: 'postgres', ssl: 'disable' } as const
  return {
    server,
    databases,
    nextVersion: versionsFrom(Date.now()),
    address: (login) => ({
      ...common,
      ...(login === 'trust' ? { user: 'bench_trust' } : { user: 'bench_scram', password }),
    }),
    serverCpuMs: () => childrenCpuMs(server.pid),
    settle: () => onDatabase(server, 'postgres', async (client) => void (await client.query('checkpoint'))),
    stop: () => server.stop(),
  }
}

/**
 * Roles like those of a managed schema: the owner cannot log in, the migrators are no superusers. Both work as the
 * owner, so the one ledger is that of either: one that belongs to somebody else is refused.
 */
async function makeRoles(server: EmbeddedServer): Promise<void> {
  await onDatabase(server, 'postgres', async (client) => {
    const { rows } = await client.query<{ rolname: string }>(
      "select rolname from pg_roles where rolname like 'bench%'",
    )
    const there = new Set(rows.map((row) => row.rolname))
    if (!there.has(OWNER)) await client.query(`create role ${OWNER} nologin`)
    for (const role of ['bench_trust', 'bench_scram']) {
      if (!there.has(role)) await client.query(`create role ${role} login in role ${OWNER}`)
      await client.query(`alter role ${role} set role = ${OWNER}`)
    }
  })
}

async function setPassword(server: EmbeddedServer, password: string): Promise<void> {
  const verifier = literal(await scramVerifier(password))
  await onDatabase(server, 'postgres', (client) =>
    client.query(`alter role bench_scram password ${verifier}`),
  )
}

/** One server for both ways to log in, so that they differ in nothing else. */
async function letTrustIn(server: EmbeddedServer): Promise<void> {
  const file = path.join(server.dataDir, 'pg_hba.conf')
  const rule = 'host all bench_trust 127.0.0.1/32 trust\n'
  await writeFile(file, rule + (await readFile(file, 'utf8')).replaceAll(rule, ''))
  await onDatabase(server, 'postgres', (client) => client.query('select pg_reload_conf()'))
  // The server reads the file some time after it was told to.
  const deadline = Date.now() + RELOAD_TIMEOUT_MS
  for (
    let refusal = await trustRefused(server);
    refusal !== undefined;
    refusal = await trustRefused(server)
  ) {
    if (Date.now() > deadline) {
      throw new Error(`The server did not take ${file} within ${RELOAD_TIMEOUT_MS} ms`, { cause: refusal })
    }
    await delay(20)
  }
}

/** Why `bench_trust` cannot log in without a password; undefined when it can. */
async function trustRefused(server: EmbeddedServer): Promise<unknown> {
  const login = { user: 'bench_trust', database: 'postgres', password: '' }
  const client = new pg.Client({ host: server.host, port: server.port, ...login })
  try {
    await client.connect()
    return undefined
  } catch (thrown) {
    return thrown
  } finally {
    await client.end()
  }
}

async function makeTemplate(server: EmbeddedServer, ledgerSql: string): Promise<void> {
  const unfinished = `${TEMPLATE}_unfinished`
  await onDatabase(server, 'postgres', async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [TEMPLATE])
    if (rowCount !== 0) return
    await client.query(`drop database if exists ${unfinished}`)
    await client.query(`create database ${unfinished} owner ${OWNER}`)
    await onDatabase(server, unfinished, async (template) => {
      await template.query(`set role ${OWNER}`)
      await template.query(ledgerSql)
      await template.query(TEMPLATE_TABLES)
      await template.query(USUAL_LEDGER)
      await template.query('reset role')
      // Frozen and analysed in the template: else autovacuum does it once more in each copy, while we measure.
      await template.query('vacuum (freeze, analyze)')
    })
    await client.query(`alter database ${unfinished} rename to ${TEMPLATE}`)
  })
}

async function makeDatabases(server: EmbeddedServer, options: FleetOptions): Promise<string[]> {
  const names = Array.from(
    { length: options.databases },
    (_, index) => `${PREFIX}${String(index + 1).padStart(6, '0')}`,
  )
  const there = await onDatabase(server, 'postgres', async (client) => {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
    return new Set(rows.map((row) => row.datname))
  })
  const missing = names.filter((name) => !there.has(name))
  const queue = missing.values()
  let made = 0
  const maker = (client: pg.Client): Promise<void> =>
    forEachOf(queue, async (name) => {
      await client.query(
        `create database ${ident(name)} template ${TEMPLATE} owner ${OWNER} strategy file_copy`,
      )
      options.onProgress?.(++made, missing.length)
    })
  await Promise.all(Array.from({ length: MAKERS }, () => onDatabase(server, 'postgres', maker)))
  return names
}

/** The first connection after a start writes the database's relation cache file: not a round's business. */
async function warm(server: EmbeddedServer, databases: readonly string[]): Promise<void> {
  const queue = databases.values()
  const visitor = (): Promise<void> =>
    forEachOf(queue, (name) =>
      onDatabase(server, name, async (client) => void (await client.query('select 1'))),
    )
  await Promise.all(Array.from({ length: MAKERS }, visitor))
}

async function forEachOf<Item>(queue: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  for (const item of queue) await work(item)
}

/** Version ids one second apart, from a start in milliseconds; each adds one empty column to one table. */
function versionsFrom(startMs: number): () => BenchVersion {
  let at = startMs
  return () => {
    at += 1000
    const versionId = new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_')
    const column = ident(`c_${versionId}`)
    return {
      versionId,
      upgrade: `alter table public.orders add column ${column} text`,
      downgrade: `alter table public.orders drop column ${column}`,
    }
  }
}

async function onDatabase<Result>(
  server: EmbeddedServer,
  database: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ host: server.host, port: server.port, database, ...server.superuser })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/**
 * A fleet for tests: a control database, tenant servers with databases on them, workers in this process or in
 * processes of their own, and the question whether everything fits together.
 *
 *     const fleet = await startFleet({ tenants: 10 })
 *     const version = await fleet.addColumn()
 *     await fleet.startWorker()
 *     const rollout = await fleet.rollout({ version })
 *     await fleet.waitFor(rollout.id, 'completed')
 *     await fleet.expectConsistent(rollout.id)
 *     await fleet.close()
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import type { App } from '../../src/api/app.ts'
import { readConfig } from '../../src/config.ts'
import { ident, literal } from '../../src/engine/sql.ts'
import { addServer } from '../../src/registry/servers.ts'
import { registerTenants } from '../../src/registry/tenants.ts'
import {
  rolloutOptions,
  type Rollout,
  type RolloutOptions,
  type RolloutState,
} from '../../src/rollout/rollout.ts'
import { startRollout, type RolloutOrder } from '../../src/rollout/start.ts'
import { rolloutStatus, type RolloutStatus } from '../../src/rollout/status.ts'
import type { WaveRequest } from '../../src/rollout/waves.ts'
import { storeVersion, versionIdOf, type VersionDialect } from '../../src/schema/versions.ts'
import { openApp, startWorker } from '../../src/serve.ts'
import type { Worker } from '../../src/worker/worker.ts'
import { testDirectory } from './directories.ts'
import {
  contradictions,
  targetRows,
  type LedgerRow,
  type TargetRow,
  type TenantTruth,
} from './fleet-consistency.ts'
import { makeDatabases, TENANT_SQL, type FleetPlace, type ServerDatabases } from './fleet-databases.ts'
import type { SharedServer } from './global-setup.ts'
import { adminClient, createDatabase, sharedServer } from './postgres.ts'
import { until } from './wait.ts'

export interface FleetOptions {
  /** Tenants per server that have a database each. */
  readonly tenants?: number
  /** Names of tenants per server that are schemas of one database. */
  readonly schemas?: readonly string[]
  /** Default: the run's shared server. */
  readonly servers?: readonly SharedServer[]
  /** Runs once per tenant, as the migrator. */
  readonly tenantSql?: string
  /** Where the control database is; default: the shared server. */
  readonly controlServer?: SharedServer
}

export interface FleetTenant extends FleetPlace {
  readonly name: string
  /** Name in the registry: `pg-1`, `pg-2`, … */
  readonly server: string
}

export interface NewFleetVersion {
  /** Default `postgres`. */
  readonly dialect?: VersionDialect
  readonly upgrade: string
  readonly downgrade?: string | null
  /** SQL that gives one boolean: whether the change is there. `search_path` is the tenant's schema. */
  readonly probe?: string
}

export interface FleetRollout {
  /** A version id, or `latest`. */
  readonly version: string
  readonly upTo?: boolean
  readonly dryRun?: boolean
  readonly waves?: readonly WaveRequest[]
  readonly order?: RolloutOrder
  /** Default: all tenants. */
  readonly selector?: string
  readonly options?: Partial<RolloutOptions>
}

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly pid: number
  /** What it wrote to stderr so far: its log. */
  readonly log: () => string
  /** SIGKILL. */
  readonly kill: () => Promise<void>
  readonly signal: (name: NodeJS.Signals) => void
  /** SIGTERM, and waits until it has drained. @returns its exit code. */
  readonly stop: () => Promise<number | null>
}

export interface Fleet {
  readonly app: App
  readonly controlUrl: string
  readonly stateDir: string
  /** What the in-process workers have logged, as JSON lines. */
  readonly log: readonly string[]
  readonly servers: readonly ServerDatabases[]
  readonly tenants: readonly FleetTenant[]
  /** Stores a version with the next id. @returns its id. */
  readonly addVersion: (version: NewFleetVersion) => Promise<string>
  /** A version that adds a column to `items`; undone by dropping it. @returns its id. */
  readonly addColumn: () => Promise<string>
  readonly startWorker: () => Promise<Worker>
  /** @param options `controlUrl`: another way to the control database, e.g. through a proxy. */
  readonly spawnWorker: (options?: { controlUrl?: string }) => Promise<WorkerProcess>
  readonly rollout: (wanted: FleetRollout) => Promise<Rollout>
  /** Starts a rollout, waits until it is completed and checks that everything fits together. */
  readonly complete: (wanted: FleetRollout) => Promise<RolloutStatus>
  /** Waits until the rollout is in one of the states and nothing is in hand. */
  readonly waitFor: (
    rolloutId: string,
    state: RolloutState | readonly RolloutState[],
    timeoutMs?: number,
  ) => Promise<RolloutStatus>
  /** A tenant by its place in `tenants`. */
  readonly tenant: (index: number) => FleetTenant
  /** Runs SQL as superuser with the tenant's schema as search_path. @returns the rows of the last statement. */
  readonly sql: <Row extends Record<string, unknown>>(tenant: FleetTenant, sql: string) => Promise<Row[]>
  readonly ledgerOf: (tenant: FleetTenant) => Promise<LedgerRow[]>
  readonly columnsOf: (tenant: FleetTenant, table?: string) => Promise<string[]>
  readonly targets: (rolloutId: string) => Promise<TargetRow[]>
  /** @throws Error that lists every contradiction between schema, ledger, targets, counters and status. */
  readonly expectConsistent: (rolloutId: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** The name of the column that `addColumn` adds. */
export function columnOf(versionId: string): string {
  return `c_${versionId}`
}

const FIRST_VERSION = Date.UTC(2026, 0, 1)

export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const controlDatabase = await createDatabase('control', { server: options.controlServer ?? sharedServer() })
  const stateDir = await testDirectory('fleet')
  const log: string[] = []
  const config = readConfig({ environment: { TENANTRY_STATE_DIR: stateDir }, directory: stateDir })
  const app = await openApp(
    config,
    controlDatabase.dsn,
    pino({ level: 'debug' }, { write: (line) => void log.push(line) }),
  )
  const servers = await Promise.all(
    (options.servers ?? [sharedServer()]).map((server) =>
      makeDatabases(server, {
        tenants: options.tenants ?? 10,
        schemas: options.schemas ?? [],
        tenantSql: options.tenantSql ?? TENANT_SQL,
      }),
    ),
  )
  const tenants = await register(app, servers)
  const workers: Worker[] = []
  const children: WorkerProcess[] = []
  const probes = new Map<string, string>()
  let versions = 0

  const addVersion: Fleet['addVersion'] = async ({ dialect, upgrade, downgrade = null, probe }) => {
    versions += 1
    const versionId = versionIdOf(new Date(FIRST_VERSION + versions * 1000))
    await storeVersion(app.control, {
      versionId,
      dialect,
      description: 'test',
      upgradeSql: upgrade,
      downgradeSql: downgrade,
    })
    if (probe !== undefined) probes.set(versionId, probe)
    return versionId
  }
  const serverOf = (tenant: { server: string }): SharedServer => {
    const found = servers[Number(tenant.server.slice('pg-'.length)) - 1]
    if (found === undefined) throw new Error(`there is no server ${tenant.server}`)
    return found.server
  }
  const sql: Fleet['sql'] = (tenant, text) => inTenant(serverOf(tenant), tenant, text)
  const expectConsistent: Fleet['expectConsistent'] = async (rolloutId) => {
    const found = await contradictions(app.control, rolloutId, async (target, versionIds) => {
      const tenant = tenants.find((one) => one.name === target.tenant)
      if (tenant === undefined) return undefined
      const wanted = new Map([...probes].filter(([id]) => versionIds.includes(id)))
      return truthOf(tenant, (text) => sql(tenant, text), wanted).catch(undefinedIfGone)
    })
    if (found.length > 0) throw new Error(`The rollout contradicts itself:\n  ${found.join('\n  ')}`)
  }
  return {
    app,
    controlUrl: controlDatabase.dsn,
    stateDir,
    log,
    servers,
    tenants,
    addVersion,
    addColumn() {
      const column = columnOf(versionIdOf(new Date(FIRST_VERSION + (versions + 1) * 1000)))
      return addVersion({
        upgrade: `alter table items add column ${column} integer`,
        downgrade: `alter table items drop column ${column}`,
        probe: `select exists (select from pg_attribute where attrelid = to_regclass('items') and attname = '${column}' and not attisdropped)`,
      })
    },
    async startWorker() {
      const { worker } = await startWorker(app, controlDatabase.dsn)
      workers.push(worker)
      return worker
    },
    async spawnWorker({ controlUrl = controlDatabase.dsn } = {}) {
      const child = await spawnWorker({ stateDir, controlUrl })
      children.push(child)
      return child
    },
    rollout: (wanted) => begin(app, wanted),
    async complete(wanted) {
      const { id } = await begin(app, wanted)
      const status = await waitFor(app, id, ['completed'], 20_000)
      await expectConsistent(id)
      return status
    },
    waitFor: (rolloutId, state, timeoutMs = 20_000) => waitFor(app, rolloutId, [state].flat(), timeoutMs),
    tenant(index) {
      const found = tenants[index]
      if (found === undefined) throw new Error(`the fleet has no tenant ${index}`)
      return found
    },
    sql,
    ledgerOf: async (tenant) =>
      (await truthOf(tenant, (text) => sql(tenant, text), new Map())).ledger as LedgerRow[],
    async columnsOf(tenant, table = 'items') {
      const rows = await sql<{ attname: string }>(
        tenant,
        `select attname from pg_attribute where attrelid = to_regclass(${literal(table)}) and attnum > 0 and not attisdropped order by attnum`,
      )
      return rows.map((row) => row.attname)
    },
    targets: (rolloutId) => targetRows(app.control, rolloutId),
    expectConsistent,
    async close() {
      await Promise.all([
        ...workers.map((worker) => worker.drain()),
        ...children.map((child) => child.kill()),
      ])
      await app.close()
      await Promise.all(servers.map((server) => server.drop()))
      await controlDatabase.drop()
      await rm(stateDir, { recursive: true })
    },
  }
}

async function register(app: App, servers: readonly ServerDatabases[]): Promise<FleetTenant[]> {
  const tenants: FleetTenant[] = []
  for (const [index, { server, migrator, places }] of servers.entries()) {
    const name = `pg-${index + 1}`
    const login = `${migrator.user}:${encodeURIComponent(migrator.password)}`
    await addServer(app.control, app.keyring, {
      name,
      dsn: `postgres://${login}@${server.host}:${server.port}/postgres`,
    })
    tenants.push(
      ...places.map((place) => ({
        ...place,
        server: name,
        name: place.schema === '' ? place.database : `${place.database}.${place.schema}`,
      })),
    )
  }
  await registerTenants(app.control, tenants)
  return tenants
}

function begin(app: App, wanted: FleetRollout): Promise<Rollout> {
  return startRollout(app.control, {
    versionId: wanted.version,
    upTo: wanted.upTo ?? false,
    dryRun: wanted.dryRun ?? false,
    waves: wanted.waves ?? [{ size: 'rest' }],
    order: wanted.order ?? 'name',
    createdBy: 'test',
    options: rolloutOptions.parse({
      selector: wanted.selector ?? '',
      maxConnections: 20,
      errorThresholdPercent: 100,
      maxRetries: 3,
      lockTimeout: '300ms',
      statementTimeout: '10s',
      via: 'direct',
      ...wanted.options,
    }),
  })
}

function waitFor(
  app: App,
  rolloutId: string,
  states: readonly RolloutState[],
  timeoutMs: number,
): Promise<RolloutStatus> {
  return until(
    async () => {
      const status = await rolloutStatus(app.control, rolloutId)
      const { state, reason } = status.rollout
      if (states.includes(state) && status.progress.inFlight === 0) return status
      throw new Error(`it is ${state} (${reason ?? 'no reason'}): ${JSON.stringify(status.progress)}`)
    },
    { what: `rollout ${rolloutId} to be ${states.join(' or ')}`, timeoutMs },
  )
}

/** Runs statements as superuser in the tenant's schema. @returns the rows of the last one. */
async function inTenant<Row extends Record<string, unknown>>(
  server: SharedServer,
  tenant: FleetPlace,
  text: string,
): Promise<Row[]> {
  const client = await adminClient(tenant.database, server)
  try {
    await client.query(`set search_path = ${ident(tenant.schema === '' ? 'public' : tenant.schema)}`)
    const results = [await client.query<Row>(text)].flat()
    return results.at(-1)?.rows ?? []
  } finally {
    await client.end()
  }
}

async function truthOf(
  tenant: FleetTenant,
  ask: <Row extends Record<string, unknown>>(text: string) => Promise<Row[]>,
  probes: ReadonlyMap<string, string>,
): Promise<TenantTruth> {
  const [found] = await ask<{ there: boolean }>(`select to_regclass('tenantry.ledger') is not null as there`)
  const mine = `where tenant_schema = ${literal(tenant.schema)} order by version_id`
  const there = found?.there === true
  const ledger = there
    ? await ask<LedgerRow & Record<string, unknown>>(`select * from tenantry.ledger ${mine}`)
    : []
  const steps = there
    ? await ask<{ version_id: string }>(`select version_id from tenantry.ledger_steps ${mine}`)
    : []
  const changed = new Map<string, boolean>()
  for (const [versionId, probe] of probes) {
    const [row] = await ask(probe)
    changed.set(versionId, Object.values(row ?? {})[0] === true)
  }
  return { ledger, halfWay: steps.map((step) => step.version_id), changed }
}

/** 3D000: the database is gone, which no expectation about its schema can contradict. */
function undefinedIfGone(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === '3D000') return undefined
  throw error
}

async function spawnWorker(input: { stateDir: string; controlUrl: string }): Promise<WorkerProcess> {
  const script = fileURLToPath(new URL('worker-child.ts', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  child.stdin.write(`${JSON.stringify(input)}\n`)
  const isReady = await Promise.race([once(child.stdout, 'data').then(() => true), exited.then(() => false)])
  if (!isReady) throw new Error(`the worker process ended while starting:\n${log}`)
  return {
    pid: child.pid ?? 0,
    log: () => log,
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGTERM')
      return (await exited)[0]
    },
  }
}

/**
 * Tenantry as it is measured: a process of its own with a worker, told over its input what to roll out, answering
 * one line of JSON per rollout. In a process of its own, so that what it costs is only its own.
 */
import { createInterface } from 'node:readline'
import { readConfig } from '../../src/config.ts'
import type { Control } from '../../src/control/control.ts'
import { addServer, listServers } from '../../src/registry/servers.ts'
import { countTenants, registerTenants } from '../../src/registry/tenants.ts'
import { rolloutOptions } from '../../src/rollout/rollout.ts'
import { startRollout } from '../../src/rollout/start.ts'
import { rolloutStatus } from '../../src/rollout/status.ts'
import { storeVersion } from '../../src/schema/versions.ts'
import { makeLog, openApp, startWorker } from '../../src/serve.ts'
import { peakRssMb } from './children.ts'

export interface ChildSetup {
  readonly controlUrl: string
  readonly stateDir: string
  readonly serverDsn: string
  readonly tenants: readonly { readonly database: string; readonly schema?: string }[]
}

export interface ChildJob {
  readonly versionId: string
  readonly upgrade: string
  readonly downgrade: string
  readonly flush: 'batch' | 'each'
  /** Only tenants that this finds; all when absent. */
  readonly selector?: string
}

export interface ChildResult {
  readonly tenants: number
  readonly failed: number
  /** What failed, in groups: `SQLSTATE message (count, such as tenant)`. */
  readonly errors: readonly string[]
  /** Why the rollout did not complete; null when it did. */
  readonly stoppedBy: string | null
  readonly seconds: number
  readonly cpuMs: number
  readonly peakRssMb: number
  /** Milliseconds that reading the status took while it ran: median and longest. */
  readonly statusMs: { readonly median: number; readonly longest: number }
  /** Milliseconds per tenant that statements of the control database took. */
  readonly claimMsPerTenant: number
  readonly finishMsPerTenant: number
}

const STATUS_EVERY_MS = 200

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const setup = JSON.parse((await lines.next()).value ?? '{}') as ChildSetup
const config = readConfig({ environment: { TENANTRY_STATE_DIR: setup.stateDir, LOG_LEVEL: 'warn' } })
const opened = await openApp(config, setup.controlUrl, makeLog('warn'))
const spent = { claim: 0, finish: 0 }
const app = {
  ...opened,
  control: { ...opened.control, query: timed((text, values) => opened.control.query(text, values)) },
}
if ((await listServers(app.control)).length === 0) {
  await addServer(app.control, app.keyring, { name: 'bench', dsn: setup.serverDsn })
}
if ((await countTenants(app.control, '')) < setup.tenants.length) {
  await registerTenants(
    app.control,
    setup.tenants.map(({ database, schema }) => ({
      name: schema === undefined ? database : `${database}.${schema}`,
      server: 'bench',
      database,
      schema,
    })),
  )
}
await app.control.query('analyze')
const { worker } = await startWorker(app, setup.controlUrl)
process.stdout.write('"ready"\n')

for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(line.value) as ChildJob))}\n`)
}
await worker.drain()
await app.close()

/** The same query function, adding up how long claims and finishes take. */
function timed(query: Control['query']): Control['query'] {
  return async (text, values) => {
    const started = performance.now()
    try {
      return await query(text, values)
    } finally {
      const kind = text.startsWith('with allowed')
        ? 'claim'
        : text.trimStart().startsWith('with input')
          ? 'finish'
          : undefined
      if (kind !== undefined) spent[kind] += performance.now() - started
    }
  }
}

async function measure(job: ChildJob): Promise<ChildResult> {
  await storeVersion(app.control, {
    ...job,
    description: 'bench',
    upgradeSql: job.upgrade,
    downgradeSql: job.downgrade,
  })
  spent.claim = 0
  spent.finish = 0
  const before = process.cpuUsage()
  const rollout = await startRollout(app.control, {
    versionId: job.versionId,
    upTo: false,
    dryRun: false,
    waves: [{ size: 'rest' }],
    order: 'name',
    createdBy: 'bench',
    options: rolloutOptions.parse({
      selector: job.selector ?? '',
      maxConnections: 100,
      errorThresholdPercent: 10,
      maxRetries: 3,
      lockTimeout: '2s',
      statementTimeout: '30min',
      via: 'direct',
      flush: job.flush,
    }),
  })
  const asked: number[] = []
  for (;;) {
    const started = performance.now()
    const status = await rolloutStatus(app.control, rollout.id)
    asked.push(performance.now() - started)
    if (status.rollout.state !== 'running') {
      const used = process.cpuUsage(before)
      asked.sort((left, right) => left - right)
      return {
        tenants: status.progress.successful,
        failed: status.progress.failed,
        errors: status.errorGroups.map(
          (group) => `${group.sqlstate} ${group.message} (${group.count}, such as ${group.tenants[0]})`,
        ),
        stoppedBy:
          status.rollout.state === 'completed' ? null : (status.rollout.reason ?? status.rollout.state),
        seconds: status.elapsedSeconds,
        cpuMs: (used.user + used.system) / 1000,
        peakRssMb: await peakRssMb(),
        claimMsPerTenant: spent.claim / status.rollout.total,
        finishMsPerTenant: spent.finish / status.rollout.total,
        statusMs: { median: asked[Math.floor(asked.length / 2)] ?? 0, longest: asked.at(-1) ?? 0 },
      }
    }
    await new Promise((resolve) => {
      setTimeout(resolve, STATUS_EVERY_MS)
    })
  }
}

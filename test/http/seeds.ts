/** Something to ask for: a server, tenants, a version, a rollout, operations, a schedule, a token. */
import { randomBytes } from 'node:crypto'
import { claimOperations, endOperation, enqueueOperation } from '../../src/control/operations/store.ts'
import { registerWorker } from '../../src/control/workers.ts'
import { saveDifferences } from '../../src/schema/drift/compare.ts'
import { makeSnapshot } from '../../src/schema/snapshot/snapshot.ts'
import { dsnOf } from '../support/postgres.ts'
import type { TestApi } from './api.ts'

/** Path of the endpoint → name of the field → values that exist. */
export type Seeds = Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>>

/** With a token of its own: the one of `given` may have been revoked by what was tried. */
export async function seedFleet(given: TestApi): Promise<Seeds> {
  const token = await given.makeToken()
  const api: TestApi = { ...given, ask: (method, path, more) => given.ask(method, path, { token, ...more }) }
  const server = await ensureServer(api)
  const word = `seed${randomBytes(4).toString('hex')}`
  const tenant = await made(api, '/tenants', { name: word, server, database: word, labels: { plan: 'free' } })
  const version = await made(api, '/schema/versions', {
    version_id: versionId(),
    description: word,
    upgrade_sql: 'select 1',
  })
  const rollout = await made(api, '/schema/propagate', {
    version_id: version['version_id'],
    selector: `name:${word}`,
  })
  await ask(api, 'PUT', `/schedules/${word}`, {
    kind: 'discover',
    input: { pattern: 'x%' },
    cron: '0 3 * * *',
  })
  const other = await made(api, '/tokens', { name: word, scopes: ['operations:read'] })
  const operations = [await failedOperation(api), (await queued(api)).id]
  const snapshot = makeSnapshot('postgres', '18.0', [], [])
  await made(api, '/schema/snapshots', { name: word, snapshot: { ...snapshot } })
  const difference = await seedDifference(api, snapshot.fingerprint)
  return seedsFor({
    server,
    tenant: String(tenant['name']),
    version: String(version['version_id']),
    rollout: String(rollout['job_id']),
    schedule: word,
    token: String(other['id']),
    operations,
    snapshot: word,
    difference,
  })
}

/** A way to differ that no tenant has: from a schema to itself. @returns its key. */
async function seedDifference(api: TestApi, fingerprint: string): Promise<string> {
  const key = randomBytes(8).toString('hex')
  await saveDifferences(api.app.control, [
    { key, expected: fingerprint, actual: fingerprint, summary: ['lacks nothing'] },
  ])
  return key
}

interface Fleet {
  readonly server: string
  readonly tenant: string
  readonly version: string
  readonly rollout: string
  readonly schedule: string
  readonly token: string
  readonly operations: readonly string[]
  readonly snapshot: string
  readonly difference: string
}

function seedsFor(fleet: Fleet): Seeds {
  const server = { name: [fleet.server] }
  const tenant = { name: [fleet.tenant] }
  const rollout = {
    job_id: [fleet.rollout],
    tenants: [fleet.tenant],
    tenant: [fleet.tenant],
    selector: [`name:${fleet.tenant}`, ''],
  }
  const operation = { id: fleet.operations }
  const actions = [
    'pause',
    'resume',
    'stop',
    'approve',
    'retry',
    'skip',
    'undo',
    'targets',
    'errors',
    'stream',
  ]
  return {
    '/servers': { dsn: [`${dsnOf('postgres')}?sslmode=disable`] },
    '/servers/{name}': server,
    '/servers/{name}/test': server,
    '/servers/{name}/retire': server,
    '/tenants': { server: [fleet.server], selector: ['', `server:${fleet.server}`, 'plan:free'] },
    '/tenants/discover': { server: [fleet.server] },
    '/tenants/{name}': tenant,
    '/tenants/{name}/retire': tenant,
    '/schema/versions': { version_id: [fleet.version] },
    '/schema/versions/{version_id}': { version_id: [fleet.version] },
    '/schema/databases': { server: [fleet.server], pattern: ['%', 'postgres'] },
    '/schema/sync': { to: [fleet.snapshot], selector: ['', 'plan:free'] },
    '/schema/snapshots/{reference}': { reference: [fleet.snapshot] },
    '/drift': { selector: ['', 'plan:free'] },
    '/drift/scans': { expected: [fleet.snapshot], selector: ['', 'plan:free'] },
    '/drift/tenants': { selector: ['', 'plan:free'] },
    '/drift/{key}': { key: [fleet.difference] },
    '/drift/{key}/plan': { key: [fleet.difference] },
    '/drift/{key}/repair': { key: [fleet.difference] },
    '/drift/{key}/ignore': { key: [fleet.difference], tenant: [fleet.tenant] },
    '/schema/simulate/create': { server: [fleet.server] },
    '/schema/benchmark': { server: [fleet.server] },
    '/schema/propagate': { version_id: [fleet.version], selector: [`name:${fleet.tenant}`, ''] },
    '/schema/propagate/{job_id}': rollout,
    ...Object.fromEntries(actions.map((action) => [`/schema/propagate/{job_id}/${action}`, rollout])),
    '/operations/{id}': operation,
    '/operations/{id}/cancel': operation,
    '/operations/{id}/retry': operation,
    '/operations/{id}/stream': { id: fleet.operations },
    '/schedules/{name}': {
      name: [fleet.schedule],
      kind: ['discover'],
      input: [{ pattern: 'x%' }],
      cron: ['0 3 * * *'],
      timezone: ['UTC', 'Europe/Vienna'],
    },
    '/tokens/{id}': { id: [fleet.token] },
  }
}

async function ask(
  api: TestApi,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const answered = await api.ask(method, path, body === undefined ? {} : { body })
  if (answered.status >= 300) throw new Error(`${method} ${path} → ${answered.status} ${answered.text}`)
  return answered.body
}

function made(api: TestApi, path: string, body: unknown): Promise<Record<string, unknown>> {
  return ask(api, 'POST', path, body)
}

async function ensureServer(api: TestApi): Promise<string> {
  const servers = (await ask(api, 'GET', '/servers')) as unknown as {
    items?: { name: string }[]
    servers?: { name: string }[]
  }
  const [known] = servers.items ?? servers.servers ?? []
  if (known !== undefined) return known.name
  const name = `seed-${randomBytes(3).toString('hex')}`
  await made(api, '/servers', { name, dsn: `${dsnOf('postgres')}?sslmode=disable` })
  return name
}

let second = Date.UTC(2026, 0, 1)

function versionId(): string {
  second += 1000
  return new Date(second)
    .toISOString()
    .replaceAll(/[-:]|\..*/g, '')
    .replace('T', '_')
}

async function queued(api: TestApi): Promise<{ id: string }> {
  return enqueueOperation(api.app.control, { kind: 'seeded', input: {}, createdBy: 'test' })
}

async function failedOperation(api: TestApi): Promise<string> {
  const { control } = api.app
  const worker = crypto.randomUUID()
  await registerWorker(control, { id: worker, host: 'test', pid: 1 })
  await enqueueOperation(control, { kind: 'failed-seed', input: {}, createdBy: 'test' })
  const [claimed] = await claimOperations(control, { id: worker, kinds: ['failed-seed'], limit: 1 })
  if (claimed === undefined) throw new Error('nothing to claim')
  const error = { code: 'internal', message: 'broke' }
  await control.transaction((tx) => endOperation(tx, claimed, { state: 'failed', error }))
  return claimed.id
}

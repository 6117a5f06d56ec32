/**
 * Looks at the schema of every selected tenant and holds it against what is expected: read-only, one query per
 * tenant for as long as tenants are alike, no lock beyond that of reading a catalogue. Each tenant's finding is a
 * row, so that a scan that was killed goes on with the tenants that are left.
 */
import type { Control } from '../../control/control.ts'
import type { OperationContext, OperationHandler } from '../../control/operations/operation.ts'
import type { Keyring } from '../../control/secrets.ts'
import { DatabaseFailure } from '../../engine/failure.ts'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import { countTenants, selectionCondition } from '../../registry/tenants.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { controlStore, keepSnapshot } from '../snapshot/stores/control.ts'
import {
  inspectOptionsOf,
  openTenantDatabase,
  readServerOf,
  serverOf,
  type OpenDatabase,
  type TenantServer,
} from '../tenant-session.ts'
import { createComparer, saveDifferences, type Difference } from './compare.ts'
import { beginScan, countFindings, saveFindings, type DriftCounts, type Finding } from './findings.ts'
import { createReader, type Reader, type Reading } from './readings.ts'
import { createReplica, type Replica } from './replica.ts'

export interface ScanInput {
  readonly selector: string
  /** Fingerprint of the one schema expected of all; absent: that of the version that each is recorded at. */
  readonly expected?: string
  /** Connections to one server at once. */
  readonly concurrency?: number
  /** Passes by the addresses that are for reading. */
  readonly primary?: boolean
}

interface DueTenant {
  readonly id: number
  readonly name: string
  readonly server: string
  readonly database: string
  /** Empty for a tenant that has the whole database. */
  readonly schema: string
  readonly version_id: string | null
  /** What was read last, and under which mark. */
  readonly marker: string | null
  readonly catalogue: string | null
  readonly fingerprint: string | null
}

/** Tenants that are looked at, and recorded, together. */
const PAGE = 500
const DEFAULT_CONCURRENCY = 16

/** The name under which the schema of a version is kept. */
export function snapshotNameOf(versionId: string): string {
  return `version-${versionId}`
}

interface Parts {
  readonly control: Control
  readonly keyring: Keyring
}

/** Kind `drift-scan`. */
export function driftScanHandler(parts: Parts): OperationHandler {
  return {
    async run(context) {
      const input = context.operation.input as unknown as ScanInput
      return { state: 'succeeded', result: { ...(await scanTenants(parts, context, input)) } }
    },
  }
}

/** Looks at all selected tenants that this operation has no finding of yet. */
export async function scanTenants(
  parts: Parts,
  context: OperationContext,
  input: ScanInput,
): Promise<DriftCounts> {
  const { selector, expected } = input
  await context.fenced((tx) => beginScan(tx, { operationId: context.operation.id, selector, expected }))
  const scan = createScan(parts, input)
  const total = await countTenants(parts.control, input.selector)
  for (;;) {
    context.signal.throwIfAborted()
    const due = await dueTenants(parts.control, context.operation.id, input.selector)
    if (due.length === 0) break
    const findings = await scan.look(due, context.signal)
    await context.fenced(async (tx) => {
      await saveDifferences(tx, scan.takeDifferences())
      await saveFindings(tx, context.operation.id, findings)
    })
    await context.progress({ total, completed: await countScanned(parts.control, context.operation.id) })
  }
  await endScan(context)
  return countFindings(parts.control, input.selector, context.operation.id)
}

async function endScan(context: OperationContext): Promise<void> {
  await context.fenced((tx) =>
    tx.query('update tenantry.drift_scans set finished_at = now() where operation_id = $1', [
      context.operation.id,
    ]),
  )
}

async function countScanned(control: Control, scan: string): Promise<number> {
  const [row] = await control.query<{ count: number }>(
    'select count(*) from tenantry.drift_scan_findings where operation_id = $1',
    [scan],
  )
  return row?.count ?? 0
}

function dueTenants(control: Control, scan: string, selector: string): Promise<DueTenant[]> {
  const condition = selectionCondition(selector, 2)
  return control.query<DueTenant>(
    `select tenant.id, tenant.name, server.name as server, tenant.database_name as database,
       tenant.schema_name as schema, tenant.version_id,
       last.change_marker as marker, last.catalogue_fingerprint as catalogue, last.schema_fingerprint as fingerprint
     from tenantry.tenants as tenant join tenantry.db_servers as server on server.id = tenant.server_id
     left join tenantry.drift_findings as last on last.tenant_id = tenant.id
     where ${condition.sql} and not exists (select from tenantry.drift_scan_findings as finding
       where finding.operation_id = $1 and finding.tenant_id = tenant.id)
     order by tenant.server_id, tenant.database_name, tenant.id limit ${PAGE}`,
    [scan, ...condition.values],
  )
}

interface Scan {
  look(tenants: readonly DueTenant[], signal: AbortSignal): Promise<Finding[]>
  takeDifferences(): Difference[]
}

interface ServerScan {
  readonly server: TenantServer
  readonly reader: Reader
  readonly isReadAddress: boolean
  /** A new one for each page of tenants. */
  readonly replica: (signal: AbortSignal) => Replica | undefined
}

/** What is known of a server; or why nothing is, for each of its tenants. */
async function openServer(
  { control, keyring }: Parts,
  name: string,
  primaryOnly: boolean,
): Promise<ServerScan | TenantryError> {
  try {
    const primary = await serverOf(control, keyring, name)
    const server = primaryOnly ? primary : await readServerOf(control, keyring, name)
    const isReadAddress = server.place !== primary.place || server.address.user !== primary.address.user
    return {
      server,
      isReadAddress,
      reader: createReader(control, server.version, (snapshot) => keepSnapshot(control, snapshot)),
      replica: (signal) => (isReadAddress ? createReplica(server, primary.address, signal) : undefined),
    }
  } catch (error) {
    if (error instanceof TenantryError) return error
    throw error
  }
}

function createScan(parts: Parts, input: ScanInput): Scan {
  const store = controlStore(parts.control)
  const loaded = new Map<string, Promise<Snapshot>>()
  const load = (fingerprint: string): Promise<Snapshot> => {
    const known = loaded.get(fingerprint) ?? store.get(fingerprint)
    loaded.set(fingerprint, known)
    return known
  }
  const compare = createComparer(load)
  const expectations = createExpectations(parts.control, input.expected)
  const servers = new Map<string, Promise<ServerScan | TenantryError>>()
  const differences = new Map<string, Difference>()

  const judge: Judge = async (tenant, scan, { dialect, session }, replica) => {
    await replica?.genuine(session)
    const expected = await expectations(tenant.version_id)
    const read = () => scan.reader.read(dialect, session, inspectOptionsOf(tenant.schema), lastOf(tenant))
    let reading = await read()
    if (replica !== undefined && expected !== undefined && reading.schemaFingerprint !== expected) {
      await replica.caughtUp(session)
      reading = await read()
    }
    const found = { tenantId: tenant.id, ...reading, error: null, readFrom: scan.server.place }
    if (expected === undefined) return { ...found, state: 'no_expectation', differenceKey: null }
    const difference = await compare(reading.schemaFingerprint, expected)
    if (difference === undefined) return { ...found, state: 'in_sync', differenceKey: null }
    differences.set(difference.key, difference)
    return { ...found, state: 'different', differenceKey: difference.key }
  }

  const lookAt = async (
    server: string,
    tenants: readonly DueTenant[],
    signal: AbortSignal,
  ): Promise<Finding[]> => {
    const pending = servers.get(server) ?? openServer(parts, server, input.primary === true)
    servers.set(server, pending)
    const scan = await pending
    if (scan instanceof TenantryError) return tenants.map((tenant) => unreachable(tenant, scan, null))
    const replica = scan.replica(signal)
    return inLanes(byDatabase(tenants), input.concurrency ?? DEFAULT_CONCURRENCY, (group) =>
      withDatabase(scan, group, (tenant, database) => judge(tenant, scan, database, replica)),
    )
  }
  return {
    async look(tenants, signal) {
      const byServer = Map.groupBy(tenants, (tenant) => tenant.server)
      const found = await Promise.all([...byServer].map(([server, group]) => lookAt(server, group, signal)))
      return found.flat()
    },
    takeDifferences() {
      const taken = [...differences.values()]
      differences.clear()
      return taken
    },
  }
}

function lastOf({ marker, catalogue, fingerprint }: DueTenant): Reading | undefined {
  if (marker === null || catalogue === null || fingerprint === null) return undefined
  return { changeMarker: marker, catalogueFingerprint: catalogue, schemaFingerprint: fingerprint }
}

type Judge = (
  tenant: DueTenant,
  scan: ServerScan,
  database: OpenDatabase,
  replica: Replica | undefined,
) => Promise<Finding>

const READ_ADDRESS = ' (The read address of its server; --primary reads from the server itself.)'

/** Tenants of one database share a connection. One that cannot be reached is a finding of its own. */
async function withDatabase(
  scan: ServerScan,
  tenants: readonly DueTenant[],
  judge: (tenant: DueTenant, database: OpenDatabase) => Promise<Finding>,
): Promise<Finding[]> {
  const findings: Finding[] = []
  let database: OpenDatabase | undefined
  try {
    for (const tenant of tenants) {
      try {
        database ??= await openTenantDatabase(scan.server, tenant.database)
        findings.push(await judge(tenant, database))
      } catch (error) {
        const hint = database === undefined && scan.isReadAddress ? READ_ADDRESS : ''
        findings.push(unreachable(tenant, error, scan.server.place, hint))
        // What failed may have been the connection: the next one gets a new one.
        await database?.session.close()
        database = undefined
      }
    }
    return findings
  } finally {
    await database?.session.close()
  }
}

/** @throws what is neither a database's nor a person's failure: a defect is no finding */
function unreachable(tenant: DueTenant, error: unknown, readFrom: string | null, hint = ''): Finding {
  if (!(error instanceof DatabaseFailure) && !(error instanceof TenantryError)) throw error
  return {
    tenantId: tenant.id,
    state: 'unreachable',
    differenceKey: null,
    catalogueFingerprint: null,
    schemaFingerprint: null,
    changeMarker: null,
    error: messageOf(error) + hint,
    readFrom,
  }
}

function byDatabase(tenants: readonly DueTenant[]): DueTenant[][] {
  return [...Map.groupBy(tenants, (tenant) => tenant.database).values()]
}

async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<R[]>,
): Promise<R[]> {
  const results: R[] = []
  const queue = items.values()
  const lane = async (): Promise<void> => {
    for (const item of queue) results.push(...(await work(item)))
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
  return results
}

/** The fingerprint expected of a tenant that is recorded at a version; undefined where nothing is known. */
function createExpectations(
  control: Control,
  expected: string | undefined,
): (versionId: string | null) => Promise<string | undefined> {
  const known = new Map<string, Promise<string | undefined>>()
  return async (versionId) => {
    if (expected !== undefined || versionId === null) return expected
    const pending = known.get(versionId) ?? versionFingerprint(control, versionId)
    known.set(versionId, pending)
    return pending
  }
}

async function versionFingerprint(control: Control, versionId: string): Promise<string | undefined> {
  const [row] = await control.query<{ fingerprint: string }>(
    `select fingerprint from tenantry.snapshot_versions where name = $1 order by number desc limit 1`,
    [snapshotNameOf(versionId)],
  )
  return row?.fingerprint
}

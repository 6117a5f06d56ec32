/**
 * Looks at the schema of every selected tenant and holds it against what is expected: read-only, one query per
 * tenant for as long as tenants are alike, no lock beyond that of reading a catalogue. Each tenant's finding is a
 * row, so that a scan that was killed goes on with the tenants that are left.
 */
import type { Control } from '../../control/control.ts'
import type { OperationContext, OperationHandler } from '../../control/operations/operation.ts'
import type { Keyring } from '../../control/secrets.ts'
import { TenantryError } from '../../lib/errors.ts'
import { countTenants, selectionCondition } from '../../registry/tenants.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { controlStore } from '../snapshot/stores/control.ts'
import { createComparer, saveDifferences, type Difference } from './compare.ts'
import { beginScan, countFindings, saveFindings, type DriftCounts, type Finding } from './findings.ts'
import { snapshotNameOf } from './names.ts'
import {
  lookAtServer,
  openServer,
  unreachable,
  type DueTenant,
  type Judge,
  type ScannedServer,
} from './look.ts'

export interface ScanInput {
  readonly selector: string
  /** Fingerprint of the one schema expected of all; absent: that of the version that each is recorded at. */
  readonly expected?: string
  /** Connections to one server at once. */
  readonly concurrency?: number
  /** Passes by the addresses that are for reading. */
  readonly primary?: boolean
  /** Connects to every database, also where its server says that nothing was written to it since the last look. */
  readonly full?: boolean
}

/** Tenants that are looked at, and recorded, together. */
const PAGE = 500
const DEFAULT_CONCURRENCY = 16

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
  let completed = await countScanned(parts.control, context.operation.id)
  let last: DueTenant | undefined
  for (;;) {
    context.signal.throwIfAborted()
    const due = await dueTenants(parts.control, context.operation.id, input.selector, last)
    if (due.length === 0) break
    last = due.at(-1)
    const findings = await scan.look(due, context.signal)
    await context.fenced(async (tx) => {
      await saveDifferences(tx, scan.takeDifferences())
      await saveFindings(tx, context.operation.id, findings)
    })
    completed += findings.length
    await context.progress({ total, completed })
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

/** In the order of servers and databases, those behind `last`. */
function dueTenants(
  control: Control,
  scan: string,
  selector: string,
  last: DueTenant | undefined,
): Promise<DueTenant[]> {
  const condition = selectionCondition(selector, 5)
  return control.query<DueTenant>(
    `select tenant.id, tenant.name, tenant.server_id, server.name as server, tenant.database_name as database,
       tenant.schema_name as schema, tenant.version_id,
       last.change_marker as marker, last.catalogue_fingerprint as catalogue, last.schema_fingerprint as fingerprint,
       last.write_mark, last.looked_at
     from tenantry.tenants as tenant join tenantry.db_servers as server on server.id = tenant.server_id
     left join tenantry.drift_findings as last on last.tenant_id = tenant.id
     where ${condition.sql}
       and ($2::integer is null or (tenant.server_id, tenant.database_name, tenant.id) > ($2, $3::text, $4::bigint))
       and not exists (select from tenantry.drift_scan_findings as finding
       where finding.tenant_id = tenant.id and finding.operation_id = $1)
     order by tenant.server_id, tenant.database_name, tenant.id limit ${PAGE}`,
    [scan, last?.server_id ?? null, last?.database ?? null, last?.id ?? null, ...condition.values],
  )
}

interface Scan {
  look(tenants: readonly DueTenant[], signal: AbortSignal): Promise<Finding[]>
  takeDifferences(): Difference[]
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
  const servers = new Map<string, Promise<ScannedServer | TenantryError>>()
  const differences = new Map<string, Difference>()

  const judge: Judge = async (tenant, read) => {
    const expected = await expectations(tenant.version_id)
    const found = await read(expected)
    if (expected === undefined) return { ...found, state: 'no_expectation', differenceKey: null }
    const difference = await compare(found.schemaFingerprint, expected)
    if (difference === undefined) return { ...found, state: 'in_sync', differenceKey: null }
    differences.set(difference.key, difference)
    return { ...found, state: 'different', differenceKey: difference.key }
  }

  const lookAt = async (
    server: string,
    tenants: readonly DueTenant[],
    signal: AbortSignal,
  ): Promise<Finding[]> => {
    const pending =
      servers.get(server) ?? openServer(parts.control, parts.keyring, server, input.primary === true)
    servers.set(server, pending)
    const scan = await pending
    if (scan instanceof TenantryError) return tenants.map((tenant) => unreachable(tenant, scan, null))
    const concurrency = input.concurrency ?? DEFAULT_CONCURRENCY
    return lookAtServer(scan, tenants, { concurrency, full: input.full === true, signal }, judge)
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

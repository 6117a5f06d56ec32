/**
 * Adopting a fleet that another tool has migrated: an operation that goes through the selected tenants by name, in
 * batches. After a crash it goes on behind the last batch that was recorded; a tenant seen twice comes to the same.
 */
import type { Control, Queryable } from '../control/control.ts'
import type { OperationContext, OperationHandler, OperationOutcome } from '../control/operations/operation.ts'
import { recordEvent } from '../control/operations/store.ts'
import type { Keyring } from '../control/secrets.ts'
import type { ServerKind } from '../engine/address.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { addressOf, getServer, type DbServer } from '../registry/servers.ts'
import { countTenants, listTenants, requireTenants, type Tenant } from '../registry/tenants.ts'
import type { LedgerPlace } from '../schema/ledgers/find.ts'
import { ledgersOf } from '../schema/ledgers/index.ts'
import type { LedgerTool } from '../schema/ledgers/ledger.ts'
import { openSource, type SourceKind } from '../schema/sources/index.ts'
import { versionsOfSource } from '../schema/versions.ts'
import {
  importedVersions,
  refusedAdoption,
  REFUSED,
  type AdoptOutcome,
  type Adoption,
  type ImportedVersion,
  type Revision,
  type StoredVersion,
} from './adopt-decision.ts'
import type { Target } from './change.ts'
import { ROLLOUT_KINDS } from './kinds.ts'

export interface AdoptRequest {
  readonly selector: string
  readonly dryRun: boolean
  /** The tool whose ledger counts; seen from the source when absent. */
  readonly ledger?: LedgerTool | undefined
  readonly place?: LedgerPlace | undefined
}

/** What the operation keeps as its input: a source that changes meanwhile changes nothing. */
interface AdoptInput {
  readonly selector: string
  readonly dry_run: boolean
  readonly source: string
  readonly tools: readonly LedgerTool[]
  readonly place: LedgerPlace | null
  readonly revisions: readonly Revision[]
  readonly versions: readonly StoredVersion[]
}

/** With the versions cut out of the revisions: longer than what they are made of, so made anew by each life. */
type Prepared = AdoptInput & { readonly cut: ReadonlyMap<ServerKind, readonly ImportedVersion[]> }

/**
 * Reads the source and its versions, and makes the operation's input of them.
 * @param path of the source; `key` is what versions made of it are stored under
 * @throws TenantryError `not_found` when no version was made of the source or no tenant is selected; `source_invalid`
 *   when a version ends at a revision that the source does not have; what the source itself says is wrong
 */
export async function prepareAdoption(
  control: Control,
  source: { readonly path: string; readonly key: string },
  request: AdoptRequest,
): Promise<Record<string, unknown>> {
  const opened = await openSource({ path: source.path })
  const stored = await versionsOfSource(control, source.key)
  const [first] = stored
  if (first === undefined) throw nothingImported(source.key)
  const read = await (opened.revisions?.(first.dialect) ?? opened.list(first.dialect))
  const revisions = read.map(({ revision, native, requires }) => ({
    revision,
    ...(native === undefined ? {} : { native }),
    ...(requires === undefined ? {} : { requires }),
  }))
  const known = new Set(revisions.map(({ revision }) => revision))
  const lost = stored.find(({ revision }) => !known.has(revision))
  if (lost !== undefined) {
    throw new TenantryError(
      'source_invalid',
      `Version ${lost.versionId} ends at revision ${lost.revision}, which ${source.key} does not have.`,
      { nextSteps: ['Adopt with the source as it was when the version was made of it.'] },
    )
  }
  await requireTenants(control, request.selector)
  const input: AdoptInput = {
    selector: request.selector,
    dry_run: request.dryRun,
    source: source.key,
    tools: toolsOf(opened.kind, request.ledger),
    place: request.place ?? null,
    revisions,
    versions: stored,
  }
  return { ...input }
}

function toolsOf(kind: SourceKind, named: LedgerTool | undefined): LedgerTool[] {
  return ledgersOf(kind, named).map(({ tool }) => tool)
}

function nothingImported(key: string): TenantryError {
  return new TenantryError('not_found', `No version was made of ${key} yet.`, {
    nextSteps: [
      'Make one of what the fleet has: tenantry version generate --source PATH --target REVISION "description"',
    ],
  })
}

interface Parts {
  readonly control: Control
  readonly keyring: Keyring
}

/** Kind `adopt`. */
export function adoptHandler(parts: Parts): OperationHandler {
  return { run: (context) => adopt(parts, context, context.operation.input as unknown as AdoptInput) }
}

const BATCH = 100
const PARALLEL = 8
/** So many tenants that were refused are shown in the result; all of them are in the operation's log. */
const SHOWN_PROBLEMS = 50

interface Report {
  readonly tenant: string
  readonly outcome: AdoptOutcome
  readonly version_id: string | null
  readonly note?: string | undefined
}

/** As kept between batches. */
interface Progress {
  readonly total: number
  readonly completed: number
  /** The last tenant that is done. */
  readonly after: string | null
  readonly outcomes: Partial<Record<AdoptOutcome, number>>
  readonly problems: readonly Report[]
}

async function adopt(parts: Parts, context: OperationContext, input: AdoptInput): Promise<OperationOutcome> {
  const total = await countTenants(parts.control, input.selector)
  let progress: Progress = { total, completed: 0, after: null, outcomes: {}, problems: [] }
  progress = { ...progress, ...(context.operation.progress as Partial<Progress>), total: Math.max(total, 1) }
  const prepared = { ...input, cut: cutVersions(input) }
  const servers = new Map<string, DbServer>()
  for (;;) {
    context.signal.throwIfAborted()
    const filter = { selector: input.selector, after: progress.after ?? undefined, limit: BATCH }
    const tenants = await listTenants(parts.control, filter)
    if (tenants.length === 0) break
    const done = await adoptBatch(parts, context, prepared, tenants, servers)
    progress = advanced(progress, done)
    await context.fenced(async (tx) => {
      await recordAdopted(tx, input.dry_run, done)
      await recordEvent(tx, context.operation.id, 'adopt.tenants', { tenants: done.map(reportOf) })
    })
    await context.progress({ ...progress })
  }
  const { outcomes, problems, completed } = progress
  return {
    state: 'succeeded',
    result: { dry_run: input.dry_run, source: input.source, tenants: completed, outcomes, problems },
  }
}

interface Done {
  readonly tenant: Tenant
  readonly adoption: Adoption
}

function reportOf({ tenant, adoption }: Done): Report {
  const { outcome, versionId, note } = adoption
  return { tenant: tenant.name, outcome, version_id: versionId, ...(note === undefined ? {} : { note }) }
}

function advanced(progress: Progress, done: readonly Done[]): Progress {
  const outcomes = { ...progress.outcomes }
  for (const { adoption } of done) outcomes[adoption.outcome] = (outcomes[adoption.outcome] ?? 0) + 1
  const problems = done.filter(({ adoption }) => REFUSED.has(adoption.outcome)).map(reportOf)
  const completed = progress.completed + done.length
  return {
    total: Math.max(progress.total, completed),
    completed,
    after: done.at(-1)?.tenant.name ?? progress.after,
    outcomes,
    problems: [...progress.problems, ...problems].slice(0, SHOWN_PROBLEMS),
  }
}

/** In the order of the tenants, whichever is ready first. */
async function adoptBatch(
  parts: Parts,
  context: OperationContext,
  input: Prepared,
  tenants: readonly Tenant[],
  servers: Map<string, DbServer>,
): Promise<Done[]> {
  const done: Done[] = []
  let next = 0
  const serve = async (): Promise<void> => {
    while (next < tenants.length) {
      const at = next++
      const tenant = tenants[at]!
      const server = servers.get(tenant.server) ?? (await getServer(parts.control, tenant.server))
      servers.set(tenant.server, server)
      context.signal.throwIfAborted()
      done[at] = { tenant, adoption: await adoptOne(parts, context.operation.id, input, tenant, server) }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, serve))
  return done
}

/** A tenant that cannot be adopted is reported; the others go on. */
async function adoptOne(
  { control, keyring }: Parts,
  operationId: string,
  input: Prepared,
  tenant: Tenant,
  server: DbServer,
): Promise<Adoption> {
  const versions = input.cut.get(server.kind)
  if (versions === undefined) {
    const dialects = [...input.cut.keys()].join(' and ')
    return refusedAdoption(
      'failed',
      `The versions of ${input.source} are for ${dialects}; ${server.name} is ${server.kind}`,
    )
  }
  const { dry_run: dryRun, revisions, tools, place } = input
  const work = { operationId, dryRun, revisions, versions, tools, place: place ?? undefined }
  try {
    const address = await addressOf(control, keyring, server)
    return await ROLLOUT_KINDS[server.kind].adopt({ server, address, target: targetOf(tenant), work })
  } catch (error) {
    return refusedAdoption('failed', messageOf(error))
  }
}

/** The versions of each kind of servers, cut out of the revisions. */
function cutVersions({ revisions, versions }: AdoptInput): Prepared['cut'] {
  const kinds = new Set(versions.map(({ dialect }) => dialect))
  const cutFor = (kind: ServerKind): ImportedVersion[] =>
    importedVersions(
      revisions,
      versions.filter(({ dialect }) => dialect === kind),
    )
  return new Map([...kinds].map((kind) => [kind, cutFor(kind)]))
}

function targetOf(tenant: Tenant): Target {
  return {
    tenantId: tenant.id,
    name: tenant.name,
    database: tenant.database_name,
    schema: tenant.schema_name,
    wave: 1,
    ledgerReady: false,
    mayHaveIt: false,
    unanswered: false,
    attempts: 1,
  }
}

/** The registry's copy of what the tenants' ledgers say now. */
async function recordAdopted(tx: Queryable, dryRun: boolean, done: readonly Done[]): Promise<void> {
  const adopted = done.filter(({ adoption }) => ['adopted', 'already_adopted'].includes(adoption.outcome))
  if (dryRun || adopted.length === 0) return
  await tx.query(
    `update tenantry.tenants as tenant set version_id = greatest(tenant.version_id, done.version_id), ledger_ready = true
     from unnest($1::bigint[], $2::text[]) as done (tenant_id, version_id) where tenant.id = done.tenant_id`,
    [adopted.map(({ tenant }) => tenant.id), adopted.map(({ adoption }) => adoption.versionId)],
  )
}

/**
 * Looks at the tenants of one server: those that it says nobody has written to since without connecting to them, the
 * others each in its database.
 */
import type { Control } from '../../control/control.ts'
import type { Keyring } from '../../control/secrets.ts'
import { DatabaseFailure } from '../../engine/failure.ts'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import type { SchemaSession, WriteMark } from '../dialects/dialect.ts'
import { keepSnapshot } from '../snapshot/stores/control.ts'
import {
  inspectOptionsOf,
  openTenantDatabase,
  readServerOf,
  serverOf,
  type OpenDatabase,
  type TenantServer,
} from '../tenant-session.ts'
import type { Finding } from './findings.ts'
import { createReader, type Reader, type Reading } from './readings.ts'
import { createReplica, type Replica } from './replica.ts'

export interface DueTenant {
  readonly id: number
  readonly name: string
  readonly server_id: number
  readonly server: string
  readonly database: string
  /** Empty for a tenant that has the whole database. */
  readonly schema: string
  readonly version_id: string | null
  /** What was read last, and under which mark. */
  readonly marker: string | null
  readonly catalogue: string | null
  readonly fingerprint: string | null
  readonly write_mark: string | null
  readonly looked_at: Date | null
}

export interface ScannedServer {
  readonly server: TenantServer
  readonly reader: Reader
  readonly isReadAddress: boolean
  /** A new one for each page of tenants. */
  readonly replica: (signal: AbortSignal) => Replica | undefined
}

/** What is known of a server; or why nothing is, for each of its tenants. */
export async function openServer(
  control: Control,
  keyring: Keyring,
  name: string,
  primaryOnly: boolean,
): Promise<ScannedServer | TenantryError> {
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

/** What was read of a tenant, and how. */
type Read = Reading & Pick<Finding, 'tenantId' | 'readFrom' | 'error' | 'writeMark' | 'lookedAt'>

/** @param read reads the tenant's schema; `expected` is its fingerprint if that is known */
export type Judge = (
  tenant: DueTenant,
  read: (expected: string | undefined) => Promise<Read>,
) => Promise<Finding>

interface LookOptions {
  /** Connections at once. */
  readonly concurrency: number
  /** Connects to every database. */
  readonly full: boolean
  readonly signal: AbortSignal
}

/** What the tenants of one database are looked at with. */
interface Look {
  readonly scan: ScannedServer
  readonly mark: WriteMark | undefined
  readonly full: boolean
  readonly replica: Replica | undefined
}

export async function lookAtServer(
  scan: ScannedServer,
  tenants: readonly DueTenant[],
  { concurrency, full, signal }: LookOptions,
  judge: Judge,
): Promise<Finding[]> {
  const replica = scan.replica(signal)
  const byDatabase = Map.groupBy(tenants, (tenant) => tenant.database)
  // Before any of them is looked at: what is written meanwhile then comes after the mark.
  const marks = await readWriteMarks(scan, [...byDatabase.keys()])
  return inLanes([...byDatabase], concurrency, ([database, group]) =>
    withDatabase({ scan, mark: marks.get(database), full, replica }, group, judge),
  )
}

async function readTenant(
  tenant: DueTenant,
  look: Look,
  open: () => Promise<OpenDatabase>,
  expected: string | undefined,
): Promise<Read> {
  const unwritten = look.full ? undefined : unwrittenReading(tenant, look)
  const reading = unwritten ?? (await readNow(tenant, look, await open(), expected))
  return {
    tenantId: tenant.id,
    ...reading,
    writeMark: writeMarkOf(tenant, look) ?? null,
    lookedAt: unwritten === undefined ? null : tenant.looked_at,
    readFrom: look.scan.server.place,
    error: null,
  }
}

async function readNow(
  tenant: DueTenant,
  { scan, replica }: Look,
  { dialect, session }: OpenDatabase,
  expected: string | undefined,
): Promise<Reading> {
  const read = () => scan.reader.read(dialect, session, inspectOptionsOf(tenant.schema), lastReading(tenant))
  await replica?.genuine(session)
  const reading = await read()
  const isExpected = expected === undefined || reading.schemaFingerprint === expected
  if (replica === undefined || isExpected) return reading
  await replica.caughtUp(session)
  return read()
}

function lastReading({ marker, catalogue, fingerprint }: DueTenant): Reading | undefined {
  if (catalogue === null || fingerprint === null) return undefined
  return { changeMarker: marker, catalogueFingerprint: catalogue, schemaFingerprint: fingerprint }
}

/** What was read last, where nothing can have changed since. */
function unwrittenReading(tenant: DueTenant, look: Look): Reading | undefined {
  const isUnwritten = look.mark?.inUse === false && tenant.write_mark === writeMarkOf(tenant, look)
  return isUnwritten ? lastReading(tenant) : undefined
}

/** With all that the reading depends on beside the database. */
function writeMarkOf({ schema }: DueTenant, { scan, mark }: Look): string | undefined {
  return mark && `${scan.server.version} ${mark.mark} ${schema}`
}

/**
 * What the server can say of its databases without a connection to each. Where it does not answer, they are all
 * looked at, and tell why themselves.
 */
async function readWriteMarks(
  { server, isReadAddress }: ScannedServer,
  databases: readonly string[],
): Promise<ReadonlyMap<string, WriteMark>> {
  if (server.dialect.writeMarks === undefined || isReadAddress) return new Map()
  let session: SchemaSession | undefined
  try {
    session = await server.dialect.connect(server.address)
    return await server.dialect.writeMarks(session, databases)
  } catch (error) {
    if (error instanceof DatabaseFailure || error instanceof TenantryError) return new Map()
    throw error
  } finally {
    await session?.close()
  }
}

const READ_ADDRESS = ' (The read address of its server; --primary reads from the server itself.)'

/** Tenants of one database share a connection. One that cannot be reached is a finding of its own. */
async function withDatabase(look: Look, tenants: readonly DueTenant[], judge: Judge): Promise<Finding[]> {
  const { server, isReadAddress } = look.scan
  const findings: Finding[] = []
  let database: OpenDatabase | undefined
  try {
    for (const tenant of tenants) {
      const open = async (): Promise<OpenDatabase> =>
        (database ??= await openTenantDatabase(server, tenant.database))
      try {
        findings.push(await judge(tenant, (expected) => readTenant(tenant, look, open, expected)))
      } catch (error) {
        const hint = database === undefined && isReadAddress ? READ_ADDRESS : ''
        findings.push(unreachable(tenant, error, server.place, hint))
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
export function unreachable(tenant: DueTenant, error: unknown, readFrom: string | null, hint = ''): Finding {
  if (!(error instanceof DatabaseFailure) && !(error instanceof TenantryError)) throw error
  return {
    tenantId: tenant.id,
    state: 'unreachable',
    differenceKey: null,
    catalogueFingerprint: null,
    schemaFingerprint: null,
    changeMarker: null,
    writeMark: null,
    lookedAt: null,
    error: messageOf(error) + hint,
    readFrom,
  }
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

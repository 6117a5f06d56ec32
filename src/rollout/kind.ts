/** What rollouts need to know of a kind of server: one implementation each, listed in kinds.ts. */
import type { ServerAddress } from '../engine/address.ts'
import type { DbServer } from '../registry/servers.ts'
import type { Version } from '../schema/versions.ts'
import type { Adoption } from './adopt-decision.ts'
import type { AdoptWork } from './adopt-ledger.ts'
import type { Direction, RolloutWork, Target } from './change.ts'
import type { LaneParts } from './lane.ts'
import type { Rollout } from './rollout.ts'

/** What is the same for all tenants, and for all kinds of servers. */
export type RolloutTask = Pick<RolloutWork, 'rolloutId' | 'direction' | 'undoOf' | 'dryRun' | 'maxAttempts'>

export interface LaneRequest {
  readonly rollout: Rollout
  /** In the order of application. */
  readonly versions: readonly Version[]
  readonly server: DbServer
  readonly address: ServerAddress
  readonly task: RolloutTask
  /** False when this worker's claims may be somebody else's by now. */
  readonly holdsLease: () => boolean
  /** How many workers share the server now. */
  readonly workers: () => number
}

export interface TenantRequest {
  readonly server: DbServer
  readonly address: ServerAddress
  readonly rolloutId: string
  readonly database: string
  readonly schema: string
}

export interface AdoptRequest {
  readonly server: DbServer
  readonly address: ServerAddress
  readonly target: Target
  readonly work: AdoptWork
}

export interface RolloutKind {
  /** @throws TenantryError `source_invalid` for SQL that cannot run on this kind of server */
  check(version: Version, direction: Direction): unknown
  /** How a lane works on a server of this kind. */
  ways(request: LaneRequest): Pick<LaneParts, 'work' | 'executor' | 'cap' | 'flushPerBatch'>
  /** A tenant's versions with the rollouts that applied them. @throws DatabaseFailure */
  ledger(request: TenantRequest): Promise<Map<string, string>>
  /** Reads another tool's ledger in a tenant, and writes what that says into Tenantry's. @throws DatabaseFailure */
  adopt(request: AdoptRequest): Promise<Adoption>
  /** @returns why the server cannot be used for changes, or undefined when it can. */
  lookAt(address: ServerAddress): Promise<string | undefined>
}

/** Left for the server's own administrators and for other programs. */
const RESERVED_CONNECTIONS = 10

/** A worker's share of the connections that a rollout may open to a server. */
export function shareOf({ rollout, server, workers }: LaneRequest): () => number {
  const free = (server.max_connections ?? 100) - RESERVED_CONNECTIONS
  const ceiling = Math.max(1, Math.min(rollout.options.maxConnections, free))
  return () => Math.max(1, Math.floor(ceiling / workers()))
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** @param text a time as LOCK_TIMEOUT has it, e.g. `2s`; a number alone counts milliseconds */
export function millisecondsOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)\s*([a-z]*)$/.exec(text) ?? []
  return Number(digits) * (UNITS[unit] ?? 1)
}

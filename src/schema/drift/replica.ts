/**
 * Whether a replica has what its primary had: what is read there counts as drift only when nothing that was done on the
 * primary before is still on its way.
 */
import type { ServerAddress } from '../../engine/address.ts'
import { DatabaseFailure } from '../../engine/failure.ts'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import { Wakeup } from '../../lib/wakeup.ts'
import { leadsElsewhere, WHO_ANSWERS } from '../../registry/read-address.ts'
import type { Row, SchemaSession } from '../dialects/dialect.ts'
import type { TenantServer } from '../tenant-session.ts'

/** A replica that keeps up is milliseconds behind; one that is not there by then is said to lag. */
const PATIENCE_MS = 5_000
const POLL_MS = 100

export interface Replica {
  /**
   * Sees once that what answers is still a replica, or the primary itself.
   * @throws TenantryError `server_unreachable`
   */
  genuine(session: SchemaSession): Promise<void>
  /**
   * Waits until the replica has all that the primary had when this object was made or later.
   * @throws TenantryError `server_unreachable` saying how far it is behind, or that nobody can tell
   */
  caughtUp(session: SchemaSession): Promise<void>
}

/** @param primary where the position is asked, once and only when it matters */
export function createReplica(server: TenantServer, primary: ServerAddress, signal: AbortSignal): Replica {
  let pending: Promise<void> | undefined
  let known: Promise<Answering> | undefined
  const answering = (session: SchemaSession): Promise<Answering> =>
    (known ??= whoAnswers(server, primary, session))
  const catchUp = async (session: SchemaSession): Promise<void> => {
    if ((await answering(session)) === 'replica') await waitFor(server, primary, session, signal)
  }
  return {
    genuine: async (session) => void (await answering(session)),
    // Tenants of one page wait together: the replica has it all for each of them, or for none.
    caughtUp: (session) => (pending ??= catchUp(session)),
  }
}

type Answering = 'replica' | 'primary'

async function whoAnswers(
  server: TenantServer,
  primary: ServerAddress,
  session: SchemaSession,
): Promise<Answering> {
  const [reading] = await session.query(WHO_ANSWERS)
  if (reading?.['replica'] === 'true') return 'replica'
  const [itself] = await onPrimary(server, primary, WHO_ANSWERS)
  if (itself?.['started'] !== reading?.['started']) throw leadsElsewhere(server.name, server.place)
  return 'primary'
}

async function onPrimary(server: TenantServer, primary: ServerAddress, sql: string): Promise<readonly Row[]> {
  const session = await server.dialect.connect(primary)
  try {
    return await session.query(sql)
  } finally {
    await session.close()
  }
}

async function waitFor(
  server: TenantServer,
  primary: ServerAddress,
  session: SchemaSession,
  signal: AbortSignal,
): Promise<void> {
  const wanted = await positionOf(server, primary)
  const clock = new Wakeup()
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const { missing, seconds } = await distance(session, wanted)
    if (missing <= 0) return
    if (performance.now() > deadline || signal.aborted) throw lagging(server, missing, seconds)
    await clock.sleep(POLL_MS, signal)
  }
}

async function positionOf(server: TenantServer, primary: ServerAddress): Promise<string> {
  try {
    const sql = 'select pg_catalog.pg_current_wal_lsn()::pg_catalog.text as position'
    const [row] = await onPrimary(server, primary, sql)
    return String(row?.['position'])
  } catch (cause) {
    if (!(cause instanceof TenantryError) && !(cause instanceof DatabaseFailure)) throw cause
    throw new TenantryError(
      'server_unreachable',
      `Read from the replica ${server.place}, the schema differs; whether the replica is only behind cannot be told, as the primary does not say how far it is: ${messageOf(cause)}`,
      { server: server.name, cause },
    )
  }
}

/** Bytes of the log that it has not replayed, and the age in seconds of the last change that it has. */
async function distance(
  session: SchemaSession,
  wanted: string,
): Promise<{ missing: number; seconds: number | null }> {
  const [row] = await session.query(
    `select pg_catalog.pg_wal_lsn_diff('${wanted}', pg_catalog.pg_last_wal_replay_lsn())::pg_catalog.text as missing,
       extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())::pg_catalog.text as seconds`,
  )
  const seconds = row?.['seconds']
  return {
    missing: Number(row?.['missing'] ?? Infinity),
    seconds: typeof seconds === 'string' ? Number(seconds) : null,
  }
}

function lagging(server: TenantServer, missing: number, seconds: number | null): TenantryError {
  const age = seconds === null ? '' : `, its last change is ${Math.round(seconds)} s old`
  return new TenantryError(
    'server_unreachable',
    `The replica ${server.place} is behind its primary (${missing} bytes of its log${age}): what was read there may be older than the tenant's last version, and is no finding. Scan again when it has caught up, or with --primary.`,
    { server: server.name },
  )
}

/** Rollouts on a MySQL or MariaDB server with one database per tenant. */
import type { ServerAddress } from '../../engine/address.ts'
import { lookAtMysql } from '../../registry/mysql-server.ts'
import type { Executor, TenantLink } from '../executor.ts'
import { failureKind } from '../retry.ts'
import { applyToDatabase, askDatabase } from './apply.ts'
import type { MysqlWork } from './change.ts'
import { halfWay } from './failures.ts'
import { readBooks } from './ledger.ts'
import { TenantSession, type TenantPlace } from './tenant-session.ts'

export interface MysqlExecutorParts extends Pick<TenantPlace, 'address' | 'timeouts'> {
  readonly work: MysqlWork
  /** False when this worker's claims may be somebody else's by now. */
  readonly holdsLease: () => boolean
}

export function mysqlExecutor(parts: MysqlExecutorParts): Executor {
  const { work, address, timeouts, holdsLease } = parts
  const { rolloutId } = work
  const open = (database: string): Promise<TenantSession> =>
    TenantSession.open({ address, database, rolloutId, timeouts })
  let looking: Promise<string | undefined> | undefined
  /** Calls at once share a look. */
  const look = (): Promise<string | undefined> => {
    looking ??= lookAtMysql(address).finally(() => {
      looking = undefined
    })
    return looking
  }
  return {
    connect: (): TenantLink => ({
      apply: (target) => applyToDatabase({ work, open, holdsLease }, target),
      ask: (target) => askDatabase({ work, open, holdsLease }, target),
      renew() {
        // Every tenant has a session of its own.
      },
      close() {
        // Nothing stays open between two calls.
      },
    }),
    // A commit is in the server's log when it is answered, DDL is on disk: see docs/how-to/mysql-tenants.md.
    witness: async () => undefined,
    confirm: async () => undefined,
    async diagnose(failure) {
      const kind = failureKind(failure)
      if (kind !== 'server') return { kind, failure }
      const problem = await look()
      if (problem !== undefined) return { kind: 'down', problem }
      return { kind: failure.sqlstate.startsWith('28') ? 'permanent' : 'transient', failure }
    },
    close() {
      // Nothing stays open between two calls.
    },
  }
}

/** The versions in the ledger of a tenant, with the rollouts that applied them. @throws DatabaseFailure, TN005 too */
export async function mysqlLedger(
  address: ServerAddress,
  database: string,
  rolloutId: string,
): Promise<Map<string, string>> {
  const session = await TenantSession.open({
    address,
    database,
    rolloutId,
    timeouts: { lockTimeoutMs: 5_000, statementTimeoutMs: 10_000 },
  })
  try {
    const { ledger, steps } = await readBooks(session)
    if (steps[0] !== undefined) throw halfWay(steps[0])
    return new Map([...ledger].map(([version, row]) => [version, row.rolloutId]))
  } finally {
    await session.close()
  }
}

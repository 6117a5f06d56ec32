/** Rollouts on PostgreSQL servers: a connection per database, straight or through a pooler. */
import type { ServerAddress } from '../../engine/address.ts'
import { Session, type SessionOptions } from '../../engine/session.ts'
import { applyToTarget, askLedger } from './apply.ts'
import type { RolloutWork, Target } from '../change.ts'
import { diagnose } from '../diagnose.ts'
import type { Executor, TenantLink } from '../executor.ts'
import { ServerWatch } from '../server-watch.ts'
import { TenantConnection } from './tenant-connection.ts'

export interface PostgresParts {
  readonly work: RolloutWork
  /** Where tenants are reached: the server, or its pooler. */
  readonly address: ServerAddress
  /** The server itself: a pooler would hide that it crashed. */
  readonly direct: ServerAddress
  readonly session: SessionOptions & { readonly applicationName: string }
  /** False when this worker's claims may be somebody else's by now. */
  readonly holdsLease: () => boolean
}

export function postgresExecutor(parts: PostgresParts): Executor {
  const { work, address, direct, session, holdsLease } = parts
  const watch = new ServerWatch(direct, address, session.applicationName)
  const isPooled = address !== direct
  const { stalls } = watch
  return {
    connect({ database }: Target): TenantLink {
      const open = (): Promise<Session> => Session.open(address, { ...session, database })
      const connection = new TenantConnection({ database, isPooled, open, stalls, holdsLease })
      return {
        apply: (target) => applyToTarget(connection, work, target),
        ask: (target) => askLedger(connection, work, target),
        renew: () => connection.renew(),
        close: () => connection.close(),
      }
    },
    witness: () => watch.witness(),
    confirm: (witness) => watch.confirm(witness as Session),
    diagnose: (failure, { database }) => diagnose(failure, database, watch, isPooled),
    close: () => watch.close(),
  }
}

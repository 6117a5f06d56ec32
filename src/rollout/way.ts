/** How a rollout reaches the tenants of a PostgreSQL server: straight, or by the server's pooler. */
import type { ServerAddress } from '../engine/address.ts'
import type { DbServer } from '../registry/servers.ts'
import type { Change } from './change.ts'
import type { RolloutOptions } from './rollout.ts'

/**
 * Statements outside a transaction need settings and a lock that last: a session of their own, whatever was asked.
 * @returns `direct` itself when it is the way.
 */
export function wayTo(
  direct: ServerAddress,
  server: Pick<DbServer, 'pooler_host' | 'pooler_port'>,
  options: Pick<RolloutOptions, 'via'>,
  changes: readonly Change[],
): ServerAddress {
  const { pooler_host: host, pooler_port: port } = server
  const isPooled = options.via === 'pooler' && changes.every((change) => change.transactionSql !== undefined)
  return isPooled && host !== null && port !== null ? { ...direct, host, port } : direct
}

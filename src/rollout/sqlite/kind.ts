/** Rollouts on directories of SQLite files, as a kind. */
import { lookAtDirectory } from '../../registry/sqlite-directory.ts'
import { millisecondsOf, type RolloutKind } from '../kind.ts'
import { sqliteChangeOf } from './change.ts'
import { adoptSqlite, sqliteExecutor, sqliteLedger } from './executor.ts'
import { SQLITE_THREADS } from './threads.ts'

export const sqliteKind: RolloutKind = {
  check: sqliteChangeOf,
  ways({ rollout, versions, server, task, holdsLease }) {
    const { options, direction } = rollout
    const work = { ...task, changes: versions.map((version) => sqliteChangeOf(version, direction)) }
    const busyMs = millisecondsOf(options.lockTimeout)
    return {
      work,
      executor: sqliteExecutor({ work, directory: server.host, busyMs, holdsLease }),
      cap: () => Math.min(SQLITE_THREADS, options.maxConnections),
      flushPerBatch: false,
    }
  },
  ledger: ({ server, database }) => sqliteLedger(server.host, database),
  adopt: ({ server, target, work }) => adoptSqlite(server.host, target.database, work),
  lookAt: async ({ host }) => lookAtDirectory(host),
}

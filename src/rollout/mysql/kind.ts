/** Rollouts on MySQL and MariaDB servers, as a kind. */
import { lookAtMysql } from '../../registry/mysql-server.ts'
import { millisecondsOf, shareOf, type RolloutKind } from '../kind.ts'
import { adoptDatabase } from './adopt.ts'
import { mysqlChangeOf } from './change.ts'
import { mysqlExecutor, mysqlLedger } from './executor.ts'

export const mysqlKind: RolloutKind = {
  check: mysqlChangeOf,
  ways(request) {
    const { rollout, versions, address, task, holdsLease } = request
    const { options, direction } = rollout
    const work = { ...task, changes: versions.map((version) => mysqlChangeOf(version, direction)) }
    const timeouts = {
      lockTimeoutMs: millisecondsOf(options.lockTimeout),
      statementTimeoutMs: millisecondsOf(options.statementTimeout),
    }
    return {
      work,
      executor: mysqlExecutor({ work, address, timeouts, holdsLease }),
      cap: shareOf(request),
      flushPerBatch: false,
    }
  },
  ledger: ({ address, database, rolloutId }) => mysqlLedger(address, database, rolloutId),
  adopt: adoptDatabase,
  lookAt: lookAtMysql,
}

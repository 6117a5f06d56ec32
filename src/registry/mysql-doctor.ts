/** Examining a MySQL or MariaDB server as Tenantry uses it. */
import type { ServerAddress } from '../engine/address.ts'
import { findingsOf, type Finding } from '../lib/finding.ts'
import { judgeClock, judgeConnections, judgeTransport } from './judge-server.ts'
import { onMysql } from './mysql-server.ts'
import type { DbServer, ServerFacts } from './servers.ts'

/** MariaDB numbers itself from 10 up, MySQL is at 8 and 9. */
const FIRST_MARIADB = 100_000
/** Older ones have no DDL that is done wholly or not at all when the server dies in the middle. */
const OLDEST = { MariaDB: 101_100, MySQL: 80_000 }

/** @param maxConnections most connections that rollouts open to one server */
export async function examineMysql(
  server: DbServer,
  address: ServerAddress,
  facts: ServerFacts,
  maxConnections: number,
): Promise<Finding[]> {
  const asked = Date.now()
  const [row] = await onMysql(address, (ask) =>
    ask(
      `SELECT UNIX_TIMESTAMP(NOW(6)) * 1000 AS now, @@GLOBAL.innodb_flush_log_at_trx_commit AS flush,
         (SELECT COUNT(*) FROM information_schema.processlist) AS used`,
    ),
  )
  return [
    judgeVersion(server, facts),
    judgeRole(server, facts),
    judgeTransport(server),
    judgeConnections(server, {
      max: facts.maxConnections,
      used: Number(row?.['used']),
      wanted: maxConnections,
    }),
    judgeClock(server, Number(row?.['now']), asked),
    judgeFlush(server, Number(row?.['flush'])),
  ]
}

function judgeVersion(server: DbServer, { serverVersion }: ServerFacts): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const product = serverVersion >= FIRST_MARIADB ? 'MariaDB' : 'MySQL'
  const text = `${product} ${[10_000, 100, 1].map((unit) => Math.floor(serverVersion / unit) % 100).join('.')}`
  return serverVersion >= OLDEST[product]
    ? ok('server.version', text)
    : warn(
        'server.version',
        `${text} can leave half of a statement behind when it dies`,
        'Upgrade it: MariaDB 10.11, MySQL 8.0, or newer.',
      )
}

function judgeRole(server: DbServer, { isSuperuser }: ServerFacts): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  if (!isSuperuser) return ok('server.role', `logs in as ${server.username}, without SUPER`)
  return warn(
    'server.role',
    `logs in as ${server.username}, who has SUPER: what versions create runs with all its rights (DEFINER)`,
    `Make an account for it with rights in the tenants' databases only, then: tenantry server update ${server.name} --dsn-file FILE`,
  )
}

function judgeFlush(server: DbServer, flush: number): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  return flush === 1
    ? ok('server.flush', 'commits are on disk when they are answered')
    : warn(
        'server.flush',
        `innodb_flush_log_at_trx_commit is ${flush}: a crash can take back up to a second of what was applied`,
        'Set innodb_flush_log_at_trx_commit = 1, or roll out again after a crash: the ledger tells what is missing.',
      )
}

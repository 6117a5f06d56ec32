/**
 * Which databases of a server nobody has written to, asked of the server without connecting to them. Since
 * PostgreSQL 15 it counts the rows that each database has inserted, updated and deleted, those of its catalogues
 * among them (pg_stat_database; rows of transactions that failed count too), in memory that its processes share: a
 * backend adds what it did at the latest when it ends, before it leaves pg_stat_activity. So a database that nobody
 * is connected to, and whose counts are what they were, has the catalogue that it had.
 *
 * What would take a count back is part of the mark: another server, timeline or start of it, statistics that were
 * reset or, after a crash, begun anew (which resets those of the background writer), another database by the name.
 * What is written elsewhere and still describes a database, the names of roles, is added by value. A server that
 * may not count all (a standby, `track_counts` switched off or given to others to switch) vouches for nothing; only
 * a superuser who switches it off for a session of their own remains unseen.
 */
import { literal } from '../../../engine/sql.ts'
import type { SchemaSession, WriteMark } from '../dialect.ts'
import { SHARED_NAMES } from './change-marker.ts'

/** Before it, statistics went through a pipe that may lose some. */
const FIRST_TO_COUNT_ALL = 150_000

const VOUCHES = `select (not pg_is_in_recovery() and current_setting('track_counts') = 'on'
    and not exists (select from pg_parameter_acl where parname = 'track_counts')
    and not exists (select from pg_db_role_setting, unnest(setconfig) setting where setting ilike 'track\\_counts=%'))::text as vouches`

const connectedTo = (names: string): string => `select distinct d.oid::text as oid
  from pg_stat_get_activity(null) backend join pg_database d on d.oid = backend.datid where d.datname in (${names})`

const SERVER = `concat_ws(' ', (select concat_ws(' ', system_identifier, current_setting('server_version_num')) from pg_control_system()),
    (select timeline_id from pg_control_checkpoint()), extract(epoch from pg_postmaster_start_time()),
    (select extract(epoch from stats_reset) from pg_stat_bgwriter))`

/** -2 marks a database whose removal was broken off. */
const marksOf = (names: string): string => `select d.datname::text as name, d.oid::text as oid,
    concat_ws(' ', ${SERVER}, d.oid, pg_stat_get_db_tuples_inserted(d.oid), pg_stat_get_db_tuples_updated(d.oid),
      pg_stat_get_db_tuples_deleted(d.oid), extract(epoch from pg_stat_get_db_stat_reset_time(d.oid)), (${SHARED_NAMES})) as mark
  from pg_database d where d.datname in (${names})
    and d.datallowconn and d.datconnlimit not in (-2, 0) and has_database_privilege(d.oid, 'CONNECT')`

export async function writeMarks(
  session: SchemaSession,
  databases: readonly string[],
): Promise<ReadonlyMap<string, WriteMark>> {
  const [server] = await session.query(`select current_setting('server_version_num') as version`)
  if (Number(server?.['version']) < FIRST_TO_COUNT_ALL) return new Map()
  const [answer] = await session.query(VOUCHES)
  if (answer?.['vouches'] !== 'true') return new Map()
  // First who is connected, then what was counted: who had left before that has been counted.
  const names = databases.map(literal).join(', ')
  const connected = new Set((await session.query(connectedTo(names))).map((row) => row['oid']))
  const rows = await session.query(marksOf(names))
  return new Map(
    rows.map((row) => [String(row['name']), { mark: String(row['mark']), inUse: connected.has(row['oid']) }]),
  )
}

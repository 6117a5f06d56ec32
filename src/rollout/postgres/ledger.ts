/**
 * The ledger: the table in each tenant's own database that says which versions it has, and the SQL messages that
 * change a tenant and its ledger in one transaction. A message without explicit BEGIN and COMMIT is one transaction
 * in PostgreSQL; a ledger row that exists already aborts it, which is the check that nothing is applied twice.
 */
import { DatabaseFailure } from '../../engine/failure.ts'
import { ident, literal } from '../../engine/sql.ts'

export interface LedgerKey {
  /** Empty for a tenant that has the whole database. */
  readonly schema: string
  readonly versionId: string
  readonly rolloutId: string
}

/** Any constant: two workers that make the ledger of one database at once wait for each other. */
const LEDGER_LOCK = 7_406_812_002

/** Begins the error that says whose the schema is; see STRANGE_LEDGER. */
const OWNED_BY = 'tenantry is owned by '

/**
 * A schema that was there before us may hold triggers, which would run with our rights. A number cannot be read from
 * a sentence: the error carries it.
 */
const REFUSE_STRANGE_LEDGER = `select case
  when nspowner OPERATOR(pg_catalog.=) pg_catalog.quote_ident(current_user)::pg_catalog.regrole then 0
  else pg_catalog.concat('${OWNED_BY}', pg_catalog.pg_get_userbyid(nspowner))::pg_catalog.int4 end
  from pg_catalog.pg_namespace where nspname OPERATOR(pg_catalog.=) 'tenantry'`

/** Finds the owner in the error of a ledger that is not ours. */
export const STRANGE_LEDGER = new RegExp(`"${OWNED_BY}(.*)"$`, 's')

export const CREATE_LEDGER = `
select pg_catalog.pg_advisory_xact_lock(${LEDGER_LOCK});
create schema if not exists tenantry;
${REFUSE_STRANGE_LEDGER};
revoke all on schema tenantry from public;
create table if not exists tenantry.ledger (
  tenant_schema text collate "C" not null,
  version_id text collate "C" not null,
  checksum text not null,
  rollout_id uuid not null,
  applied_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (tenant_schema, version_id));
create table if not exists tenantry.ledger_steps (
  tenant_schema text collate "C" not null,
  version_id text collate "C" not null,
  direction text not null,
  step integer not null,
  checksum text not null,
  state text not null check (state in ('started', 'done')),
  statement text not null,
  before jsonb,
  updated_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (tenant_schema, version_id, direction, step))`

/** The time as a constant: calling a function for it costs a new connection 4 % of the tenant's whole time. */
export function insertLedgerRow(key: LedgerKey, checksum: string): string {
  return `insert into tenantry.ledger (tenant_schema, version_id, checksum, rollout_id, applied_at) values (${literal(key.schema)}, ${literal(key.versionId)}, ${literal(checksum)}, ${literal(key.rolloutId)}, 'now')`
}

/** Fails with division by zero when the row is not there or not this rollout's: nothing to undo. */
export function deleteLedgerRow(key: LedgerKey): string {
  return `with gone as (delete from tenantry.ledger where ${ledgerRow(key.schema, key.versionId)}
    and rollout_id OPERATOR(pg_catalog.=) ${literal(key.rolloutId)}::pg_catalog.uuid returning 1)
  select 1::pg_catalog.int8 OPERATOR(pg_catalog./) pg_catalog.count(*) from gone`
}

export function selectLedger(schema: string): string {
  return `select version_id, checksum, rollout_id from tenantry.ledger where ${tenantSchema(schema)}`
}

/**
 * Waits until nobody has an uncommitted row in the ledger: what a dead or frozen worker left running may still
 * commit. Only in a message with further statements.
 */
export const AWAIT_LEDGER_WRITERS = 'lock table tenantry.ledger in share mode'

export function selectLedgerRow(schema: string, versionId: string): string {
  return `select checksum, rollout_id from tenantry.ledger where ${ledgerRow(schema, versionId)}`
}

/** The newest version that is left, or no row. */
export function selectNewestVersion(schema: string): string {
  return `select pg_catalog.max(version_id) from tenantry.ledger where ${tenantSchema(schema)}`
}

export function tenantSchema(schema: string): string {
  return `tenant_schema OPERATOR(pg_catalog.=) ${literal(schema)}`
}

function ledgerRow(schema: string, versionId: string): string {
  return `${tenantSchema(schema)} and version_id OPERATOR(pg_catalog.=) ${literal(versionId)}`
}

export interface MessageSettings {
  readonly lockTimeout: string
  readonly statementTimeout: string
  readonly synchronousCommit: 'on' | 'off'
  /** PostgreSQL 14 and newer can notice within a statement that the worker is gone. */
  readonly noticesLostClient?: boolean
}

/** What a dead worker left running ends before others take over what it had. */
const CLIENT_CHECK = '2s'

/** Only the tenant's own schema: a name missing there must fail, not be found in a schema that others share. */
function searchPath(schema: string): string {
  return schema === '' ? 'public, pg_temp' : `${ident(schema)}, pg_temp`
}

/** The settings of a connection straight to the server, for its startup packet. */
export function startupSettings(settings: MessageSettings): Record<string, string> {
  return {
    search_path: searchPath(''),
    lock_timeout: settings.lockTimeout,
    statement_timeout: settings.statementTimeout,
    idle_in_transaction_session_timeout: '60s',
    synchronous_commit: settings.synchronousCommit,
    client_min_messages: 'error',
    ...(settings.noticesLostClient === true ? { client_connection_check_interval: CLIENT_CHECK } : {}),
  }
}

/** The same settings for one transaction, where a pooler stands between and connections are shared. */
export function localSettings(settings: MessageSettings): string[] {
  return [
    `set local search_path = ${searchPath('')}`,
    `set local lock_timeout = ${literal(settings.lockTimeout)}`,
    `set local statement_timeout = ${literal(settings.statementTimeout)}`,
    `set local idle_in_transaction_session_timeout = '60s'`,
    setSynchronousCommit(settings),
    ...(settings.noticesLostClient === true
      ? [`set local client_connection_check_interval = '${CLIENT_CHECK}'`]
      : []),
  ]
}

function setSynchronousCommit(settings: MessageSettings): string {
  return `set local synchronous_commit = ${settings.synchronousCommit}`
}

/**
 * Has deferred constraints and triggers judged before the commit, which is part of the last statement of a message:
 * without one of its own their failures would be blamed on the change's last statement.
 */
export const JUDGE_DEFERRED = 'set constraints all immediate'

/**
 * What DISCARD ALL does, as far as it can be done inside a transaction: behind a pooler the session goes on to
 * somebody else with whatever a change has set or made in it. Deferred constraints are judged before, while the path
 * is still the tenant's.
 */
export function leaveSession(settings: MessageSettings): string[] {
  return [
    JUDGE_DEFERRED,
    'close all',
    'set session authorization default',
    'reset all',
    'unlisten *',
    'select pg_catalog.pg_advisory_unlock_all()',
    'discard temp',
    setSynchronousCommit(settings),
  ]
}

/**
 * Puts a message into one tenant's schema. The schema must exist: PostgreSQL would skip a missing one silently
 * and change the next in the path.
 */
export function enterSchema(schema: string): string[] {
  if (schema === '') return []
  if (schema === '$user') {
    // Quoted or not, PostgreSQL reads it as the name of the role: the change would land in somebody else's schema.
    throw new DatabaseFailure('3F000', 'A schema named $user cannot be put into a search_path: rename it.')
  }
  return [
    `set local search_path = ${searchPath(schema)}`,
    `select ${literal(ident(schema))}::pg_catalog.regnamespace`,
  ]
}

/** Objects made by initdb and by extensions' built-in owners have smaller object ids than this. */
const FIRST_NORMAL_OID = '16384::pg_catalog.oid'

function ownedByOthers(catalog: string, owner: string, extra = ''): string {
  return `exists (select from pg_catalog.${catalog} where ${owner} OPERATOR(pg_catalog.>=) ${FIRST_NORMAL_OID}
    and ${owner} OPERATOR(pg_catalog.<>) all (select oid from pg_catalog.pg_roles where rolsuper)${extra})`
}

/**
 * For a superuser's login: fails with division by zero unless everything in the database belongs to superusers and
 * nobody else may create anything there, that is, unless no tenant could have left code that would run with a
 * superuser's rights.
 */
export const SUPERUSER_GUARD = `select 1 OPERATOR(pg_catalog./) (case when
  ${ownedByOthers('pg_database', 'datdba', ' and datname OPERATOR(pg_catalog.=) pg_catalog.current_database()')}
  or ${ownedByOthers('pg_namespace', 'nspowner', ` and nspname OPERATOR(pg_catalog.!~) '^pg_(toast_)?temp_'`)}
  or ${ownedByOthers('pg_class', 'relowner', ` and relpersistence OPERATOR(pg_catalog.<>) 't'::pg_catalog."char"`)}
  or ${ownedByOthers('pg_proc', 'proowner')}
  or ${ownedByOthers('pg_operator', 'oprowner')}
  or exists (select from pg_catalog.pg_namespace as n, pg_catalog.aclexplode(n.nspacl) as acl
    where acl.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text
      and acl.grantee OPERATOR(pg_catalog.<>) all (select oid from pg_catalog.pg_roles where rolsuper)
      and (acl.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid or acl.grantee OPERATOR(pg_catalog.>=) ${FIRST_NORMAL_OID}))
  then 0 else 1 end)`

/** What is looked at: which schemas, which relations, and what is left to the extensions that brought it. */
import { DatabaseFailure } from '../../../../engine/failure.ts'
import { ident, literal } from '../../../../engine/sql.ts'
import { TenantryError } from '../../../../lib/errors.ts'
import { MASKED_SCHEMA } from '../../../snapshot/snapshot.ts'
import type { InspectOptions } from '../../dialect.ts'
import { CLASS } from './reader.ts'
import { said } from '../said.ts'
import type { ValueRow } from '../values.ts'

/** The schema of Tenantry's ledger, see src/rollout/ledger.ts. */
const LEDGER_SCHEMA = 'tenantry'

/** The kinds of relations, by relkind. A composite type is a relation as well, and a kind of its own. */
const KIND_OF_RELKIND = `case c.relkind when 'r' then 'table' when 'p' then 'table' when 'f' then 'foreign_table'
  when 'v' then 'view' when 'm' then 'materialized_view' when 'S' then 'sequence' when 'c' then 'composite_type'
  when 'i' then 'index' when 'I' then 'index' end`

/** What belongs to an extension: by the index on what is depended on. */
const MEMBERS = `select classid, objid from pg_depend where refclassid = 3079::oid and deptype = 'e'`

/** SQL: rows `oid, name` of the schemas looked at; `member` is used. */
function schemasSql({ maskSchema, excludeSchemas = [] }: InspectOptions): string {
  const name = maskSchema === undefined ? 'nspname' : literal(MASKED_SCHEMA)
  const left = [LEDGER_SCHEMA, 'information_schema', ...excludeSchemas].map(literal).join(', ')
  const which =
    maskSchema === undefined
      ? `nspname !~ '^pg_' and nspname not in (${left})
        and not exists (select from member m where m.classid = 2615::oid and m.objid = n.oid and n.nspname <> 'public')`
      : `nspname = ${literal(maskSchema)}`
  return `select oid, ${name}::text as name from pg_namespace n where ${which}`
}

const RELATIONS = `select c.oid, ${KIND_OF_RELKIND} as kind, ours.name as schema, c.relname::text as name, c.relkind,
    c.relnamespace from pg_class c join ours on ours.oid = c.relnamespace
    where c.relpersistence <> 't' and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c', 'i', 'I')
    and not exists (select from member m where m.classid = 1259::oid and m.objid = c.oid)
    and not (c.relkind = 'S' and exists (select from pg_depend d where d.classid = 1259::oid and d.objid = c.oid
      and d.objsubid = 0 and d.refclassid = 1259::oid and d.deptype = 'i'))
    and not (c.relkind in ('i', 'I') and exists (select from pg_index x join member m on m.classid = 1259::oid
      and m.objid = x.indrelid where x.indexrelid = c.oid))`

/** The common table expressions that every reader may use (see `reader.ts`), in one statement that knows nothing. */
export function scopeSql(options: InspectOptions): string {
  return `member as materialized (${MEMBERS}),
  ours as materialized (${schemasSql(options)}),
  rel as materialized (${RELATIONS})`
}

/** What is found out before anything is read, so that the server can plan for it. */
export interface Scope {
  /** `server_version_num`. */
  readonly version: number
  /** e.g. `15.14`. */
  readonly serverVersion: string
  /** Of the catalogues that a reader can name as its own, by their oids: those that hold objects to read. */
  readonly catalogues: ReadonlySet<string>
  /** The common table expressions that every reader may use. */
  readonly sql: string
  /** The same for a statement that uses them many times. */
  readonly materialized: string
}

/** Catalogues that are empty in most databases; what every database has in them is left out. */
const OFTEN_EMPTY: readonly (readonly [catalogue: keyof typeof CLASS, rows: string])[] = [
  ['pg_rewrite', ` where oid >= 16384 and rulename <> '_RETURN'`],
  ['pg_trigger', ' where not tgisinternal'],
  ['pg_policy', ''],
  ['pg_publication', ''],
  ['pg_event_trigger', ''],
  ['pg_default_acl', ''],
  ['pg_foreign_data_wrapper', ''],
  ['pg_foreign_server', ''],
]

const HELD = OFTEN_EMPTY.map(
  ([catalogue, rows]) =>
    `case when exists (select from ${catalogue}${rows}) then ${CLASS[catalogue]}::oid end`,
)

/** One row, for `scopeOf`. */
export function scopeQuery(options: InspectOptions): string {
  return `with member as materialized (${MEMBERS}), ours as materialized (${schemasSql(options)})
    select pg_catalog.current_setting('server_version_num')::int4 as version,
      pg_catalog.current_setting('server_version') as name,
      exists (select from member where objid >= 16384) as extended,
      (select json_agg(json_build_array(oid, name)) from ours) as schemas,
      array[${HELD.join(', ')}] || (select array_agg(distinct classid) from pg_depend where refclassid = 2615::oid
        and refobjid in (select oid from ours)) as catalogues`
}

/** @throws TenantryError `not_found` for a masked schema that is not there: nothing would look like an empty one */
export function scopeOf(row: ValueRow, label: string, { maskSchema }: InspectOptions): Scope {
  const schemas = Array.isArray(row['schemas']) ? (row['schemas'] as [string, string][]) : []
  if (maskSchema !== undefined && schemas.length === 0)
    throw new TenantryError('not_found', `${label} has no schema ${JSON.stringify(maskSchema)}.`)
  const values = schemas.map(([oid, name]) => `(${oid}::oid, ${literal(name)})`)
  const ours = values.length === 0 ? `select 0::oid, ''::text where false` : `values ${values.join(', ')}`
  const members = row['extended'] === true ? MEMBERS : `select 0::oid as classid, 0::oid as objid where false`
  return {
    version: Number(row['version']),
    serverVersion: said(row['name']).split(' ')[0] as string,
    catalogues: new Set(Array.isArray(row['catalogues']) ? row['catalogues'].map(String) : []),
    sql: `member as not materialized (${members}), ours (oid, name) as not materialized (${ours}),
      rel as not materialized (${RELATIONS})`,
    materialized: `member as not materialized (${members}), ours (oid, name) as not materialized (${ours}),
      rel as materialized (${RELATIONS})`,
  }
}

/** Where names and operators of our own queries are looked up: nowhere that a tenant can make any. */
export const SAFE_PATH = `select pg_catalog.set_config('search_path', 'pg_catalog', true)`

/** How long a table may be locked before it is given up to read it, where the session says nothing else. */
const PATIENCE = '5s'

/** Begins reading: definitions of a table that somebody has locked for himself cannot be had meanwhile. */
export const BEGIN_READING = `begin isolation level repeatable read read only; ${SAFE_PATH};
  select pg_catalog.set_config('lock_timeout', '${PATIENCE}', true) where pg_catalog.current_setting('lock_timeout') = '0'`

/** The failure of reading, in words that say who is in the way. */
export function readingFailure(thrown: unknown): unknown {
  if (!(thrown instanceof DatabaseFailure) || thrown.sqlstate !== '55P03') return thrown
  const why = 'Somebody holds a table locked against all others, so that its definition cannot be read'
  return new DatabaseFailure(thrown.sqlstate, `${why}: ${thrown.message}.`, { cause: thrown })
}

/** The search path that makes definitions come out without the masked schema's name. */
export function writingPath(maskSchema: string): string {
  const path = `pg_catalog, ${ident(maskSchema)}`
  return `select pg_catalog.set_config('search_path', ${literal(path)}, true)`
}

/**
 * The query as a message whose last rows are its own. With a masked schema the server understands it before that schema
 * comes into the search path, by which definitions are written: a tenant's own operators are never called.
 */
export function readingSql(query: string, { maskSchema }: InspectOptions): string {
  if (maskSchema === undefined) return query
  const cursor = `set local cursor_tuple_fraction = 1; declare reading no scroll cursor for ${query}`
  return `${SAFE_PATH}; ${cursor}; ${writingPath(maskSchema)}; fetch all from reading; close reading`
}

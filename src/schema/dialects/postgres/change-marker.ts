/**
 * Whether a database's catalogue has been changed at all since it was looked at last. Every change writes rows, each
 * marked by its place and the transaction that wrote it (`ctid`, `xmin`): a hash of all these marks tells, without
 * reading a definition. No two versions of a row share a mark: one transaction puts them in different places, and
 * what is written into a place later is written by a later transaction. Freezing keeps `xmin`, and what VACUUM and
 * ANALYZE note in `pg_class` is written in place. A standby has the marks of its primary.
 *
 * The catalogues of the database's own are looked at, without the rows that every server has. Left out are those
 * that hold no schema, and those whose rows change only together with rows of others: parts of aggregates (`pg_proc`),
 * of partitioned tables (`pg_class`), of range types (`pg_type`); defaults, inheritance, members of operator classes,
 * what is published, the dictionaries of text search, of which `pg_depend` is told anew with each change. What else
 * a schema's description is made of is added by value: the names of roles and tablespaces, which belong to the whole
 * server, and user mappings, whose catalogue not everybody may read. After a restore to an earlier moment
 * transactions have numbers that were used before: that is another timeline.
 *
 * What is no change of the schema and writes catalogue rows all the same (VACUUM FULL, TRUNCATE, a temporary table)
 * only costs a closer look.
 */
import type { SchemaSession } from '../dialect.ts'

/** Catalogue → what tells rows of the database's users from those that every server has; oids below are the server's own. */
const CATALOGUES: readonly (readonly [catalogue: string, rows?: string])[] = [
  ['pg_am', 'oid >= 16384'],
  ['pg_attribute', 'attrelid >= 16384'],
  ['pg_cast', 'oid >= 16384'],
  ['pg_class', 'oid >= 16384'],
  ['pg_collation', 'oid >= 16384'],
  ['pg_constraint'],
  ['pg_conversion', 'oid >= 16384'],
  ['pg_default_acl'],
  ['pg_depend', 'objid >= 16384'],
  // 2200 is the schema public, which users own.
  ['pg_description', '(objoid >= 16384 or objoid = 2200)'],
  ['pg_enum'],
  ['pg_event_trigger'],
  ['pg_extension'],
  ['pg_foreign_data_wrapper'],
  ['pg_foreign_server'],
  ['pg_foreign_table'],
  ['pg_index', 'indexrelid >= 16384'],
  ['pg_language', 'oid >= 16384'],
  ['pg_namespace'],
  ['pg_opclass', 'oid >= 16384'],
  ['pg_operator', 'oid >= 16384'],
  ['pg_opfamily', 'oid >= 16384'],
  ['pg_policy'],
  ['pg_proc', 'oid >= 16384'],
  ['pg_publication'],
  ['pg_rewrite', 'oid >= 16384'],
  ['pg_sequence'],
  ['pg_statistic_ext'],
  ['pg_transform'],
  ['pg_trigger'],
  ['pg_ts_config', 'oid >= 16384'],
  ['pg_ts_dict', 'oid >= 16384'],
  ['pg_ts_parser', 'oid >= 16384'],
  ['pg_ts_template', 'oid >= 16384'],
  ['pg_type', 'oid >= 16384'],
]

const MARKS = CATALOGUES.map(
  ([catalogue, rows], number) =>
    `select ${number} as number, ctid, xmin from ${catalogue}${rows === undefined ? '' : ` where ${rows}`}`,
)

/**
 * The names, shared by the server's databases, that things in the database `d` are recorded to need. 1260 are roles,
 * 1213 tablespaces; 10 is the role that made the server, which nothing is recorded to need.
 */
export const SHARED_NAMES = `select concat_ws(' ', count(*), pg_get_userbyid(10), sum(hashtextextended(concat_ws(' ', s.refobjid, s.deptype,
    case s.refclassid when 1260 then pg_get_userbyid(s.refobjid)::text
      when 1213 then (select t.spcname::text from pg_tablespace t where t.oid = s.refobjid) end), 0)))
  from pg_shdepend s where s.dbid = d.oid`

const QUERY = `select concat_ws(' ', d.oid, current_setting('server_version_num'),
    (select timeline_id from pg_control_checkpoint()),
    (select concat(count(*), ':', bit_xor(hash_record_extended(row(number, ctid, xmin), 0))) from (${MARKS.join(' union all ')}) mark),
    (${SHARED_NAMES})) as marker, exists (select from pg_foreign_server)::text as foreign
  from pg_database d where d.datname = current_database()`

const MAPPINGS = `select sum(hashtextextended(m::text, 0))::text as mappings from pg_user_mappings m`

export async function changeMarker(session: SchemaSession): Promise<string> {
  const [row] = await session.query(QUERY)
  const marker = String(row?.['marker'])
  if (row?.['foreign'] !== 'true') return marker
  const [mapped] = await session.query(MAPPINGS)
  return `${marker} ${String(mapped?.['mappings'])}`
}

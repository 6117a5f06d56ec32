/**
 * Whether a database's catalogue has been changed at all since it was looked at last. Every change writes rows, each
 * marked by its place and the transaction that wrote it (`ctid`, `xmin`): a hash of these per catalogue tells, without
 * reading a definition. What is no DDL and writes catalogue rows all the same (VACUUM FULL, TRUNCATE) only costs a
 * closer look.
 */
import type { SchemaSession } from '../dialect.ts'

const FIRST_USER_OID = 16_384

/** Catalogue → column by which rows of the database's users are told from those that every server has. */
const CATALOGUES: readonly (readonly [catalogue: string, column: string | null])[] = [
  ['pg_class', 'oid'],
  ['pg_attribute', 'attrelid'],
  ['pg_attrdef', null],
  ['pg_constraint', null],
  ['pg_index', 'indexrelid'],
  ['pg_inherits', null],
  ['pg_type', 'oid'],
  ['pg_enum', null],
  ['pg_range', 'rngtypid'],
  ['pg_proc', 'oid'],
  ['pg_aggregate', 'aggfnoid'],
  ['pg_trigger', null],
  ['pg_policy', null],
  ['pg_rewrite', 'oid'],
  ['pg_sequence', null],
  ['pg_namespace', null],
  ['pg_extension', null],
  ['pg_collation', 'oid'],
  ['pg_statistic_ext', null],
  ['pg_event_trigger', null],
  ['pg_publication', null],
  ['pg_publication_rel', null],
  ['pg_default_acl', null],
  ['pg_foreign_data_wrapper', null],
  ['pg_foreign_server', null],
  ['pg_foreign_table', null],
  ['pg_cast', 'oid'],
  ['pg_operator', 'oid'],
  ['pg_opclass', 'oid'],
  ['pg_description', 'objoid'],
  ['pg_depend', 'objid'],
]

const MARKS = CATALOGUES.map(([catalogue, column]) => {
  const users = column === null ? '' : ` where ${column} >= ${FIRST_USER_OID}`
  return `(select concat(count(*), ':', sum(hashtextextended(concat(ctid, ' ', xmin), 0))) from ${catalogue}${users})`
})

const QUERY = `select concat_ws(' ', (select oid from pg_database where datname = current_database()),
  current_setting('server_version_num'), ${MARKS.join(', ')}) as marker`

export async function changeMarker(session: SchemaSession): Promise<string> {
  const [row] = await session.query(QUERY)
  return String(row?.['marker'])
}

/** What holds while a plan is run, whoever runs it: by a script, by us, as a version. */

/**
 * A setting of a role, of a database or of the program that runs a script changes neither what values become nor where
 * new tables are put. Money stays in the locale of its database: its values have no other.
 */
const PINNED: Readonly<Record<string, string>> = {
  client_encoding: `'UTF8'`,
  standard_conforming_strings: 'on',
  timezone: `'UTC'`,
  datestyle: `'ISO, MDY'`,
  intervalstyle: `'postgres'`,
  extra_float_digits: '3',
  bytea_output: `'hex'`,
  xmlbinary: `'base64'`,
  xmloption: `'content'`,
  array_nulls: 'on',
  transform_null_equals: 'off',
  default_tablespace: `''`,
  default_table_access_method: `'heap'`,
  // Rows that policies hide from who runs the plan make it fail: they would be missing where rows are copied.
  row_security: 'off',
}

/**
 * Not for everybody to set, and nearly always as it should be. As a replica a session sees no foreign key, and other
 * triggers than those of the tenant fire.
 */
const ORIGIN = `SELECT pg_catalog.set_config('session_replication_role', 'origin', false) WHERE pg_catalog.current_setting('session_replication_role') <> 'origin'`

export const PREAMBLE: readonly string[] = [
  'SET search_path = pg_catalog',
  'SET check_function_bodies = off',
  ...Object.entries(PINNED).map(([name, value]) => `SET ${name} = ${value}`),
  ORIGIN,
]

/** The same for one transaction: a version leaves the session as it was. */
export function inTransaction(statement: string): string {
  return statement === ORIGIN ? statement.replace('false', 'true') : statement.replace(/^SET /u, 'SET LOCAL ')
}

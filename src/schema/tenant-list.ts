/** The tenants of a server, asked of the server itself. */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { dsnOf, parseAddress } from '../engine/address.ts'
import { mysqlLiteral } from '../engine/mysql-sql.ts'
import { literal } from '../engine/sql.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { likePattern, nameMatcher } from '../registry/selector.ts'
import type { Dialect } from './dialects/dialect.ts'
import { sqlitePath } from './dialects/sqlite/url.ts'
import { byCodePoint } from './snapshot/snapshot.ts'

/** One tenant that has a database, or with `schema` a part of one, for itself. */
export interface TenantContext {
  readonly name: string
  /** Connection URL of its database. */
  readonly url: string
  /** Its schema, when it shares the database; absent: it has all of it. */
  readonly schema?: string
}

/**
 * Databases of a server, or files of a directory, that match; the server's own are none.
 * @param pattern `%` stands for any text, all else for itself
 */
export async function listTenantDatabases(
  dialect: Dialect,
  url: string,
  pattern: string,
): Promise<TenantContext[]> {
  const found = await databasesOf(dialect, url, pattern)
  return found.toSorted((a, b) => byCodePoint(a.name, b.name))
}

async function databasesOf(dialect: Dialect, url: string, pattern: string): Promise<TenantContext[]> {
  switch (dialect.name) {
    case 'postgres':
      return (await namesFrom(dialect, url, postgresNames(pattern))).map((name) => ({
        name,
        url: dsnOf({ ...parseAddress(url), database: name }),
      }))
    case 'mysql':
      // The one database that every account sees: the URL of a server names none.
      return (await namesFrom(dialect, inDatabase(url, 'information_schema'), mysqlNames(pattern))).map(
        (name) => ({ name, url: inDatabase(url, name) }),
      )
    case 'sqlite':
      return filesOf(sqlitePath(url), pattern)
  }
}

function inDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${encodeURIComponent(name)}` }).href
}

function postgresNames(pattern: string): string {
  return `select pg_catalog.json_agg(datname) as names from pg_catalog.pg_database where datname like ${literal(likePattern(pattern))}
    and datallowconn and not datistemplate and datname <> 'postgres' and datname !~ '^tenantry_scratch_'`
}

function mysqlNames(pattern: string): string {
  const like = mysqlLiteral(pattern.replaceAll(/[!_]/g, '!$&'))
  return `select json_arrayagg(schema_name) as names from information_schema.schemata where schema_name like ${like} escape '!'
    and schema_name not in ('mysql', 'information_schema', 'performance_schema', 'sys')
    and schema_name not like 'tenantry!_scratch!_%' escape '!'`
}

async function namesFrom(dialect: Dialect, url: string, sql: string): Promise<string[]> {
  const session = await dialect.connect(url)
  try {
    const [row] = await session.query(sql)
    const names = row?.['names']
    return typeof names === 'string' ? (JSON.parse(names) as string[]) : ((names ?? []) as string[])
  } finally {
    await session.close()
  }
}

async function filesOf(directory: string, pattern: string): Promise<TenantContext[]> {
  const matches = nameMatcher(pattern)
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new TenantryError('server_unreachable', `${directory} cannot be read: ${messageOf(cause)}`, {
      cause,
      nextSteps: ['Name the directory that holds the files of the tenants: sqlite:DIRECTORY'],
    })
  })
  return entries
    .filter((entry) => entry.isFile() && /\.(?:db|sqlite|sqlite3)$/u.test(entry.name))
    .map((entry) => ({
      name: path.parse(entry.name).name,
      url: `sqlite:${path.join(directory, entry.name)}`,
    }))
    .filter(({ name }) => matches.test(name))
}

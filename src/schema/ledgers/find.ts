/** Which ledgers of other tools a database has, and the SQL that asks it: each kind of database in its own words. */
import type { ServerKind } from '../../engine/address.ts'
import { mysqlIdent, mysqlLiteral } from '../../engine/mysql-sql.ts'
import { ident, literal, sqliteIdent, sqliteLiteral } from '../../engine/sql.ts'
import type { NativeLedger } from './ledger.ts'

/** Where to look, when the tool was told to put its ledger elsewhere. */
export interface LedgerPlace {
  /** The tenant's own when absent. */
  readonly schema?: string | undefined
  readonly table: string
}

type Place = readonly [schema: string, table: string]

interface Words {
  /**
   * SQL whose rows are: schema, table, `true` when reading it runs nothing but the server's own code, names of its
   * columns as JSON.
   */
  readonly find: (places: readonly Place[]) => string
  readonly name: (name: string) => string
  readonly asText: (value: string) => string
  /** Whether two spellings are one name. */
  readonly same: (a: string, b: string) => boolean
}

/** A view or a policy would run a tenant's code with the reader's rights; so would the output of its own type. */
const POSTGRES_HARMLESS = `(c.relkind = 'r' and not c.relrowsecurity and not exists (select from pg_attribute as a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid >= 16384))::text`

/** A view runs code with the rights of its maker or its reader; some engines read what is somewhere else. */
const MYSQL_HARMLESS = `table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND engine IN ('InnoDB', 'MyISAM', 'Aria', 'ROCKSDB')`

const isSameFolded = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** Names of tables are compared without regard to case where a server may be told to do so. */
const WORDS: Readonly<Record<ServerKind, Words>> = {
  postgres: {
    find: (places) => `select n.nspname, c.relname, ${POSTGRES_HARMLESS},
    (select json_agg(a.attname) from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and (n.nspname, c.relname) in (${listed(places, literal)}) order by 1, 2`,
    name: ident,
    asText: (value) => `(${value})::text`,
    same: (a, b) => a === b,
  },
  mysql: {
    find: (places) => `SELECT t.table_schema AS place, t.table_name AS name,
    IF(${MYSQL_HARMLESS}, 'true', 'false') AS harmless, (SELECT JSON_ARRAYAGG(c.column_name)
      FROM information_schema.columns AS c WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name) AS columns
    FROM information_schema.tables AS t
    WHERE t.table_schema = DATABASE() AND LOWER(t.table_name) IN (${folded(places, mysqlLiteral)}) ORDER BY 1, 2`,
    name: mysqlIdent,
    asText: (value) => `CAST(${value} AS CHAR)`,
    same: isSameFolded,
  },
  sqlite: {
    find: (places) => `SELECT schema AS place, name, iif(type = 'table', 'true', 'false') AS harmless,
    (SELECT json_group_array(c.name) FROM pragma_table_xinfo(l.name, 'main') AS c) AS columns
    FROM pragma_table_list AS l WHERE schema = 'main' AND lower(name) IN (${folded(places, sqliteLiteral)}) ORDER BY 1, 2`,
    name: sqliteIdent,
    asText: (value) => `CAST(${value} AS TEXT)`,
    same: isSameFolded,
  },
}

function listed(places: readonly Place[], quoted: (text: string) => string): string {
  return places.map((place) => `(${place.map(quoted).join(', ')})`).join(', ')
}

function folded(places: readonly Place[], quoted: (text: string) => string): string {
  return places.map(([, table]) => quoted(table.toLowerCase())).join(', ')
}

/** Rows as `find` gives them. */
type Rows = readonly (readonly (string | null)[])[]

export interface FoundTable {
  readonly kind: ServerKind
  readonly schema: string
  readonly table: string
  readonly isHarmless: boolean
}

export interface FoundLedger extends FoundTable {
  readonly ledger: NativeLedger
}

/**
 * SQL that finds tables which may be one of the ledgers. Rows: see Words.
 * @param ownSchema the tenant's schema, `public` for one that has the whole database; on MySQL and SQLite the tenant's
 *   own database is looked at, whatever it is called
 */
export function findLedgers(
  kind: ServerKind,
  ledgers: readonly NativeLedger[],
  ownSchema: string,
  place?: LedgerPlace,
): string {
  const places = ledgers.flatMap((ledger) => {
    const schemas = place === undefined ? ledger.schemas : [place.schema ?? '']
    const table = place?.table ?? ledger.table
    const tables = ledger.lock === undefined ? [table] : [table, table + ledger.lock.ending]
    return schemas.flatMap((schema) =>
      tables.map((name): Place => [schema === '' ? ownSchema : schema, name]),
    )
  })
  return WORDS[kind].find(places)
}

/**
 * The ledgers among the rows of `findLedgers`. In a place that was named, where the table's name says nothing, the
 * ledger with the most columns counts.
 */
export function foundLedgers(
  kind: ServerKind,
  ledgers: readonly NativeLedger[],
  rows: Rows,
  place?: LedgerPlace,
): FoundLedger[] {
  const { same } = WORDS[kind]
  return rows.flatMap(([schema, table, isHarmless, names]) => {
    const columns = new Set(JSON.parse(names ?? '[]') as string[])
    const fitting = ledgers
      .filter((ledger) => same(place?.table ?? ledger.table, table ?? ''))
      .filter((ledger) => ledger.columns.every((name) => columns.has(name)))
      .filter((ledger) => !(ledger.lacks ?? []).some((name) => columns.has(name)))
    const closest =
      place === undefined
        ? fitting
        : fitting.toSorted((a, b) => b.columns.length - a.columns.length).slice(0, 1)
    return closest.map((ledger) => ({
      ledger,
      kind,
      schema: schema ?? '',
      table: table ?? '',
      isHarmless: isHarmless === 'true',
    }))
  })
}

/** The table in which the ledger's tool says that it is at work, among the rows of `findLedgers`. */
export function lockTableOf(
  { kind, ledger, schema, table }: FoundLedger,
  rows: Rows,
): FoundTable | undefined {
  const { lock } = ledger
  if (lock === undefined) return undefined
  const row = rows.find((one) => one[0] === schema && WORDS[kind].same(one[1] ?? '', table + lock.ending))
  const columns = JSON.parse(row?.[3] ?? '[]') as string[]
  if (!columns.includes(lock.column)) return undefined
  return { kind, schema, table: row?.[1] ?? '', isHarmless: row?.[2] === 'true' }
}

/**
 * SQL that reads the ledger, in its own order: id, checksum or null, state (see LedgerEntry), all as text. On
 * PostgreSQL for a search_path of pg_catalog alone.
 */
export function askEntries({ ledger, ...table }: FoundLedger): string {
  const { id, checksum, state, where, order } = ledger.rows
  const { asText } = WORDS[table.kind]
  return `select ${asText(id)} as entry_id, ${checksum === undefined ? 'null' : asText(checksum)} as entry_checksum,
    ${state ?? `'applied'`} as entry_state
    from ${qualified(table)}${where === undefined ? '' : ` where ${where}`} order by ${order}`
}

/** SQL that gives a row when the ledger's tool is at work, or has died at it. */
export function askLock({ ledger }: FoundLedger, table: FoundTable): string {
  return `select 1 as locked from ${qualified(table)} where ${WORDS[table.kind].name(ledger.lock?.column ?? '')} = 1`
}

/** The table as SQL names it. */
export function qualified({ kind, schema, table }: Pick<FoundTable, 'kind' | 'schema' | 'table'>): string {
  const { name } = WORDS[kind]
  return `${name(schema)}.${name(table)}`
}

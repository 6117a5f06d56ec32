/** The ledgers of other tools: which there are, which may be of a source, which of them a database has. */
import { ident, literal } from '../../engine/sql.ts'
import type { SourceKind } from '../sources/source.ts'
import { alembic } from './alembic.ts'
import { atlas } from './atlas.ts'
import { dbmate } from './dbmate.ts'
import { drizzle } from './drizzle.ts'
import { flyway } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose } from './goose.ts'
import { knex } from './knex.ts'
import type { LedgerTool, NativeLedger } from './ledger.ts'
import { nodePgMigrate } from './node-pg-migrate.ts'
import { prisma } from './prisma.ts'
import { rails } from './rails.ts'
import { sequelize } from './sequelize.ts'
import { typeorm } from './typeorm.ts'

export const LEDGERS: Readonly<Record<LedgerTool, NativeLedger>> = {
  alembic,
  atlas,
  dbmate,
  drizzle,
  flyway,
  'golang-migrate': golangMigrate,
  goose,
  knex,
  'node-pg-migrate': nodePgMigrate,
  prisma,
  rails,
  sequelize,
  typeorm,
}

export const LEDGER_TOOLS = Object.keys(LEDGERS) as [LedgerTool, ...LedgerTool[]]

/** The tools that can have applied a source's migrations, unless one is named. */
export function ledgersOf(kind: SourceKind, named?: LedgerTool): NativeLedger[] {
  if (named !== undefined) return [LEDGERS[named]]
  return kind === 'sql' ? [dbmate, golangMigrate, goose, flyway] : [LEDGERS[kind]]
}

/** Where to look, when the tool was told to put its ledger elsewhere. */
export interface LedgerPlace {
  /** The tenant's own when absent. */
  readonly schema?: string | undefined
  readonly table: string
}

/**
 * SQL that finds tables which may be one of the ledgers. Rows: schema, table, what kind of relation, whether reading
 * it runs nothing but PostgreSQL's own code (a table, no policies, built-in types), names of its columns as JSON.
 * @param ownSchema the tenant's schema, `public` for one that has the whole database
 */
export function findLedgers(
  ledgers: readonly NativeLedger[],
  ownSchema: string,
  place?: LedgerPlace,
): string {
  const places = ledgers.flatMap((ledger) => {
    const schemas = place === undefined ? ledger.schemas : [place.schema ?? '']
    const table = place?.table ?? ledger.table
    const tables = ledger.lock === undefined ? [table] : [table, table + ledger.lock.ending]
    return schemas.flatMap((schema) =>
      tables.map((name) => [schema === '' ? ownSchema : schema, name] as const),
    )
  })
  const wanted = places.map(([schema, table]) => `(${literal(schema)}, ${literal(table)})`)
  return `select n.nspname, c.relname, c.relkind, ${IS_HARMLESS},
    (select json_agg(a.attname) from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and (n.nspname, c.relname) in (${wanted.join(', ')}) order by 1, 2`
}

/** A view or a policy would run a tenant's code with the reader's rights; so would the output of its own type. */
const IS_HARMLESS = `(c.relkind = 'r' and not c.relrowsecurity and not exists (select from pg_attribute as a
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid >= 16384))::text`

export interface FoundTable {
  readonly schema: string
  readonly table: string
  readonly isHarmless: boolean
}

/** The table in which the ledger's tool says that it is at work, among the rows of `findLedgers`. */
export function lockTableOf(
  { ledger, schema, table }: FoundLedger,
  rows: readonly (readonly (string | null)[])[],
): FoundTable | undefined {
  const { lock } = ledger
  if (lock === undefined) return undefined
  const name = table + lock.ending
  const row = rows.find((one) => one[0] === schema && one[1] === name)
  const columns = JSON.parse(row?.[4] ?? '[]') as string[]
  if (!columns.includes(lock.column)) return undefined
  return { schema, table: name, isHarmless: row?.[3] === 'true' }
}

/** SQL that gives a row when the ledger's tool is at work, or has died at it. */
export function askLock({ ledger }: FoundLedger, table: FoundTable): string {
  return `select 1 from ${qualified(table)} where ${ident(ledger.lock?.column ?? '')} = 1`
}

export interface FoundLedger extends FoundTable {
  readonly ledger: NativeLedger
}

/**
 * The ledgers among the rows of `findLedgers`. In a place that was named, where the table's name says nothing, the
 * ledger with the most columns counts.
 */
export function foundLedgers(
  ledgers: readonly NativeLedger[],
  rows: readonly (readonly (string | null)[])[],
  place?: LedgerPlace,
): FoundLedger[] {
  return rows.flatMap(([schema, table, , isHarmless, names]) => {
    const columns = new Set(JSON.parse(names ?? '[]') as string[])
    const fitting = ledgers
      .filter((ledger) => place !== undefined || ledger.table === table)
      .filter((ledger) => ledger.columns.every((name) => columns.has(name)))
      .filter((ledger) => !(ledger.lacks ?? []).some((name) => columns.has(name)))
    const closest =
      place === undefined
        ? fitting
        : fitting.toSorted((a, b) => b.columns.length - a.columns.length).slice(0, 1)
    return closest.map((ledger) => ({
      ledger,
      schema: schema ?? '',
      table: table ?? '',
      isHarmless: isHarmless === 'true',
    }))
  })
}

/** The table as SQL names it. */
export function qualified({ schema, table }: Pick<FoundTable, 'schema' | 'table'>): string {
  return `${ident(schema)}.${ident(table)}`
}

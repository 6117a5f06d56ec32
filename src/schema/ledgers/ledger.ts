/**
 * What other migration tools write into a database about themselves: where it stands, how it is read, what a row of it
 * means. Descriptions only; nothing here talks to a database.
 */
export type LedgerTool =
  | 'alembic'
  | 'atlas'
  | 'dbmate'
  | 'drizzle'
  | 'flyway'
  | 'golang-migrate'
  | 'goose'
  | 'knex'
  | 'node-pg-migrate'
  | 'prisma'
  | 'rails'
  | 'sequelize'
  | 'typeorm'

export interface NativeLedger {
  readonly tool: LedgerTool
  /** Its name unless the tool is told otherwise. */
  readonly table: string
  /** Where the tool puts it unless told otherwise; '' is the tenant's own schema. */
  readonly schemas: readonly string[]
  /** Columns that tell it from other tables of this name. */
  readonly columns: readonly string[]
  readonly lacks?: readonly string[]
  /**
   * SQL that reads it, in its own order: id, checksum or null, time in ISO 8601 or null, state (see LedgerEntry), all
   * as text. For a search_path of pg_catalog alone.
   * @param table quoted
   */
  select(table: string): string
  /** The form of an id that two spellings of the same have in common; the id itself when absent. */
  keyOf?(id: string): string
  /** What an entry says beyond itself: nothing; all that comes before it, too; or the revisions that it builds on. */
  readonly reach: 'itself' | 'all before' | 'what it requires'
  /** A table beside it, named like it with this ending, that says in a column with 1 that the tool is at work. */
  readonly lock?: { readonly ending: string; readonly column: string }
  /** Entries are known by their checksums first: their ids are times. */
  readonly byChecksum?: boolean
}

/**
 * `applied`: wholly there. `baseline`: there with all before it, without having been run. `undone`: was there once.
 * `failed`, `unfinished`: nobody knows what of it is there.
 */
export type EntryState = 'applied' | 'baseline' | 'undone' | 'failed' | 'unfinished'

export interface LedgerEntry {
  readonly id: string
  readonly checksum: string | null
  /** ISO 8601. */
  readonly appliedAt: string | null
  readonly state: EntryState
}

/** The entries of rows as `select` gives them. */
export function entriesOf(rows: readonly (readonly (string | null)[])[]): LedgerEntry[] {
  return rows.map(([id, checksum, appliedAt, state]) => ({
    id: id ?? '',
    checksum: checksum ?? null,
    appliedAt: appliedAt ?? null,
    state: (state ?? 'applied') as EntryState,
  }))
}

/** A time column as ISO 8601 text; of one without a zone it is taken for UTC, as servers mostly are set. */
export function isoTime(column: string): string {
  return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

/** Digits without zeros in front. */
export function plainNumber(id: string): string {
  return id.replace(/^0+(?=\d)/, '')
}

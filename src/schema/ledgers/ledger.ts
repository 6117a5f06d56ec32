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

/**
 * What its rows say, in SQL that PostgreSQL, MySQL and SQLite take for the same. Columns have the types that the tool
 * gives them there, so what is shown as text is cast by whoever asks.
 */
export interface LedgerRows {
  readonly id: string
  /** Of the content; null where the tool keeps none. */
  readonly checksum?: string
  /** See LedgerEntry; all are `applied` when absent. */
  readonly state?: string
  readonly where?: string
  /** The tool's own order. */
  readonly order: string
}

export interface NativeLedger {
  readonly tool: LedgerTool
  /** Its name unless the tool is told otherwise. */
  readonly table: string
  /** Where the tool puts it unless told otherwise; '' is the tenant's own schema. */
  readonly schemas: readonly string[]
  /** Columns that tell it from other tables of this name. */
  readonly columns: readonly string[]
  readonly lacks?: readonly string[]
  readonly rows: LedgerRows
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
  readonly state: EntryState
}

/** The entries of rows as `askEntries` gives them. */
export function entriesOf(rows: readonly (readonly (string | null)[])[]): LedgerEntry[] {
  return rows.map(([id, checksum, state]) => ({
    id: id ?? '',
    checksum: checksum ?? null,
    state: (state ?? 'applied') as EntryState,
  }))
}

/** Digits without zeros in front. */
export function plainNumber(id: string): string {
  return id.replace(/^0+(?=\d)/, '')
}

/** What each kind of database must bring so that schemas can be inspected, planned for and changed. */
import type { ServerAddress } from '../../engine/address.ts'
import type { KindRule } from '../plan/action.ts'
import type { PlanStep } from '../plan/plan.ts'
import type { DialectName, Properties, SchemaObject, Snapshot } from '../snapshot/snapshot.ts'

export type Row = Readonly<Record<string, unknown>>

/**
 * One connection to one database. Statements run in the order they are asked for. Failures are `DatabaseFailure`s:
 * in every dialect a lock that was not granted in time is 55P03, a deadlock 40P01, a lost connection class 08; all
 * else keeps the server's own SQLSTATE.
 */
export interface SchemaSession {
  readonly dialect: DialectName
  /** Where it leads, without a password: for messages. */
  readonly label: string
  /** Runs one or several statements; rows of the last one that gives any. Values come as the driver's plain types. */
  query(sql: string): Promise<readonly Row[]>
  close(): Promise<void>
}

export interface InspectOptions {
  /** Only this schema (PostgreSQL), its name replaced by `MASKED_SCHEMA` wherever it stands. */
  readonly maskSchema?: string
  /** Schemas to leave out, e.g. the ledger's. Tenantry's own are always left out. */
  readonly excludeSchemas?: readonly string[]
}

/** A database of its own to load statements into; gone when closed. */
export interface Scratch {
  readonly url: string
  readonly session: SchemaSession
  close(): Promise<void>
}

/** A connection URL; or an address of the registry, which has the authority of the server's certificate with it. */
export type Place = string | ServerAddress

export interface WriteMark {
  /**
   * Equal to an earlier one, when nobody is in the database: nothing was written to it between the two, not a row of
   * its catalogue either.
   */
  readonly mark: string
  /** Whether somebody is connected to it, whose last writes the mark may not have yet. */
  readonly inUse: boolean
}

export interface Dialect {
  readonly name: DialectName
  /** @throws TenantryError `server_unreachable`, `server_refused`. */
  connect(place: Place): Promise<SchemaSession>
  /** Reads the schema in one consistent read-only transaction. */
  inspect(session: SchemaSession, options?: InspectOptions): Promise<Snapshot>
  /**
   * A short text that is equal for two databases exactly when their schemas are, without reading it object by
   * object: a fleet is audited with it. Not comparable to `Snapshot.fingerprint`, nor between server versions.
   */
  catalogueFingerprint(session: SchemaSession, options?: InspectOptions): Promise<string>
  /**
   * A text that stays the same for as long as nothing in this one database's catalogue is changed; cheaper than
   * `catalogueFingerprint`, and not comparable between databases. Left out where there is nothing cheaper.
   */
  readonly changeMarker?: (session: SchemaSession) => Promise<string>
  /**
   * Asked on any database of a server about others of it, by name: which of them nobody writes to. A database that
   * the server cannot vouch for has no entry. Left out where a server cannot tell.
   */
  readonly writeMarks?: (
    session: SchemaSession,
    databases: readonly string[],
  ) => Promise<ReadonlyMap<string, WriteMark>>
  /**
   * A statement that fails, with a message of its own, unless `catalogueFingerprint` is one of these: it goes first
   * in a change that was planned for one schema and must not meet another.
   */
  guard?(accepted: readonly string[], options?: InspectOptions): string
  /** Statements as the SQL of a version, where semicolons between them would not do. */
  readonly versionScript?: (statements: readonly string[]) => string
  /** Makes an empty scratch database on the server of `place`. */
  scratch(place: Place): Promise<Scratch>
  /** Rules by kind. */
  readonly rules: Readonly<Record<string, KindRule>>
  /** By kind. Among actions that no dependency orders, lower is created first and dropped last. */
  readonly priority: Readonly<Record<string, number>>
  /**
   * Names that the object holds and no other can hold at the same time, e.g. `relation public.orders` for a table,
   * view, index or sequence: whoever is dropped goes before whoever is created with the same claim. A claim that
   * begins with `~` is a wish, given up when it would make a circle.
   */
  readonly claims?: (object: SchemaObject) => readonly string[]
  /** Whether a transaction can hold DDL and be rolled back. */
  readonly transactionalDdl: boolean
  /** Whether a lock is one table's, so that it pays to change tables in transactions of their own. */
  readonly locksTables: boolean
  /**
   * The facts of an object of the target as they will be in the source's database, whose object `from` it was made of:
   * where they tell of something that is no property and not changed. Left out where there is nothing like that.
   */
  readonly factsReached?: (to: SchemaObject, from: SchemaObject | undefined) => Properties
  /** Statements that go before all others of a plan, e.g. `SET check_function_bodies = off`; each without semicolon. */
  readonly preamble: readonly string[]
  /** A statement of the preamble that holds until the transaction ends. Left out where versions have none. */
  readonly inTransaction?: (statement: string) => string
  /** A name as it stands in a statement: each part quoted, joined by dots. */
  quote(name: readonly string[]): string
  /** Begins a transaction that changes the schema, e.g. `BEGIN`, in SQLite `BEGIN IMMEDIATE`. */
  readonly begin: string
  /** Statements that set the timeouts of what follows, from then on. */
  settings(step: Pick<PlanStep, 'lockTimeoutMs' | 'statementTimeoutMs'>): readonly string[]
  /**
   * Takes the one lock of the tenant whose database this is, until the session ends, however it ends.
   * @returns false when another session holds it
   */
  lock(session: SchemaSession): Promise<boolean>
  /**
   * Removes what an interrupted step outside of transactions left behind and no snapshot shows: in PostgreSQL the
   * invalid index of a CREATE or DROP INDEX CONCURRENTLY. Left out where statements leave nothing.
   * @param when whether the step is about to run, or counts as applied by what the snapshot shows
   */
  readonly clearLeftovers?: (
    session: SchemaSession,
    step: PlanStep,
    when: 'before' | 'applied',
  ) => Promise<void>
  /**
   * Ends a step outside of transactions that was interrupted where it cannot be begun again: in PostgreSQL a partition
   * that is half detached. Left out where statements leave nothing like that.
   * @returns whether there was one, and the step is done
   */
  readonly finishInterrupted?: (session: SchemaSession, step: PlanStep) => Promise<boolean>
  /** The same snapshot with one object under another name, parts and dependencies following. */
  rename(snapshot: Snapshot, from: SchemaObject, name: readonly string[]): Snapshot
}

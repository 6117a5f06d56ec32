/** What every source of versions gives, whatever its files look like. */
import { TenantryError } from '../../lib/errors.ts'
import type { VersionDialect } from '../version-dialects.ts'

export type SourceKind =
  | 'sql'
  | 'alembic'
  | 'prisma'
  | 'drizzle'
  | 'knex'
  | 'sequelize'
  | 'node-pg-migrate'
  | 'typeorm'
  | 'atlas'

/** Where SQL begins: for the messages of errors. */
export interface Place {
  readonly file: string
  /** The 1-based line of the file that the SQL begins with; 0 when a line was put above the file's first. */
  readonly line: number
}

export interface SourceVersion {
  /** As the tool of the source calls it: `0003`, `20260112143000`, `1.2`, `8d2e5b7c4a21`, `20260112_add_x`. */
  readonly revision: string
  readonly description: string
  /** With `-- tenantry: no-transaction` on top where the file asks for that. */
  readonly upgradeSql: string
  /** Null when there is none, or when it has no statement although the upgrade has. */
  readonly downgradeSql: string | null
  readonly upgradeAt?: Place
  readonly downgradeAt?: Place
  /** Why there is no downgrade, in words, where the source knows. */
  readonly downgradeMissing?: string
  /** What the tool itself writes into its ledger of it. */
  readonly native?: Native
  /** Revisions that must be there before it, where that is not just the one before: Alembic's parents. */
  readonly requires?: readonly string[]
}

export interface Native {
  /** Its name there, where that is not the revision. */
  readonly id?: string
  /** As the tool counts it; several where it takes several for the same. */
  readonly checksums?: readonly string[]
  /** Ids in the ledger that stand for it and for all before it: Atlas's checkpoints. */
  readonly standIns?: readonly string[]
}

/** What to render: everything after `after` (from the start when absent) up to and including `target`. */
export interface Range {
  readonly after?: string | undefined
  /** A revision, or `head`. */
  readonly target: string
}

export interface Rendered {
  /** The last revision of the range: the `after` of the next one. */
  readonly revision: string
  readonly upgradeSql: string
  /** In reverse order; null when not all of the range can be undone. */
  readonly downgradeSql: string | null
  /** Why there is no downgrade, in words. */
  readonly downgradeMissing: string | null
  /** Revisions in order of application. */
  readonly revisions: readonly string[]
}

export interface Source {
  readonly kind: SourceKind
  /** As it was given. */
  readonly path: string
  /** For a kind that is read in several ways: which one it is here, in words. */
  layout?(): Promise<string>
  /**
   * All versions in order of application.
   * @param dialect what their SQL is to be in; default `postgres`
   * @throws TenantryError `source_invalid` naming the file and the fault, also for a source of another dialect.
   */
  list(dialect?: VersionDialect): Promise<SourceVersion[]>
  /** For sources that can name their revisions for less than `list()` takes. */
  revisions?(dialect?: VersionDialect): Promise<Pick<SourceVersion, 'revision' | 'native' | 'requires'>[]>
  /** For sources whose own tool renders a range; the others are rendered from `list()`. */
  render?(range: Range, dialect?: VersionDialect): Promise<Rendered>
}

/** Given to projects that take their URL from the environment: only its dialect counts, nothing connects. */
export const OFFLINE_URL: Readonly<Record<VersionDialect, string>> = {
  postgres: 'postgresql://offline/offline',
  mysql: 'mysql://offline/offline',
  sqlite: 'sqlite:///offline.db',
}

export const DIALECT_NAMES: Readonly<Record<VersionDialect, string>> = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL',
  sqlite: 'SQLite',
}

/**
 * A project that says itself what it is written for.
 * @param where names what says so
 * @param said what it says, and which dialect that is, where it is one
 * @throws TenantryError `source_invalid` when that is another dialect
 */
export function expectDialect(
  where: string,
  said: { readonly word: string; readonly dialect: VersionDialect | undefined },
  wanted: VersionDialect,
): void {
  if (said.dialect === wanted) return
  throw sourceInvalid(
    `${where} is for ${said.word}, not for ${DIALECT_NAMES[wanted]}`,
    said.dialect === undefined
      ? `Name a folder of migrations for ${DIALECT_NAMES[wanted]}.`
      : `If that is meant: --dialect ${said.dialect}.`,
  )
}

export function sourceInvalid(message: string, nextStep: string, cause?: unknown): TenantryError {
  return new TenantryError('source_invalid', message, { nextSteps: [nextStep], cause })
}

/** Runs what may find fault with SQL; the error then begins with where that SQL is. */
export function locating<T>(where: string, run: () => T): T {
  try {
    return run()
  } catch (thrown) {
    if (!(thrown instanceof TenantryError)) throw thrown
    throw new TenantryError(thrown.code, `${where}: ${thrown.message}`, thrown.facts)
  }
}

const SHOWN_REVISIONS = 20

function listed(revisions: readonly string[]): string {
  const left = revisions.length - SHOWN_REVISIONS
  const shown = revisions.slice(-SHOWN_REVISIONS).join(', ')
  if (revisions.length === 0) return 'There are no revisions.'
  return left > 0 ? `The last of ${revisions.length} revisions: ${shown}.` : `Revisions: ${shown}.`
}

export function unknownRevision(revision: string, known: readonly string[]): TenantryError {
  return new TenantryError(
    'invalid_input',
    `There is no revision ${JSON.stringify(revision)} in the source`,
    {
      nextSteps: [listed(known)],
    },
  )
}

export function targetBeforeAfter(range: Range, known: readonly string[]): TenantryError {
  return new TenantryError(
    'invalid_input',
    `Revision ${range.target} comes before ${range.after}: there is no way up from one to the other`,
    { nextSteps: [listed(known)] },
  )
}

export function nothingToDo(range: Range, known: readonly string[]): TenantryError {
  const message =
    known.length === 0
      ? 'The source has no revisions, so there is nothing to make a version of'
      : `There is nothing after revision ${range.after} to make a version of`
  return new TenantryError('invalid_input', message, { nextSteps: [listed(known)] })
}

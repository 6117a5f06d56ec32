/** One statement as it was seen to work: the books before and after it. What rules are given. */
import type { Books, Column, Constraint, Relation } from './books.ts'

export interface Watched {
  readonly statement: number
  readonly line: number
  readonly sql: string
  /** The server's tag, `ALTER TABLE`, `DELETE 0`; empty when it failed. */
  readonly command: string
  readonly inTransaction: boolean
  readonly before: Books
  readonly after: Books
  /** Tables that were there before the version: those that hold rows. */
  readonly existing: ReadonlySet<string>
  /** Of those, the ones known to be so small that nothing takes long. */
  readonly small: ReadonlySet<string>
  /** The line from which on a relation is locked against writers in this transaction. */
  readonly lockedSince: ReadonlyMap<string, number>
}

/** There before the version, and there still. */
export function staying(watched: Watched): { before: Relation; after: Relation }[] {
  return [...watched.before.relations.values()].flatMap((before) => {
    const after = watched.after.relations.get(before.oid)
    return after === undefined || !watched.existing.has(before.oid) ? [] : [{ before, after }]
  })
}

/** Tables whose contents may be large. */
export function large(watched: Watched): { before: Relation; after: Relation }[] {
  return staying(watched).filter(({ before }) => 'rm'.includes(before.kind) && !watched.small.has(before.oid))
}

export function isRewritten({ before, after }: { before: Relation; after: Relation }): boolean {
  return before.file !== after.file
}

/** Removed all at once: nothing is copied. */
export function isTruncation(watched: Watched): boolean {
  return watched.command.startsWith('TRUNCATE')
}

/** On tables that were there before the version. */
export function changedColumns(watched: Watched): { before: Column; after: Column }[] {
  return [...watched.before.columns].flatMap(([key, before]) => {
    const after = watched.after.columns.get(key)
    return after === undefined || !watched.existing.has(before.table) ? [] : [{ before, after }]
  })
}

export function newColumns(watched: Watched): Column[] {
  return [...watched.after.columns]
    .filter(([key, column]) => !watched.before.columns.has(key) && watched.existing.has(column.table))
    .map(([, column]) => column)
}

/** New ones that hold for all rows, and old ones that were made to. */
export function validatedConstraints(watched: Watched): Constraint[] {
  // A change of a column's type makes its constraints anew.
  const known = [...watched.before.constraints.values()].filter(({ validated }) => validated)
  const names = new Set(known.map(({ table, name }) => `${table} ${name}`))
  return [...watched.after.constraints.values()].filter(
    ({ validated, inherited, table, name }) =>
      validated && !inherited && watched.existing.has(table) && !names.has(`${table} ${name}`),
  )
}

export function newIndexes(watched: Watched): Relation[] {
  return [...watched.after.relations.values()].filter(
    ({ oid, kind, table }) =>
      kind === 'i' && table !== null && !watched.before.relations.has(oid) && watched.existing.has(table),
  )
}

export function nameOf(watched: Watched, oid: string): string {
  return (watched.after.relations.get(oid) ?? watched.before.relations.get(oid))?.name ?? oid
}

const MOST_NAMED = 4

/** Their names for a sentence; partitions go by the table that they are parts of. */
export function namesOf(watched: Watched, oids: readonly string[]): string {
  const names = [...new Set(oids.map((oid) => nameOf(watched, rootOf(watched, oid))))]
  const more = names.length - MOST_NAMED
  return more > 1 ? `${names.slice(0, MOST_NAMED).join(', ')} and ${more} more` : names.join(' and ')
}

export function rootOf(watched: Watched, oid: string): string {
  return (watched.after.relations.get(oid) ?? watched.before.relations.get(oid))?.root ?? oid
}

/** Tables that are gone through as a whole while a lock on them keeps their writers waiting. */
import { lockWords, STOPS_WRITERS, stoppingLock, type Relation } from '../books.ts'
import type { Saying } from '../finding.ts'
import {
  changedColumns,
  isRewritten,
  large,
  nameOf,
  newColumns,
  newIndexes,
  validatedConstraints,
  type Watched,
} from '../watched.ts'

export function longLock(watched: Watched): Saying[] {
  if (!watched.inTransaction) return reindexed(watched)
  const blocked = large(watched)
    .filter((one) => !isRewritten(one) && one.after.scans > one.before.scans && isOwnDoing(watched, one))
    .map(({ after }) => after)
  return [...(blocked.length === 0 ? [] : [scanned(watched, blocked)]), ...held(watched, blocked)]
}

/** Locked by the statement itself, or it would have been: an earlier one may have taken the lock already. */
function isOwnDoing(watched: Watched, { before, after }: { before: Relation; after: Relation }): boolean {
  if (stoppingLock(after) === undefined) return false
  const taken = after.locks.some((mode) => !before.locks.includes(mode) && STOPS_WRITERS.includes(mode))
  return taken || insteadOf(watched, new Set([after.oid])) !== null
}

function scanned(watched: Watched, tables: readonly Relation[]): Saying {
  const locks = tables.map((table) => `${table.name} (${lockWords(stoppingLock(table) ?? '')})`)
  const readers = tables.some((table) => stoppingLock(table) === 'AccessExclusiveLock')
  return {
    rule: 'long-lock',
    hazard: 'long-lock',
    level: 'error',
    message: `It reads ${tables.map(({ name }) => name).join(' and ')} from end to end and keeps locked ${locks.join(' and ')}: nobody can ${readers ? 'read or write' : 'write'} there meanwhile.`,
    instead: insteadOf(watched, new Set(tables.map(({ oid }) => oid))),
  }
}

function insteadOf(watched: Watched, tables: ReadonlySet<string>): string | null {
  const on = ({ table }: { table: string | null }): boolean => table !== null && tables.has(table)
  const constraint = validatedConstraints(watched).find((one) => on(one) && 'cf'.includes(one.type))
  const keyed = validatedConstraints(watched).find((one) => on(one) && 'pu'.includes(one.type))
  const strict = changedColumns(watched).find(
    ({ before, after }) => on(before) && after.notNull && !before.notNull,
  )
  if (keyed !== undefined)
    return 'CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE … ADD CONSTRAINT … USING INDEX.'
  if (newIndexes(watched).some(on)) return 'CREATE INDEX CONCURRENTLY.'
  if (strict !== undefined)
    return `ADD CONSTRAINT … CHECK (${strict.after.name} IS NOT NULL) NOT VALID; VALIDATE CONSTRAINT in a transaction of its own; then SET NOT NULL, which reads nothing any more; drop the check.`
  if (constraint !== undefined)
    return `Add ${constraint.name} with NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own.`
  if (newColumns(watched).some(on))
    return 'Give the new column a constant default, or let it be NULL at first.'
  return null
}

/**
 * Work under a lock that an earlier statement of the transaction took: it is kept until the end.
 * @param own tables of which the same was said already
 */
function held(watched: Watched, own: readonly Relation[]): Saying[] {
  const busy = large(watched).filter(
    (one) => one.after.scans > one.before.scans || (one.before.kind === 'r' && isRewritten(one)),
  )
  const said = new Set([
    ...own.map(({ oid }) => oid),
    ...busy.filter(isRewritten).map(({ before }) => before.oid),
  ])
  const locked = large(watched).filter(
    ({ before }) =>
      watched.lockedSince.has(before.oid) &&
      busy.some((one) => one.before.oid !== before.oid || !said.has(before.oid)),
  )
  if (locked.length === 0) return []
  const names = locked.map(
    ({ before }) =>
      `${before.name} (${lockWords(stoppingLock(before) ?? '')} since line ${watched.lockedSince.get(before.oid)})`,
  )
  return [
    {
      rule: 'held-lock',
      hazard: 'long-lock',
      level: 'error',
      message: `${names.join(' and ')} ${locked.length === 1 ? 'stays' : 'stay'} locked while this works through ${busy.map((one) => one.after.name).join(' and ')}.`,
      instead:
        'End the transaction before it (BEGIN … COMMIT around what belongs together), or put it into a version of its own.',
    },
  ]
}

/** The index is the same one and kept in a new file: its table was locked while it was built. */
function reindexed(watched: Watched): Saying[] {
  const tables = new Set<string>()
  for (const [oid, before] of watched.before.relations) {
    const after = watched.after.relations.get(oid)
    const { table } = before
    if (before.kind !== 'i' || table === null || after === undefined || after.file === before.file) continue
    const home = watched.after.relations.get(table)
    const copied = home?.file !== watched.before.relations.get(table)?.file
    if (!copied && watched.existing.has(table) && !watched.small.has(table)) tables.add(table)
  }
  return [...tables].map((table) => ({
    rule: 'long-lock',
    hazard: 'long-lock',
    level: 'error',
    message: `Indexes of ${nameOf(watched, table)} are built anew, and nobody can write to it meanwhile.`,
    instead: 'REINDEX … CONCURRENTLY.',
  }))
}

/** Tables that are gone through as a whole while a lock on them keeps their writers waiting. */
import { lockWords, STOPS_WRITERS, stoppingLock, type Relation } from '../books.ts'
import type { Saying } from '../finding.ts'
import {
  changedColumns,
  isRewritten,
  large,
  nameOf,
  namesOf,
  newColumns,
  newIndexes,
  rootOf,
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
  return taken || insteadOf(watched, [after.oid]) !== null
}

function scanned(watched: Watched, tables: readonly Relation[]): Saying {
  const modes = [...new Set(tables.map((table) => lockWords(stoppingLock(table) ?? '')))]
  const readers = tables.some((table) => stoppingLock(table) === 'AccessExclusiveLock')
  const oids = tables.map(({ oid }) => oid)
  return {
    rule: 'long-lock',
    hazard: 'long-lock',
    level: 'error',
    message: `It reads ${namesOf(watched, oids)} from end to end under a lock (${modes.join(', ')}): nobody can ${readers ? 'read or write' : 'write'} there meanwhile.`,
    instead: insteadOf(watched, oids),
  }
}

function insteadOf(watched: Watched, oids: readonly string[]): string | null {
  const tables = new Set(oids.flatMap((oid) => [oid, rootOf(watched, oid)]))
  const on = ({ table }: { table: string | null }): boolean => table !== null && tables.has(table)
  const constraint = validatedConstraints(watched).find((one) => on(one) && 'cf'.includes(one.type))
  const keyed = validatedConstraints(watched).find((one) => on(one) && 'pu'.includes(one.type))
  const strict = changedColumns(watched).find(
    ({ before, after }) => on(before) && after.notNull && !before.notNull,
  )
  if (keyed !== undefined)
    return 'CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE … ADD CONSTRAINT … USING INDEX.'
  if (newIndexes(watched).some(on)) return indexInstead(watched, tables)
  if (strict !== undefined)
    return `ADD CONSTRAINT … CHECK (${strict.after.name} IS NOT NULL) NOT VALID; VALIDATE CONSTRAINT in a transaction of its own; then SET NOT NULL, which reads nothing any more; drop the check.`
  if (constraint !== undefined)
    return `Add ${constraint.name} with NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own.`
  if (newColumns(watched).some(on))
    return 'Give the new column a constant default, or let it be NULL at first.'
  return null
}

function indexInstead(watched: Watched, tables: ReadonlySet<string>): string {
  const isPart = [...tables].some((oid) => rootOf(watched, oid) !== oid)
  return isPart
    ? 'CREATE INDEX … ON ONLY the table, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION.'
    : 'CREATE INDEX CONCURRENTLY.'
}

/**
 * Work under a lock that an earlier statement of the transaction took: it is kept until the end.
 * @param own tables of which the same was said already
 */
function held(watched: Watched, own: readonly Relation[]): Saying[] {
  const busy = large(watched).filter(
    (one) => one.after.scans > one.before.scans || (one.before.kind === 'r' && isRewritten(one)),
  )
  if (busy.length === 0) return []
  const rootsOf = (oids: readonly string[]): Set<string> => new Set(oids.map((oid) => rootOf(watched, oid)))
  const rewritten = busy.filter(isRewritten).map(({ before }) => before.oid)
  const said = rootsOf([...own.map(({ oid }) => oid), ...rewritten])
  const works = rootsOf(busy.map(({ before }) => before.oid))
  const locked = large(watched).filter(({ before: { oid } }) => {
    const root = rootOf(watched, oid)
    return watched.lockedSince.has(oid) && (!said.has(root) || [...works].some((other) => other !== root))
  })
  if (locked.length === 0) return []
  const since = Math.min(...locked.map(({ before }) => watched.lockedSince.get(before.oid) ?? 0))
  const modes = [...new Set(locked.map(({ before }) => lockWords(stoppingLock(before) ?? '')))]
  const names = namesOf(
    watched,
    locked.map(({ before }) => before.oid),
  )
  const worked = namesOf(
    watched,
    busy.map(({ before }) => before.oid),
  )
  return [
    {
      rule: 'held-lock',
      hazard: 'long-lock',
      level: 'error',
      message: `Locked since line ${since} (${modes.join(', ')}) and not to be used while this works through ${worked}: ${names}.`,
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

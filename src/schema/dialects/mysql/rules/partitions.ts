/** Partitions: added, dropped and reorganised where the table stays partitioned in the same way, else made anew. */
import { sameJson } from '../../../snapshot/canonical.ts'
import { objectId, type Properties } from '../../../snapshot/snapshot.ts'
import type { RuleContext } from '../../../plan/action.ts'
import type { Partitioning } from '../text/show-create-table.ts'
import { tokensOf } from '../text/tokens.ts'
import type { Clause } from './clause.ts'

export interface PartitionChange {
  /** Each a statement of its own, before and after the other changes of the table. */
  readonly before: readonly Clause[]
  readonly after: readonly Clause[]
  /** What ends the statement with the other changes. */
  readonly tail: string
}

const NOTHING: PartitionChange = { before: [], after: [], tail: '' }

export function partitionChange(table: string, context: RuleContext): PartitionChange {
  const id = objectId('table', table)
  const from = partitioningOf(context.before(id)?.properties)
  const to = partitioningOf(context.after(id)?.properties)
  if (sameJson((from ?? null) as never, (to ?? null) as never)) return NOTHING
  if (to === undefined) return { ...NOTHING, tail: 'REMOVE PARTITIONING' }
  const clause = from === undefined || from.by !== to.by ? undefined : clauseFor(from, to)
  if (clause === undefined) return { ...NOTHING, tail: partitioningText(to) }
  return { ...NOTHING, after: [clause] }
}

function partitioningOf(properties: Properties | undefined): Partitioning | undefined {
  return properties?.['partitioning'] as Partitioning | undefined
}

export function partitioningText(partitioning: Partitioning): string {
  const { by, count, partitions } = partitioning
  // SUBPARTITION BY comes after the number of partitions.
  const [own = '', sub] = by.split(/ (?=SUBPARTITION BY )/)
  const number = count === undefined ? '' : ` PARTITIONS ${count}`
  const list = partitions === undefined ? '' : ` (${partitions.join(', ')})`
  return `PARTITION BY ${own}${number}${sub === undefined ? '' : ` ${sub}`}${list}`
}

function clauseFor(from: Partitioning, to: Partitioning): Clause | undefined {
  const [before, after] = [from.partitions ?? [], to.partitions ?? []]
  if (/^(?:LINEAR )?(?:HASH|KEY)\b/i.test(to.by)) return countClause(from, to)
  if (/^LIST\b/i.test(to.by)) return listClause(before, after)
  return /^RANGE\b/i.test(to.by) ? rangeClause(before, after) : undefined
}

function countClause(from: Partitioning, to: Partitioning): Clause | undefined {
  if (from.count === undefined || to.count === undefined) return undefined
  const more = to.count - from.count
  const sql = more > 0 ? `ADD PARTITION PARTITIONS ${more}` : `COALESCE PARTITION ${-more}`
  return { what: 'repartition', sql }
}

function nameOf(partition: string): string {
  return tokensOf(partition)[1]?.text ?? ''
}

function add(partitions: readonly string[]): Clause {
  return { what: 'add partition', sql: `ADD PARTITION (${partitions.join(', ')})` }
}

function drop(partitions: readonly string[]): Clause {
  return {
    what: 'drop partition',
    sql: `DROP PARTITION ${partitions.map(nameOf).join(', ')}`,
    names: partitions.map(nameOf),
  }
}

function reorganize(from: readonly string[], to: readonly string[]): Clause {
  return {
    what: 'reorganize partition',
    sql: `REORGANIZE PARTITION ${from.map(nameOf).join(', ')} INTO (${to.join(', ')})`,
  }
}

/** Rows of a partition that goes move to the next one; only what lies beyond the last one cannot be kept. */
function rangeClause(before: readonly string[], after: readonly string[]): Clause | undefined {
  let start = 0
  while (start < before.length && before[start] === after[start]) start++
  let same = 0
  while (same < Math.min(before.length, after.length) - start && before.at(-1 - same) === after.at(-1 - same))
    same++
  const gone = before.slice(start, before.length - same)
  const made = after.slice(start, after.length - same)
  if (gone.length === 0 && same === 0) return add(made)
  if (made.length === 0 && same === 0) return drop(gone)
  if (same > 0) {
    // The next one takes part, since the range between is its own.
    const next = after.slice(after.length - same, after.length - same + 1)
    return reorganize([...gone, ...next], [...made, ...next])
  }
  return reaches(made.at(-1), gone.at(-1)) ? reorganize(gone, made) : undefined
}

/** Whether the upper bound of a last partition is that of another or beyond it: the only way it may change. */
function reaches(partition: string | undefined, other: string | undefined): boolean {
  const [a, b] = [boundOf(partition), boundOf(other)]
  if (a === b || /^MAXVALUE$/i.test(a)) return true
  const [x, y] = [/^\((-?\d+)\)$/.exec(a)?.[1], /^\((-?\d+)\)$/.exec(b)?.[1]]
  if (x !== undefined && y !== undefined) return BigInt(x) >= BigInt(y)
  // Dates in quotes are ordered as text.
  const date = /^\('\d{4}-\d{2}-\d{2}[^']*'\)$/
  return date.test(a) && date.test(b) && a >= b
}

function boundOf(partition: string | undefined): string {
  return /VALUES LESS THAN (\(.*?\)|MAXVALUE)(?: [A-Z]|$)/is.exec(partition ?? '')?.[1] ?? ''
}

/** Every value of a partition that changes must have a place in the new ones, which the server checks. */
function listClause(before: readonly string[], after: readonly string[]): Clause | undefined {
  const gone = before.filter((one) => !after.includes(one))
  const made = after.filter((one) => !before.includes(one))
  const kept = before.filter((one) => after.includes(one))
  // ADD PARTITION appends: the order of the rest must be that of the target.
  if (!sameJson([...kept, ...made], after)) return undefined
  if (gone.length === 0) return add(made)
  if (made.length === 0) return drop(gone)
  return undefined
}

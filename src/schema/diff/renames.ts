/** Renames: given by hand, or found where exactly one dropped object has the same contents as one created. */
import { TenantryError } from '../../lib/errors.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { idOf, indexObjects, objectId, type SchemaObject, type Snapshot } from '../snapshot/snapshot.ts'
import { listAt, sideOf, type Side } from '../snapshot/side.ts'
import { diff, type Renamed } from './diff.ts'

export interface RenameHint {
  /** Id in the source, e.g. `column:public.orders.total`. */
  readonly from: string
  /** The last part of its new name, e.g. `amount`. */
  readonly to: string
}

/**
 * The source with the renames done, those renames, and what each one has led to.
 * @throws TenantryError `invalid_input` for an id that is not in the source, a kind that cannot be renamed, or a name
 * that is taken in the source or missing in the target
 */
export function applyRenames(
  dialect: Dialect,
  source: Snapshot,
  target: Snapshot,
  hints: readonly RenameHint[],
): { snapshot: Snapshot; changes: Renamed[]; states: Snapshot[] } {
  let snapshot = source
  const changes: Renamed[] = []
  const states: Snapshot[] = []
  const wanted = indexObjects(target)
  for (const hint of hints) {
    const known = indexObjects(snapshot)
    const from = known.get(hint.from)
    if (from === undefined) throw refused(hint, `${hint.from} is not in the source`)
    if (dialect.rules[from.kind]?.rename === undefined)
      throw refused(hint, `a ${from.kind} cannot be renamed`)
    const name = [...from.name.slice(0, -1), hint.to]
    const id = objectId(from.kind, ...name)
    if (known.has(id)) throw refused(hint, `${id} exists already`)
    if (!wanted.has(id)) throw refused(hint, `${id} is not in the target`)
    snapshot = dialect.rename(snapshot, from, name)
    changes.push({ type: 'rename', id, from, to: indexObjects(snapshot).get(id) as SchemaObject })
    states.push(snapshot)
  }
  return { snapshot, changes, states }
}

function refused(hint: RenameHint, why: string): TenantryError {
  return new TenantryError(
    'invalid_input',
    `The rename of ${hint.from} to ${hint.to} is not possible: ${why}.`,
  )
}

export interface PossibleRename extends RenameHint {
  /** Enough has stayed the same that no other explanation is likely: nothing has to be asked. */
  readonly certain: boolean
}

/** A table with this many equal parts is the same table; a lone column of a common type proves nothing. */
const PARTS_THAT_PROVE = 2

/**
 * Renames that explain a drop and a creation of the same kind, in the same place, with the same contents, where no
 * other pair is possible. What is ambiguous is left as a drop and a creation. In the order in which they are to be
 * made: the index of a renamed table is told under the table's new name.
 */
export function detectRenames(dialect: Dialect, source: Snapshot, target: Snapshot): PossibleRename[] {
  const found: PossibleRename[] = []
  for (let current = source; ;) {
    const possible = possibleRenames(dialect, current, target)
    const certain = possible.filter((rename) => rename.certain)
    if (certain.length === 0) return [...found, ...possible]
    found.push(...certain)
    current = applyRenames(dialect, current, target, certain).snapshot
  }
}

function possibleRenames(dialect: Dialect, source: Snapshot, target: Snapshot): PossibleRename[] {
  const before = sideOf(source)
  const after = sideOf(target)
  const changes = diff(source, target)
  const dropped = new Map<string, SchemaObject[]>()
  const created = new Map<string, SchemaObject[]>()
  for (const change of changes) {
    if (change.type === 'drop') listAt(dropped, contents(before, change.from)).push(change.from)
    if (change.type === 'create') listAt(created, contents(after, change.to)).push(change.to)
  }
  const gone = new Set(changes.flatMap((change) => (change.type === 'drop' ? [change.id] : [])))
  const taken = takenNames(dialect, source)
  const found: PossibleRename[] = []
  for (const [key, [from, another]] of dropped) {
    const [to, ambiguous] = created.get(key) ?? []
    if (from === undefined || to === undefined || another !== undefined || ambiguous !== undefined) continue
    const partOfDropped = from.parent !== null && gone.has(from.parent)
    if (dialect.rules[from.kind]?.rename === undefined || partOfDropped || taken(from, to)) continue
    found.push({ from: idOf(from), to: to.name.at(-1) as string, certain: isCertain(before, from) })
  }
  return found
}

/** Tells whether another object of the source still holds a name that the renamed one would need. */
function takenNames(dialect: Dialect, source: Snapshot): (from: SchemaObject, to: SchemaObject) => boolean {
  const claims = dialect.claims ?? (() => [])
  const holders = new Map<string, string>()
  for (const object of source.objects) for (const claim of claims(object)) holders.set(claim, idOf(object))
  return (from, to) => claims(to).some((claim) => ![undefined, idOf(from)].includes(holders.get(claim)))
}

function isCertain(side: Side, object: SchemaObject): boolean {
  if (object.kind === 'column') return false
  return object.kind !== 'table' || (side.parts.get(idOf(object))?.length ?? 0) >= PARTS_THAT_PROVE
}

/**
 * Everything but the object's own last name: where it is, what it is like, and its parts likewise. Of these only
 * columns count by name: indexes and constraints are often called after their table.
 */
function contents(side: Side, object: SchemaObject): string {
  const parts = (side.parts.get(idOf(object)) ?? []).map((part) =>
    canonicalJson([part.kind, part.kind === 'column' ? (part.name.at(-1) ?? '') : '', part.properties]),
  )
  return canonicalJson([object.kind, object.name.slice(0, -1), object.properties, parts.toSorted()])
}

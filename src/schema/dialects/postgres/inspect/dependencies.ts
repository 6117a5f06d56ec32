/** What the catalogue knows of who needs whom, told in ids of the snapshot. */
import { listAt } from '../../../snapshot/side.ts'
import { byCodePoint } from '../../../snapshot/snapshot.ts'
import type { Address, Found, ReaderRow } from './reader.ts'

/** Oids below are the server's own. */
const FIRST_USER_OID = 16_384

/**
 * One row for all edges of one type between two catalogues. Left out: what partitions' indexes and triggers say of
 * their parents (P, S), the inner parts of relations and types that are no objects of their own in a snapshot (i),
 * and all that needs only what every server has.
 */
export const DEPENDENCIES = `select classid::text, refclassid::text, deptype::text, array_agg(objid::int8) as objects,
    array_agg(objsubid) as parts, array_agg(refobjid::int8) as needed, array_agg(refobjsubid) as needed_parts
  from pg_depend where refobjid >= ${FIRST_USER_OID} and (deptype in ('n', 'a', 'e') or deptype = 'i'
    and classid not in (1247::oid, 1259::oid, 2618::oid, 2620::oid))
  group by classid, refclassid, deptype`

/**
 * For each object: the ids that it depends on, sorted, without its parents.
 * @param ids of what was found, in its order
 */
export function dependenciesOf(
  edges: readonly ReaderRow[],
  found: readonly Found[],
  ids: readonly string[],
): readonly string[][] {
  const places = new Map<Address, number>()
  for (const [number, { addresses }] of found.entries()) for (const at of addresses) places.set(at, number)
  const extensionOf = new Map<Address, Address>()
  eachEdge(edges, 'e', (_, member, extension) => extensionOf.set(member.whole, extension.whole))
  const placeOf = ({ exact, whole }: Place): number | undefined => places.get(exact) ?? places.get(whole)
  const needs = found.map((one) => new Set(one.needs))
  eachEdge(edges, 'nai', (type, from, to) => {
    const dependent = placeOf(from)
    if (dependent === undefined) return
    const needed = placeOf(to) ?? places.get(extensionOf.get(to.whole) ?? to.exact)
    if (needed === undefined || needed === dependent) return
    const [one, other] = [found[dependent] as Found, found[needed] as Found]
    if (!isNoNeed(one, other, ids[dependent] as string, type)) needs[dependent]?.add(ids[needed] as string)
  })
  addAttachmentNeeds(found, ids, needs)
  const parents = new Map(found.map((one, number) => [ids[number] as string, one.parent]))
  return ids.map((id, number) => cleaned(id, needs[number] as Set<string>, parents))
}

interface Place {
  readonly exact: Address
  /** Of what it is a part of. */
  readonly whole: Address
}

/** @param types the letters of those that are wanted */
function eachEdge(
  rows: readonly ReaderRow[],
  types: string,
  see: (type: string, from: Place, to: Place) => void,
): void {
  for (const row of rows) {
    const [classid, refclassid, type] = [row['classid'], row['refclassid'], row['deptype']].map(String)
    if (!types.includes(type as string)) continue
    const [objects, parts] = [row['objects'] as number[], row['parts'] as number[]]
    const [needed, neededParts] = [row['needed'] as number[], row['needed_parts'] as number[]]
    for (let at = 0; at < objects.length; at++) {
      const from = place(`${classid}/${objects[at]}/`, parts[at])
      see(type as string, from, place(`${refclassid}/${needed[at]}/`, neededParts[at]))
    }
  }
}

function place(object: `${string}/${string}/`, part: number | undefined): Place {
  const whole: Address = `${object}0`
  return part === 0 ? { exact: whole, whole } : { exact: `${object}${String(part)}`, whole }
}

function cleaned(
  id: string,
  ids: ReadonlySet<string>,
  parents: ReadonlyMap<string, string | null>,
): string[] {
  if (ids.size === 0) return []
  const own = new Set([id])
  for (let up = parents.get(id); typeof up === 'string' && !own.has(up); up = parents.get(up)) own.add(up)
  const others = [...ids].filter((other) => !own.has(other) && parents.has(other))
  return others.length < 2 ? others : others.toSorted(byCodePoint)
}

/** A partition or child is attached when all that both tables have is there, and let go before any of it goes. */
function addAttachmentNeeds(
  found: readonly Found[],
  ids: readonly string[],
  needs: readonly Set<string>[],
): void {
  if (!found.some(({ kind }) => kind === 'attachment')) return
  const parts = new Map<string, Part[]>()
  const below = partitionsBelow(found)
  for (const [number, one] of found.entries()) {
    const referredTo = partitionsReferredTo(one, below)
    for (const needed of [...referredTo, ...attachmentsOf(one, referredTo, below)]) needs[number]?.add(needed)
    if (one.parent !== null && ATTACHED.has(one.kind) && referredTo.length === 0)
      listAt(parts, one.parent).push({ id: ids[number] as string, one })
  }
  for (const [number, attachment] of found.entries()) {
    if (attachment.kind !== 'attachment') continue
    for (const id of partsAttached(attachment, parts)) needs[number]?.add(id)
  }
}

/** Ids of what both tables have, but for what the child has from its parent alone. */
function partsAttached(attachment: Found, parts: ReadonlyMap<string, readonly Part[]>): string[] {
  const own = parts.get(attachment.parent as string) ?? []
  const names = new Set(own.map(({ one }) => one.name.at(-1)))
  const attachedTo = new Set(own.map(({ one }) => one.properties['attachedTo']))
  const above = (attachment.needs ?? []).flatMap((table) => parts.get(table) ?? [])
  const needed = above.filter(
    ({ one }) =>
      (!isGiven(one, attachment) || names.has(one.name.at(-1))) &&
      // It would be given an index for one that is there, and is to have none.
      (one.properties['incomplete'] !== true || attachedTo.has(one.name.at(-1) as string)),
  )
  return [...own, ...needed].map(({ id }) => id)
}

interface Part {
  readonly id: string
  readonly one: Found
}

/** A check that a child has from its parent alone comes to it after the parent does; a partition has it before. */
function isGiven({ properties: { type } }: Found, attachment: Found): boolean {
  return type === 'check' && attachment.properties['bound'] === undefined
}

/** What refers to a table refers to all its partitions, which cannot wait for that in turn. */
function partitionsReferredTo(
  { facts }: Found,
  below: (table: string) => readonly string[],
): readonly string[] {
  const references = facts?.['references']
  return typeof references === 'string' ? below(references) : []
}

/** Partitions that refer to others, or to one another, would take their reference along when they are let go. */
function attachmentsOf(
  { parent }: Found,
  referredTo: readonly string[],
  below: (table: string) => readonly string[],
): readonly string[] {
  if (referredTo.length === 0) return []
  return below(String(parent)).map((id) => id.replace(/^[a-z_]+:/, 'attachment:'))
}

/** The ids of all partitions and children of a table, and theirs. */
function partitionsBelow(found: readonly Found[]): (table: string) => string[] {
  const partitions = new Map<string, string[]>()
  for (const { kind, parent, needs } of found) {
    if (kind === 'attachment')
      for (const whole of needs ?? []) listAt(partitions, whole).push(parent as string)
  }
  const below = (table: string): string[] =>
    (partitions.get(table) ?? []).flatMap((child) => [child, ...below(child)])
  return below
}

const ATTACHED = new Set(['column', 'constraint', 'index'])

const TABLES = new Set(['table', 'foreign_table'])

/** What owns a sequence needs it; a partition can do without its parent, and a parent never needs its parts. */
function isNoNeed(dependent: Found, needed: Found, id: string, type: string): boolean {
  if (dependent.kind === 'sequence' && type !== 'n') return needed.kind === 'column'
  if (TABLES.has(dependent.kind) && TABLES.has(needed.kind)) return true
  return needed.parent === id
}

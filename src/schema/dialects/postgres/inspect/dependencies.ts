/** What the catalogue knows of who needs whom, told in ids of the snapshot. */
import { byCodePoint, idOf } from '../../../snapshot/snapshot.ts'
import type { Address, Found } from './reader.ts'

/** Oids below are the server's own. */
const FIRST_USER_OID = 16_384

/**
 * One line per edge, `classid/objid/objsubid refclassid/refobjid/refobjsubid deptype`. Left out: what
 * partitions' indexes and triggers say of their parents (P, S), and all that needs only what every server has.
 */
export const DEPENDENCIES = `select pg_catalog.string_agg(
    concat(classid::text, '/', objid::text, '/', objsubid::text, ' ', refclassid::text, '/', refobjid::text, '/', refobjsubid::text, ' ', deptype::text),
    E'\\n') as edges
  from pg_depend where refobjid >= ${FIRST_USER_OID} and deptype in ('n', 'a', 'i', 'e')`

/** By the id of each object: the ids that it depends on, sorted, without its parents. */
export function dependenciesOf(
  edges: string,
  found: readonly Found[],
): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, Found>()
  for (const one of found) for (const address of one.addresses) places.set(address, one)
  const lines = edges === '' ? [] : edges.split('\n')
  const pairs = lines.map((line) => line.split(' ') as [Address, Address, string])
  const extensionOf = new Map(
    pairs.filter(([, , type]) => type === 'e').map(([member, extension]) => [member, extension]),
  )
  const needs = new Map<string, Set<string>>(found.map((one) => [idOf(one), new Set(one.needs)]))
  for (const [from, to, type] of pairs) {
    if (type === 'e') continue
    const dependent = placeOf(places, from)
    const needed = placeOf(places, to) ?? placeOf(places, extensionOf.get(whole(to)) ?? to)
    if (dependent !== undefined && needed !== undefined && !isNoNeed(dependent, needed, type)) {
      needs.get(idOf(dependent))?.add(idOf(needed))
    }
  }
  const parents = new Map(found.map((one) => [idOf(one), one.parent]))
  addAttachmentNeeds(found, needs)
  return new Map([...needs].map(([id, ids]) => [id, cleaned(id, ids, parents)]))
}

function cleaned(
  id: string,
  ids: ReadonlySet<string>,
  parents: ReadonlyMap<string, string | null>,
): string[] {
  const own = new Set([id])
  for (let up = parents.get(id); typeof up === 'string' && !own.has(up); up = parents.get(up)) own.add(up)
  return [...ids].filter((other) => parents.has(other) && !own.has(other)).toSorted(byCodePoint)
}

function placeOf(places: ReadonlyMap<string, Found>, address: Address): Found | undefined {
  return places.get(address) ?? places.get(whole(address))
}

function whole(address: Address): Address {
  const [classid = '', objid = ''] = address.split('/')
  return `${classid}/${objid}/0`
}

/** A partition or child is attached when all that both tables have is there, and let go before any of it goes. */
function addAttachmentNeeds(found: readonly Found[], needs: ReadonlyMap<string, Set<string>>): void {
  const attachments = found.filter(({ kind }) => kind === 'attachment')
  if (attachments.length === 0) return
  const parts = new Map<string, string[]>()
  for (const one of found) {
    if (one.parent === null || !ATTACHED.has(one.kind)) continue
    const list = parts.get(one.parent)
    if (list === undefined) parts.set(one.parent, [idOf(one)])
    else list.push(idOf(one))
  }
  for (const attachment of attachments) {
    const own = needs.get(idOf(attachment))
    for (const table of [attachment.parent as string, ...(attachment.needs ?? [])]) {
      for (const part of parts.get(table) ?? []) own?.add(part)
    }
  }
}

const ATTACHED = new Set(['column', 'constraint', 'index'])

const TABLES = new Set(['table', 'foreign_table'])

/** What owns a sequence needs it; a partition can do without its parent, and a parent never needs its parts. */
function isNoNeed(dependent: Found, needed: Found, type: string): boolean {
  if (dependent.kind === 'sequence' && type !== 'n') return needed.kind === 'column'
  if (TABLES.has(dependent.kind) && TABLES.has(needed.kind)) return true
  return needed.parent === idOf(dependent)
}

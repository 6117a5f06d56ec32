/** Names that something of the source has: an index that is built before that goes needs another one meanwhile. */
import type { SchemaObject, Snapshot } from '../../../../snapshot/snapshot.ts'

/** Kinds that share one space of names in their schema; the indexes of constraints are in it too. */
export const RELATIONS: ReadonlySet<string> = new Set([
  'table',
  'foreign_table',
  'view',
  'materialized_view',
  'sequence',
  'composite_type',
  'index',
])

const known = new WeakMap<Snapshot, ReadonlySet<string>>()

/**
 * @param part whose schema and own name are asked for
 * @param former what it is in the source, which does not count
 */
export function isNameHeld(source: Snapshot, part: SchemaObject, former: SchemaObject | undefined): boolean {
  if (former !== undefined && isRelation(former)) return false
  const names =
    known.get(source) ?? new Set(source.objects.filter(isRelation).map((object) => relationName(object)))
  known.set(source, names)
  return names.has(relationName(part))
}

function isRelation({ kind, properties }: SchemaObject): boolean {
  const type = properties['type']
  return RELATIONS.has(kind) || (kind === 'constraint' && type !== 'check' && type !== 'foreign key')
}

function relationName({ name }: Pick<SchemaObject, 'name'>): string {
  return JSON.stringify([name[0], name.at(-1)])
}

import type { SchemaObject } from '../../../snapshot/snapshot.ts'

/** In the order in which they stand in their table, view or type. */
export function byPosition(objects: readonly SchemaObject[]): SchemaObject[] {
  const position = ({ facts }: SchemaObject): number => Number(facts?.['position'] ?? 0)
  return objects.toSorted((a, b) => position(a) - position(b))
}

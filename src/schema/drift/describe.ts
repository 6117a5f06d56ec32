/** Differences in sentences, as seen from a tenant that should be like the expected schema. */
import type { Altered, Change } from '../diff/diff.ts'
import { propertyDifferences, propertyText } from '../diff/property-text.ts'
import { idOf, type SchemaObject } from '../snapshot/snapshot.ts'
import type { Json } from '../snapshot/canonical.ts'

const LONGEST_VALUE = 60

/**
 * @param changes from the tenant's schema to the expected one
 * @returns e.g. `lacks index orders_at`, `has table notes, which is not expected`,
 * `column orders.total: type is integer, expected bigint`
 */
export function describeDrift(changes: readonly Change[]): string[] {
  const whole = new Set(changes.flatMap((change) => (change.type === 'alter' ? [] : [change.id])))
  return changes.flatMap((change) => {
    if (change.type === 'alter') return change.properties.flatMap((name) => propertySentences(change, name))
    const object = change.type === 'drop' ? change.from : change.to
    // A table's columns come and go with it.
    if (object.parent !== null && whole.has(object.parent)) return []
    if (change.type === 'create') return [`lacks ${nameOf(object)}`]
    if (change.type === 'drop') return [`has ${nameOf(object)}, which is not expected`]
    return [`has ${nameOf(change.from)} in the place of ${nameOf(object)}`]
  })
}

function propertySentences({ from, to }: Altered, name: string): string[] {
  if (name === 'parent') return [`${nameOf(to)} belongs to another object`]
  return propertyDifferences(words(name), from.properties[name], to.properties[name]).map(
    (part) => `${nameOf(to)}: ${part.name} is ${valueOf(part.from)}, expected ${valueOf(part.to)}`,
  )
}

function nameOf(object: SchemaObject): string {
  const id = idOf(object)
  return `${words(object.kind)} ${id.slice(id.indexOf(':') + 1)}`
}

/** `notNull` → `not null`, `foreign_table` → `foreign table`. */
function words(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/gu, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()
}

function valueOf(value: Json | undefined): string {
  if (value === undefined || value === null || value === '') return 'none'
  const line = propertyText(value).replaceAll(/\s+/gu, ' ').trim()
  return line.length > LONGEST_VALUE ? `${line.slice(0, LONGEST_VALUE - 1)}…` : line
}

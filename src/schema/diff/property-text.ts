/** Properties in words: a structure is told by its parts, and of two structures only what differs. */
import { sameJson, type Json } from '../snapshot/canonical.ts'

type Structure = Readonly<Record<string, Json>>

export interface PropertyDifference {
  /** e.g. `identity start` */
  readonly name: string
  readonly from: Json | undefined
  readonly to: Json | undefined
}

/** Part by part where both are structures. */
export function propertyDifferences(
  name: string,
  from: Json | undefined,
  to: Json | undefined,
): PropertyDifference[] {
  if (!isStructure(from) || !isStructure(to)) return [{ name, from, to }]
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].toSorted()
  return keys
    .filter((key) => !sameJson(from[key] ?? null, to[key] ?? null))
    .flatMap((key) => propertyDifferences(`${name} ${keyText(key)}`, from[key], to[key]))
}

/** e.g. `generation always, start 5`; a part that says nothing is left out. */
export function propertyText(value: Json): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (isList(value)) return value.map(propertyText).join(', ')
  return Object.entries(value)
    .flatMap(([key, part]) => {
      if (part === true) return [keyText(key)]
      const text = part === null || part === false ? '' : propertyText(part)
      if (text === '') return []
      return [`${keyText(key)} ${isStructure(part) ? `(${text})` : text}`]
    })
    .join(', ')
}

/** Grants to everybody have no name. */
function keyText(key: string): string {
  return key === '' ? 'PUBLIC' : key
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

function isStructure(value: Json | undefined): value is Structure {
  return typeof value === 'object' && value !== null && !isList(value)
}
